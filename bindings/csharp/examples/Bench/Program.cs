// What a message of 100 bytes costs from C#. Usage: bench [URL [COUNT]]
using System.Diagnostics;
using AgentMQ;

var url = args.Length > 0 ? args[0] : "memory://bench";
var count = args.Length > 1 ? int.Parse(args[1]) : 20_000;
const int batchSize = 100;
const string channel = "bench";
var patience = TimeSpan.FromSeconds(10);

using var bus = Bus.Open(url, new Dictionary<string, string> { ["max_items"] = "0", ["prefetch"] = "200" });
bus.Clear(channel);
using var subscription = bus.Subscribe(channel, "a");
var message = new Message(new byte[100]) { Target = "a" };
var batch = Enumerable.Repeat(message, batchSize).ToArray();

for (var round = 0; round < 4; round++) Measure(count, silent: true); // until it is compiled well
Measure(count, silent: false);

void Measure(int messages, bool silent)
{
    Time("publish, one by one", () =>
    {
        for (var i = 0; i < messages; i++) bus.Publish(channel, message);
    });
    Time("fetch and ack, one by one", () =>
    {
        for (var i = 0; i < messages; i++) bus.Ack(subscription.Fetch(patience)!);
    });
    Time($"publish, batches of {batchSize}", () =>
    {
        for (var i = 0; i < messages; i += batchSize) bus.PublishBatch(channel, batch);
    });
    Time($"fetch and ack, batches of {batchSize}", () =>
    {
        for (var got = 0; got < messages;)
        {
            var fetched = subscription.FetchBatch(batchSize, patience);
            bus.AckBatch(fetched);
            got += fetched.Count;
        }
    });
    Time("publish, asynchronously", () =>
    {
        for (var i = 0; i < messages; i++) _ = bus.PublishAsync(channel, message);
        bus.Flush(patience);
    });
    bus.Clear(channel);

    void Time(string what, Action work)
    {
        var watch = Stopwatch.StartNew();
        work();
        if (!silent) Console.WriteLine($"{what,-32}{watch.Elapsed.TotalNanoseconds / messages,10:F0} ns");
    }
}

// What a message of 100 bytes costs from C#: publishing it, and fetching, reading and acknowledging it, one by one and in
// batches of 100. Usage: bench [URL [COUNT]]. Prints ns per message, the best of several rounds.
using System.Diagnostics;
using AgentMQ;

var url = args.Length > 0 ? args[0] : "memory://bench";
var count = args.Length > 1 ? int.Parse(args[1]) : 5_000;
const int rounds = 31; // of which the first warm up
const int batchSize = 100;
const string channel = "bench";
const string agent = "bench";
const string type = "bench";
var patience = TimeSpan.FromSeconds(10);

using var bus = Bus.Open(url, new Dictionary<string, string> { ["max_items"] = "0" });
bus.Clear(channel);
using var subscription = bus.Subscribe(channel, agent);
var payload = new byte[100];

(string What, Action Step)[] parts =
[
    ("publish, one by one", PublishOneByOne),
    ("fetch and ack, one by one", FetchOneByOne),
    ($"publish, batches of {batchSize}", PublishBatches),
    ($"fetch and ack, batches of {batchSize}", FetchBatches),
];
var best = parts.Select(_ => TimeSpan.MaxValue).ToArray();
for (var round = 0; round < rounds; round++)
{
    for (var i = 0; i < parts.Length; i++)
    {
        var watch = Stopwatch.StartNew();
        parts[i].Step();
        if (watch.Elapsed < best[i]) best[i] = watch.Elapsed;
    }
}
for (var i = 0; i < parts.Length; i++)
{
    Console.WriteLine($"{parts[i].What,-32}{best[i].TotalNanoseconds / count,10:F0} ns");
}

Message Make() => new(payload) { Target = agent, Type = type };

// Looks at what a worker looks at.
Message Read(Message message)
{
    var bytes = message.Payload.Span;
    if (message.Type == type && bytes.Length == 100 && bytes[99] == 0) return message;
    throw new InvalidOperationException("this is not what was published");
}

void PublishOneByOne()
{
    for (var i = 0; i < count; i++) bus.Publish(channel, Make());
}

void FetchOneByOne()
{
    for (var i = 0; i < count; i++) bus.Ack(Read(subscription.Fetch(patience)!));
}

void PublishBatches()
{
    for (var i = 0; i < count; i += batchSize)
    {
        var batch = new Message[batchSize];
        for (var one = 0; one < batchSize; one++) batch[one] = Make();
        bus.PublishBatch(channel, batch);
    }
}

void FetchBatches()
{
    for (var got = 0; got < count;)
    {
        var fetched = subscription.FetchBatch(batchSize, patience);
        foreach (var message in fetched) Read(message);
        bus.AckBatch(fetched);
        got += fetched.Count;
    }
}

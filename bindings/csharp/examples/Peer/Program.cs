// One of a team whose members are written in different languages.
//   peer publish URL N      publishes N messages to "worker"
//   peer work URL NAME      hands what "worker" gets on to "collector", until 3 s pass without a message or SIGTERM comes
using System.Runtime.InteropServices;
using AgentMQ;

const string channel = "mixed";
switch (args)
{
    case ["publish", var url, var count]:
        Publish(url, int.Parse(count));
        return 0;
    case ["work", var url, var name]:
        Console.WriteLine(Work(url, name));
        return 0;
    default:
        Console.Error.WriteLine("usage: peer publish URL N | peer work URL NAME");
        return 2;
}

static void Publish(string url, int count)
{
    using var bus = Bus.Open(url);
    for (var i = 0; i < count; i++)
    {
        bus.Publish(channel, Message.FromText($"{i}:\u00e9\U0001F600\0end") with
        {
            Target = "worker",
            CorrelationId = $"{i}",
            Priority = 4 + i % 3,
            Headers = new Dictionary<string, string> { ["n"] = $"{i}", ["plane"] = "\U0001F600" },
        });
    }
}

static int Work(string url, string name)
{
    using var stop = new CancellationTokenSource();
    using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal =>
    {
        signal.Cancel = true; // the message in hand is finished first
        stop.Cancel();
    });
    using var bus = Bus.Open(url);
    using var subscription = bus.Subscribe(channel, $"worker:{name}", new Dictionary<string, string> { ["prefetch"] = "4" });
    var done = 0;
    try
    {
        while (subscription.Fetch(TimeSpan.FromSeconds(8), stop.Token) is { } message)
        {
            var headers = new Dictionary<string, string>(message.Headers) { ["by"] = "csharp" };
            bus.Publish(channel, new Message(message.Payload)
            {
                Target = "collector",
                CorrelationId = message.CorrelationId,
                Headers = headers,
            });
            bus.Ack(message);
            done++;
        }
    }
    catch (OperationCanceledException)
    {
    }
    return done;
}

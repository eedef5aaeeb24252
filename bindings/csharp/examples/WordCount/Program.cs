// A team of agents counts the words of a text. Usage: wordcount [URL [FILE]]
//
// The coordinator publishes each chapter as a task for the agent type "counter". Three counters compete for the tasks and
// send what they counted to the agent "collector", which merges it. The second counter fails now and then, and a fourth
// one leaves with a task in its hand: those tasks come again, to any counter. Nothing is lost: the program exits with 1
// where the result differs from a direct count.
using System.Diagnostics;
using AgentMQ;

const string channel = "wordcount";
var url = args.Length > 0 ? args[0] : "memory://wordcount";
var text = File.ReadAllBytes(args.Length > 1 ? args[1] : "examples/data/sonnets.md");

var watch = Stopwatch.StartNew();
using var bus = Bus.Open(url, new Dictionary<string, string>
{
    ["namespace"] = "wordcount", // apart from what else is on the server
    ["prefetch"] = "1", // an agent takes a task only when it has time for it
    ["backoff_base"] = "100ms", // how soon a failed task comes again
});
bus.Clear("*"); // what a run that was broken off left
var chapters = PublishTasks();
LoseACounter();
var counters = Enumerable.Range(1, 3).Select(number => new Counter(bus, channel, number)).ToArray();
var all = new Tally { Delivered = 1 }; // what the counter took that left
var results = Collect();
foreach (var counter in counters) all.Add(await counter.End());

var merged = new Words();
foreach (var result in results.Values) merged.Add(result);
var direct = Words.Of(text);
var dead = bus.DeadLetters().Count;
var right = merged.Same(direct) && results.Count == chapters && dead == 0 && bus.Count() == 0;
var published = chapters + counters.Sum(counter => counter.Tally.Acked); // a result for each
Console.WriteLine($"{(right ? "right" : "WRONG")}: {merged.Total} words, {merged.Different} different ones, in " +
                  $"{results.Count} chapters; a direct count says {direct.Total} and {direct.Different}");
Console.WriteLine($"published {published}, delivered {all.Delivered}, retried {all.Retried}, dead-lettered {dead}, " +
                  $"acked {all.Acked}, lost {chapters - results.Count}, in {watch.Elapsed.TotalSeconds:F2} seconds");
return right ? 0 : 1;

// The coordinator: one task for each chapter, the long ones first. Answers how many.
int PublishTasks()
{
    var number = 0;
    for (var begin = 0; begin < text.Length;)
    {
        var next = text.AsSpan(begin + 1).IndexOf("\n# "u8);
        var end = next < 0 ? text.Length : begin + 1 + next;
        bus.Publish(channel, new Message(text.AsMemory(begin, end - begin))
        {
            Source = "coordinator",
            Target = "counter",
            Type = "count",
            ReplyTo = "collector",
            CorrelationId = $"{number++}",
            Priority = end - begin > 620 ? Priority.High : Priority.Normal,
        });
        begin = end;
    }
    return number;
}

// A counter takes a task and leaves without a word: the visibility timeout brings the task back.
void LoseACounter()
{
    using var leaving = bus.Subscribe(channel, "counter:4", new Dictionary<string, string>
    {
        ["visibility_timeout"] = "500ms",
        ["auto_extend"] = "false",
    });
    if (leaving.Fetch(TimeSpan.FromSeconds(10)) == null) throw new TimeoutException("there was no task");
}

// The collector: keeps one result a chapter, also where one comes twice.
Dictionary<string, Words> Collect()
{
    var got = new Dictionary<string, Words>();
    using var collector = bus.Subscribe(channel, "collector");
    while (got.Count < chapters && watch.Elapsed < TimeSpan.FromMinutes(1))
    {
        if (collector.Fetch(TimeSpan.FromSeconds(1)) is not { } result) continue;
        all.Delivered++;
        if (result.Deliveries > 1) all.Retried++;
        got.TryAdd(result.CorrelationId, Words.Read(result.PayloadText));
        bus.Ack(result);
        all.Acked++;
    }
    return got;
}

internal sealed class Tally
{
    internal int Delivered { get; set; }

    internal int Retried { get; set; }

    internal int Acked { get; set; }

    internal void Add(Tally other)
    {
        Delivered += other.Delivered;
        Retried += other.Retried;
        Acked += other.Acked;
    }
}

// A counter at work. The verdict settles the task.
internal sealed class Counter
{
    private readonly Bus _bus;
    private readonly string _channel;
    private readonly bool _unreliable;
    private readonly Subscription _tasks;

    internal Counter(Bus bus, string channel, int number)
    {
        _bus = bus;
        _channel = channel;
        _unreliable = number == 2;
        _tasks = bus.Subscribe(channel, $"counter:{number}");
        _ = _tasks.ConsumeAsync(CountWords);
    }

    internal Tally Tally { get; } = new();

    // When the handler has ended and its acknowledgements are sent.
    internal async Task<Tally> End()
    {
        if (!await _tasks.DrainAsync(TimeSpan.FromSeconds(10))) throw new TimeoutException($"{_tasks.Agent} still works");
        _tasks.Dispose();
        return Tally;
    }

    private async Task<Verdict> CountWords(Message task, CancellationToken stop)
    {
        await Task.Delay(10, CancellationToken.None); // real agents take their time
        Tally.Delivered++;
        if (task.Deliveries > 1) Tally.Retried++;
        if (_unreliable && Tally.Delivered % 3 == 1) return Verdict.Retry;
        await _bus.PublishAsync(_channel, Message.FromText(Words.Of(task.Payload.Span).Write()) with
        {
            Source = task.Agent,
            Target = task.ReplyTo,
            Type = "counted",
            CorrelationId = task.CorrelationId,
        }, CancellationToken.None);
        Tally.Acked++;
        return Verdict.Ack;
    }
}

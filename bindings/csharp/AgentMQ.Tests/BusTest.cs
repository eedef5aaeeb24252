namespace AgentMQ.Tests;

// What the tests of both backends share. Each test has a bus of its own, in a name or namespace of its own.
public abstract class BusTest : IDisposable
{
    protected const string Memory = "memory";
    protected const string Redis = "redis";
    protected static readonly TimeSpan Patience = Eventually.Patience;
    protected static readonly TimeSpan Forever = Timeout.InfiniteTimeSpan;

    private readonly string _name = Guid.NewGuid().ToString("n");
    private readonly List<IDisposable> _ended = [];

    public static TheoryData<string> Backends => new(Memory, Redis);

    public void Dispose()
    {
        for (var i = _ended.Count - 1; i >= 0; i--) _ended[i].Dispose();
        GC.SuppressFinalize(this);
    }

    protected static Dictionary<string, string> Settings(params (string Name, string Value)[] settings) =>
        settings.ToDictionary(setting => setting.Name, setting => setting.Value);

    protected string Url(string backend) =>
        backend == Memory ? $"memory://{_name}" : $"{RedisServer.Shared.Url}?namespace={_name}";

    protected Bus Open(string backend, params (string Name, string Value)[] settings) =>
        Ends(Bus.Open(Url(backend), Settings(settings)));

    protected Subscription Subscribe(Bus bus, string channel, string agent, params (string Name, string Value)[] settings) =>
        Ends(bus.Subscribe(channel, agent, Settings(settings)));

    protected T Ends<T>(T disposable) where T : IDisposable
    {
        _ended.Add(disposable);
        return disposable;
    }

    protected static Message To(string target, string text) => Message.FromText(text) with { Target = target };

    protected static Message Next(Subscription subscription) =>
        subscription.Fetch(Patience) ?? throw new TimeoutException("no message came");

    // Before this the call waits, after it the call has ended.
    protected static async Task<T> InTime<T>(Task<T> task) => await task.WaitAsync(Patience);

    protected static async Task InTime(Task task) => await task.WaitAsync(Patience);
}

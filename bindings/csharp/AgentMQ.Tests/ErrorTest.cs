using System.Text;

namespace AgentMQ.Tests;

public sealed class ErrorTest : BusTest
{
    [Fact]
    public void TheStatusesAreThoseOfTheLibrary()
    {
        foreach (var status in Enum.GetValues<Status>())
        {
            var name = new StringBuilder("MQ");
            foreach (var letter in $"{status}")
            {
                if (char.IsUpper(letter)) name.Append('_');
                name.Append(char.ToUpperInvariant(letter));
            }
            Assert.Equal($"{name}", Text.Of(Interop.Native.mq_status_name(status)));
        }
        Assert.Equal("MQ_?", Text.Of(Interop.Native.mq_status_name((Status)21)));
        Assert.True(new BusUnavailableException("x").IsRetriable);
        Assert.False(new AgentMQException(Status.Unknown, "x").IsRetriable);
    }

    [Theory, MemberData(nameof(Backends))]
    public void LongNamesAndLongReasonsArrive(string backend)
    {
        var name = new string('é', 20_000);
        var failure = Assert.Throws<AgentMQException>(() => Open(backend, (name, "1")));
        Assert.Equal(Status.Invalid, failure.Status);
        Assert.StartsWith("there is no setting 'é", failure.Message);

        var bus = Open(backend);
        bus.Publish("c", To("a", "x"));
        bus.Nack(Next(Subscribe(bus, "c", "a")), Failure.Permanent, reason: name);
        Assert.Equal(name, Assert.Single(bus.DeadLetters()).Reason);
    }

    [Fact]
    public void AnErrorOf20000CharactersComesWhole()
    {
        var host = new string('h', 20_000);
        var failure = Assert.Throws<BusUnavailableException>(() => Bus.Open($"redis://{host}?open_timeout=50ms"));
        Assert.Contains(host, failure.Message);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task EachThreadGetsTheTextOfItsOwnFailure(string backend)
    {
        var bus = Open(backend);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                var name = $"no_such_{thread}_{i}";
                Assert.Contains(name, Assert.Throws<AgentMQException>(() => bus.Count(Settings((name, "1")))).Message);
            }
        })));
    }

    [Fact]
    public void AServerThatIsNotThereIsUnavailable()
    {
        const string nowhere = "redis+unix:///nowhere/redis.sock?open_timeout=100ms";
        var failure = Assert.Throws<BusUnavailableException>(() => Bus.Open(nowhere));
        Assert.True(failure.IsRetriable);
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => Bus.Open("nothing://x")).Status);
    }

    [Fact]
    public async Task ARestartInTheMiddleLosesNothing()
    {
        using var server = new RedisServer(appendOnly: true);
        using var bus = Bus.Open(server.Url, Settings(("reconnect_base", "10ms")));
        using var subscription = bus.Subscribe("c", "a");
        using var other = bus.Subscribe("c", "b");
        bus.Publish("c", To("a", "before"));
        var held = Next(subscription);
        var waiting = Task.Run(() => subscription.Fetch(Patience));
        var awaiting = other.FetchAsync(Patience).AsTask();
        server.Restart();
        bus.Publish("c", To("a", "after"));
        await InTime(bus.PublishAsync("c", To("b", "after")));
        Assert.Equal("after", (await InTime(waiting))!.PayloadText);
        Assert.Equal("after", (await InTime(awaiting))!.PayloadText);
        bus.Ack(held);
        Assert.Equal(2, bus.Count());
    }
}

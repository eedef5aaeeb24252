using System.Text.Json;

namespace AgentMQ.Tests;

// Keys, signatures and histories of messages; lists and pauses.
public sealed class AdminTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public void ARepeatIsNotStoredTwice(string backend)
    {
        var bus = Open(backend);
        var order = To("a", "x") with { DedupKey = "order 7" };
        var first = bus.Publish("c", order);
        var later = order with { DedupKey = "8", Delay = TimeSpan.FromHours(1) };
        Assert.Equal(first.Id, bus.PublishBatch("c", [order, later, To("a", "y")])[0].Id);
        Assert.Equal(3, bus.Count());
        Assert.Equal("order 7", bus.Get(first.Id)!.DedupKey);
        Assert.Throws<ArgumentException>(() => bus.Publish("c", order with { DedupKey = "a\0b" }));
        Assert.NotEqual(order, later);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ASignedMessageNamesItsKey(string backend)
    {
        var bus = Open(backend, ("signing_key", "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
            ("require_signature", "true"));
        bus.Publish("c", To("a", "x"));
        var got = Next(Subscribe(bus, "c", "a"));
        Assert.Equal("k1", got.SignedBy);
        Assert.NotNull(got.SignedAt);
        Assert.Equal("[]", got.History);
        Assert.Equal("", To("a", "x").SignedBy);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ADeadLetterHasItsHistory(string backend)
    {
        var bus = Open(backend, ("retry_attempts", "2"), ("backoff_base", "1ms"), ("backoff_max", "1ms"));
        var subscription = Subscribe(bus, "c", "a");
        bus.Publish("c", To("a", "x"));
        bus.Nack(Next(subscription), delay: TimeSpan.Zero, reason: "first");
        bus.Nack(Next(subscription), delay: TimeSpan.Zero, reason: "second");
        var dead = Assert.Single(bus.DeadLetters(Settings(("agent", "a"))));
        using var history = JsonDocument.Parse(dead.History);
        Assert.Equal("first", history.RootElement[0].GetProperty("reason").GetString());
        Assert.Equal("failure", history.RootElement[1].GetProperty("kind").GetString());
        Assert.Equal(1, bus.ReplayAll(Settings(("dry_run", "true"))));
        Assert.Single(bus.DeadLetters());
    }

    [Theory, MemberData(nameof(Backends))]
    public void AChannelIsPausedAndListed(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        bus.Pause("c", reason: "maintenance");
        bus.Publish("c", To("a", "x"));
        Assert.Null(subscription.Fetch(TimeSpan.Zero));
        Assert.Contains("maintenance", bus.Channels());
        bus.Resume("c");
        Assert.Throws<MessageNotFoundException>(() => bus.Resume("c"));
        bus.Pause("c", "a");
        Assert.Contains("\"scope\":\"agent\"", bus.Groups());
        bus.Resume("c", "a");
        Assert.Equal("x", Next(subscription).PayloadText);
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => bus.Groups("c\n")).Status);
    }
}

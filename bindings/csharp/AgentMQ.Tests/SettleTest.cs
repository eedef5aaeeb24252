using System.Text.Json;

namespace AgentMQ.Tests;

public sealed class SettleTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public void AnAcknowledgedMessageIsGoneAndCannotBeSettledAgain(string backend)
    {
        var bus = Open(backend);
        bus.Publish("c", To("a", "x"));
        var got = Next(Subscribe(bus, "c", "a"));
        bus.Ack(got);
        Assert.Equal(Status.NotFound, Assert.Throws<MessageNotFoundException>(() => bus.Ack(got)).Status);
        Assert.Null(bus.Get(got.Id));
    }

    [Theory, MemberData(nameof(Backends))]
    public void ABatchIsAcknowledgedInPartWhereSomeAreGone(string backend)
    {
        var bus = Open(backend);
        bus.PublishBatch("c", Enumerable.Range(0, 3).Select(i => To("a", $"{i}")));
        var got = Subscribe(bus, "c", "a").FetchBatch(3, Patience);
        Assert.Equal(3, got.Count);
        bus.Ack(got[1]);
        Assert.Equal([Status.Ok, Status.NotFound, Status.Ok], bus.AckBatch(got));
        Assert.Throws<MessageNotFoundException>(() => bus.AckReceipts(got.Select(message => message.Receipt)));
        Assert.Empty(bus.AckReceipts([]));
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => bus.AckReceipts(["nonsense"])).Status);
    }

    [Theory, MemberData(nameof(Backends))]
    public void AFailedMessageComesAgainAndThenGoesToTheDeadLetters(string backend)
    {
        var bus = Open(backend, ("retry_attempts", "2"), ("backoff_base", "1ms"));
        var subscription = Subscribe(bus, "c", "a");
        var id = bus.Publish("c", To("a", "x")).Id;
        var first = Next(subscription);
        bus.Nack(first, reason: "not yet");
        var again = Next(subscription);
        Assert.Equal((2, "not yet"), (again.Deliveries, again.Reason));
        bus.Nack(again, Failure.Transient, TimeSpan.Zero, "never");
        Assert.Null(subscription.Fetch(TimeSpan.Zero));
        var dead = Assert.Single(bus.DeadLetters(Settings(("channel", "c"))));
        Assert.Equal((MessageState.Dead, "never", 2, "x"), (dead.State, dead.Reason, dead.Deliveries, dead.PayloadText));
        Assert.Equal("a", dead.Agent);

        var replayed = bus.Replay(dead.Id);
        Assert.NotEqual(id, replayed);
        var anew = Next(subscription);
        Assert.Equal((replayed, 1), (anew.Id, anew.Deliveries));
        bus.Nack(anew, Failure.Permanent);
        Assert.Equal(1, bus.ReplayAll());
        bus.Nack(Next(subscription), Failure.Permanent);
        Assert.Equal(1, bus.PurgeDeadLetters());
        Assert.Empty(bus.DeadLetters());
        Assert.Throws<MessageNotFoundException>(() => bus.Replay(dead.Id));
    }

    [Theory, MemberData(nameof(Backends))]
    public void ALapsedReservationIsStaleForWhoHadIt(string backend)
    {
        var bus = Open(backend, ("auto_extend", "false"), ("visibility_timeout", "100ms"));
        var slow = Subscribe(bus, "c", "a:slow");
        bus.Publish("c", To("a", "x"));
        var held = Next(slow);
        bus.RecoverPending("a");
        var quick = Subscribe(bus, "c", "a:quick", ("visibility_timeout", "1h"));
        slow.Dispose();
        var taken = Next(quick);
        Assert.Equal(2, taken.Deliveries);
        Assert.Equal(Status.Stale, Assert.Throws<StaleReservationException>(() => bus.Ack(held)).Status);
        bus.Ack(taken);
    }

    [Theory, MemberData(nameof(Backends))]
    public void AnExtendedReservationHoldsLonger(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        bus.Publish("c", To("a", "x"));
        var got = Next(subscription);
        bus.Extend(got, TimeSpan.FromHours(2));
        Assert.True(bus.Get(got.Id)!.ReservedUntil > DateTimeOffset.UtcNow.AddHours(1));
        bus.Extend(got, TimeSpan.FromMilliseconds(1));
        Eventually.Holds(() => bus.RecoverPending() > 0 || bus.Get(got.Id)!.State != MessageState.Reserved, "it lapses");
        Assert.Equal(2, Next(subscription).Deliveries);
    }

    [Theory, MemberData(nameof(Backends))]
    public void PendingMessagesAreSettledByTheirIds(string backend)
    {
        var bus = Open(backend);
        bus.Publish("c", To("a", "1"));
        bus.Publish("c", To("a", "2") with { Priority = Priority.High });
        bus.Publish("d", To("a", "3"));
        var held = Next(Subscribe(bus, "c", "a"));
        Assert.Equal("2", held.PayloadText);
        var pending = bus.GetPending("c", "a");
        Assert.Equal(["2", "1"], pending.Select(message => message.PayloadText));
        Assert.Equal(3, bus.GetPending(null, "a").Count);
        Assert.Single(bus.GetPending("c", "a", limit: 1));
        bus.AckId("a", pending[0].Id);
        bus.Ack(pending[1]);
        Assert.Empty(bus.GetPending("c", "a"));
        Assert.Throws<MessageNotFoundException>(() => bus.Ack(held));
    }

    [Theory, MemberData(nameof(Backends))]
    public void MessagesAreLookedUpCountedAndRemoved(string backend)
    {
        var bus = Open(backend);
        var messages = Enumerable.Range(0, 5).Select(i => To("a", $"{i}") with { Type = i % 2 == 0 ? "even" : "odd" });
        var ids = bus.PublishBatch("c", messages).Select(published => published.Id).ToArray();
        var one = bus.Get(ids[1])!;
        Assert.Equal(("1", MessageState.Queued, ""), (one.PayloadText, one.State, one.Receipt));
        Assert.Equal(["1", "3"], bus.Find(Settings(("type", "odd"))).Select(message => message.PayloadText));
        Assert.Equal(["2", "3"], bus.Find(null, limit: 2, offset: 2).Select(message => message.PayloadText));
        Assert.Equal(3, bus.Count(Settings(("type", "even"), ("state", "!acked"))));
        bus.Delete(ids[0]);
        Assert.Throws<MessageNotFoundException>(() => bus.Delete(ids[0]));
        Assert.Null(bus.Get(ids[0]));
        Assert.Equal(4, bus.Clear("c"));
        Assert.Equal(0, bus.Count());
    }

    [Theory, MemberData(nameof(Backends))]
    public void ListsLargerThanTheBufferArriveWhole(string backend)
    {
        var bus = Open(backend);
        var message = new Message(new byte[200]) { Target = "a" };
        bus.PublishBatch("c", Enumerable.Range(0, 1000).Select(i => message with { CorrelationId = $"{i}" }));
        Assert.Equal(1000, bus.Find().Count);
        var got = Subscribe(bus, "c", "a", ("prefetch", "1000")).FetchBatch(1000, Patience);
        Assert.Equal(Enumerable.Range(0, got.Count).Select(i => $"{i}"), got.Select(message => message.CorrelationId));
        Assert.True(got.Count > 500);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ReportsAreJson(string backend)
    {
        var bus = Open(backend, ("log_level", "debug"), ("health_degraded", "20s"), ("health_unhealthy", "30s"));
        Assert.Null(bus.NextLog(TimeSpan.Zero));
        bus.Publish("c", To("a", "x"));
        var subscription = Subscribe(bus, "c", "a");
        bus.Ack(Next(subscription));
        Assert.True(JsonDocument.Parse(bus.NextLog(Patience)!).RootElement.ValueKind == JsonValueKind.Object);
        Assert.Contains("\"c\"", bus.Stats("c"));
        JsonDocument.Parse(bus.Stats()).Dispose();
        var health = bus.Health();
        Assert.NotEqual(HealthState.Unhealthy, health.State);
        JsonDocument.Parse(health.Json).Dispose();
        using var table = JsonDocument.Parse(Bus.SettingsJson);
        Assert.Contains(table.RootElement.EnumerateArray(), setting => setting.GetProperty("name").GetString() == "prefetch");
        Assert.Matches(@"^\d+\.\d+\.\d+$", Bus.Version);
    }

    [Theory, MemberData(nameof(Backends))]
    public void AChannelsOwnLimitsHold(string backend)
    {
        var bus = Open(backend);
        bus.Configure("c", Settings(("max_items", "1")));
        bus.Publish("c", To("a", "x"));
        Assert.Equal(Status.Full, Assert.Throws<AgentMQException>(() => bus.Publish("c", To("a", "y"))).Status);
    }
}

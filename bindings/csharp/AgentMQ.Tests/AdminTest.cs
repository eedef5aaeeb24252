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

    [Theory, MemberData(nameof(Backends))]
    public void KeptBroadcastsComeAgain(string backend)
    {
        var bus = Open(backend, ("retain", "1h"));
        var subscription = Subscribe(bus, "c", "a");
        bus.Publish("c", To("", "x"));
        bus.Ack(Next(subscription));
        subscription.Seek("all");
        var again = Next(subscription);
        Assert.Equal("x", again.PayloadText);
        bus.Ack(again);
        Assert.Equal(MessageState.Acked, bus.Get(again.Id)!.State);
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => subscription.Seek("nowhere")).Status);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task AnAuditTrailIsReadAndVerified(string backend)
    {
        var bus = Open(backend, ("audit", "messages"));
        bus.Audit("decisions", "{\"verdict\": \"yes\"}", "judge");
        bus.Audit("decisions", "2");
        Assert.Throws<AgentMQException>(() => bus.Audit("decisions", "{"));
        using var first = JsonDocument.Parse(bus.AuditRead("decisions", limit: 1));
        Assert.Equal(1, first.RootElement.GetProperty("records").GetArrayLength());
        using var second = JsonDocument.Parse(
            bus.AuditRead("decisions", first.RootElement.GetProperty("next").GetString()));
        Assert.Equal(1, second.RootElement.GetProperty("records").GetArrayLength());
        using var verdict = JsonDocument.Parse(bus.AuditVerify("decisions"));
        Assert.True(verdict.RootElement.GetProperty("intact").GetBoolean());
        bus.Publish("c", To("a", "x"));
        Assert.True(await InTime(bus.FlushAsync(Patience)));
        Assert.Contains("publish", bus.AuditRead("messages"));
    }

    [Theory, MemberData(nameof(Backends))]
    public void ARateLimitTellsWhenToComeBack(string backend)
    {
        var bus = Open(backend, ("rate_limit", "1"));
        var limited = Assert.Throws<AgentMQException>(() =>
        {
            for (var i = 0; i < 100; i++) bus.Publish("c", To("a", "x"));
        });
        Assert.Equal(Status.RateLimited, limited.Status);
        Assert.True(limited.IsRetriable);
        Assert.NotNull(limited.RetryAfter);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ABatchThatARateLimitCutTellsWhenTheRestMayCome(string backend)
    {
        // What became of them fits no first buffer.
        var bus = Open(backend, ("rate_limit", "1"));
        var all = bus.PublishMany("c", Message.FromText("x"), Enumerable.Range(0, 700).Select(i => $"a{i}"));
        Assert.True(all[0].IsStored);
        Assert.Null(all[0].RetryAfter);
        Assert.Equal(Status.RateLimited, all[699].Status);
        Assert.InRange(all[699].RetryAfter!.Value, TimeSpan.FromMilliseconds(1), TimeSpan.FromDays(1));

        var sent = Enumerable.Range(0, 100).Select(i => bus.PublishAsync("d", To($"a{i}", "x"))).ToList();
        await Assert.ThrowsAsync<AgentMQException>(() => bus.FlushAsync(Patience));
        var failure = await Assert.ThrowsAsync<AgentMQException>(() => sent[99]);
        Assert.Equal(Status.RateLimited, failure.Status);
        Assert.NotNull(failure.RetryAfter);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task AnAgentIsAnnouncedAndAMessageExplained(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        bus.Announce("counter", TimeSpan.FromMinutes(1), "counts words");
        Assert.Contains("counts words", bus.Agents("count*"));
        bus.Announce("counter", TimeSpan.Zero);
        Assert.DoesNotContain("counter", bus.Agents());
        Assert.Throws<AgentMQException>(() => bus.Announce("counter", TimeSpan.FromMilliseconds(1)));

        var id = bus.Publish("c", To("a", "x") with { Type = MessageType.Event }).Id;
        using var told = JsonDocument.Parse(bus.Explain(id));
        Assert.Equal("queued", told.RootElement.GetProperty("state").GetString());
        Assert.True(bus.Await(id, MessageState.Queued, Patience).IsReached);
        Assert.Equal(Status.Timeout, bus.Await(id, MessageState.Acked, TimeSpan.Zero).Status);
        var acked = bus.AwaitAsync(id, MessageState.Acked, Patience);
        bus.Ack(Next(subscription));
        Assert.Equal(new(Status.Ok, MessageState.Acked), await InTime(acked));

        var deleted = bus.Publish("c", To("b", "y")).Id;
        Assert.Equal(Status.Timeout, bus.Await(deleted, MessageState.Acked, TimeSpan.Zero).Status);
        var other = bus.AwaitAsync(deleted, MessageState.Acked, Patience);
        bus.Delete(deleted);
        Assert.Equal(Status.NotFound, (await InTime(other)).Status);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ASubscriptionTakesTheTypesItNames(string backend)
    {
        var bus = Open(backend);
        bus.Publish("c", To("a", "e") with { Type = MessageType.Event });
        bus.Publish("c", To("a", "c") with { Type = MessageType.Command });
        var commands = Subscribe(bus, "c", "a", ("types", MessageType.Command));
        Assert.Equal("c", Next(commands).PayloadText);
        Assert.Null(commands.Fetch(TimeSpan.Zero));
        Assert.Equal(1, bus.Count(Settings(("type", MessageType.Event))));
    }
}

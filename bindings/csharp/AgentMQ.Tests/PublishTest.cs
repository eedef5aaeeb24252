using System.Text.Json;

namespace AgentMQ.Tests;

public sealed class PublishTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public void WhatIsPublishedArrivesWithAllItsProperties(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a:1");
        var before = DateTimeOffset.UtcNow.AddMinutes(-1);
        var published = bus.Publish("c", new Message(new byte[] { 0, 1, 255, 0 })
        {
            Target = "a",
            Source = "s",
            Type = "t",
            CorrelationId = "k",
            ReplyTo = "r",
            ContentType = "application/octet-stream",
            Headers = new Dictionary<string, string> { ["one"] = "1", ["empty"] = "" },
            Priority = Priority.High,
            TimeToLive = TimeSpan.FromHours(1),
        });
        Assert.Equal(Status.Ok, published.Status);
        Assert.InRange(published.Timestamp!.Value, before, before.AddHours(1));
        var got = Next(subscription);
        Assert.Equal(published.Id, got.Id);
        Assert.Equal(new byte[] { 0, 1, 255, 0 }, got.Payload.ToArray());
        Assert.Equal(("c", "a", "s", "t"), (got.Channel, got.Target, got.Source, got.Type));
        Assert.Equal(("k", "r", "application/octet-stream"), (got.CorrelationId, got.ReplyTo, got.ContentType));
        Assert.Equal(["one", "empty"], got.Headers.Keys);
        Assert.Equal(("1", ""), (got.Headers["one"], got.Headers["empty"]));
        Assert.Equal((Priority.High, 1, MessageState.Reserved), (got.Priority, got.Deliveries, got.State));
        Assert.Equal(published.Timestamp, got.Timestamp);
        Assert.Equal(published.Expires, got.Expires);
        Assert.Equal(TimeSpan.FromHours(1), got.Expires - got.Timestamp);
        Assert.NotNull(got.ReservedUntil);
        Assert.NotEqual("", got.Receipt);
        bus.Ack(got);
        Assert.Equal(0, bus.Count());
    }

    [Theory, MemberData(nameof(Backends))]
    public void GreaterPrioritiesGoFirst(string backend)
    {
        var bus = Open(backend);
        foreach (var priority in new[] { 1, 9, 5, 255, 0 }) bus.Publish("c", To("a", $"{priority}") with { Priority = priority });
        var got = Subscribe(bus, "c", "a").FetchBatch(10, Patience);
        Assert.Equal(["255", "9", "5", "1", "0"], got.Select(message => message.PayloadText));
    }

    [Theory, MemberData(nameof(Backends))]
    public void ABatchAnswersForEachMessage(string backend)
    {
        var bus = Open(backend, ("max_items", "3"));
        bus.PublishBatch("c", [To("full", "1"), To("full", "2"), To("full", "3")]);
        var results = bus.PublishBatch("c", [To("full", "4"), To("a", "5"), To("a", "6")]);
        Assert.Equal([Status.Full, Status.Ok, Status.Ok], results.Select(result => result.Status));
        Assert.Equal("", results[0].Id);
        Assert.Equal(2, results.Select(result => result.Id).Distinct().Count(id => id != ""));
        var failure = Assert.Throws<AgentMQException>(() => bus.PublishBatch("c", [To("full", "4")]));
        Assert.Equal(Status.Full, failure.Status);
        Assert.Equal(5, bus.Count());
    }

    [Theory, MemberData(nameof(Backends))]
    public void OneMessageGoesToManyAndToAnInbox(string backend)
    {
        var bus = Open(backend);
        string[] targets = ["a", "b", "c"];
        var sent = bus.PublishMany("c", To("nobody", "x"), targets);
        Assert.All(sent, one => Assert.Equal(Status.Ok, one.Status));
        foreach (var target in targets) Assert.Equal("x", Next(Subscribe(bus, "c", target)).PayloadText);
        bus.SendTo("d", Message.FromText("direct"));
        var direct = Next(Subscribe(bus, Bus.Direct, "d"));
        Assert.Equal(("direct", ""), (direct.PayloadText, direct.Channel));
    }

    [Theory, MemberData(nameof(Backends))]
    public void EmptyAndBigPayloadsArrive(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        var big = new byte[5_000_000];
        Random.Shared.NextBytes(big);
        bus.Publish("c", new Message(default) { Target = "a" });
        bus.Publish("c", new Message(big) { Target = "a" });
        var empty = Next(subscription);
        Assert.True(empty.Payload.IsEmpty);
        bus.Ack(empty);
        var got = Next(subscription);
        Assert.True(got.Payload.Span.SequenceEqual(big));
        Assert.True(bus.Get(got.Id)!.Payload.Span.SequenceEqual(big));
        bus.Ack(got);
    }

    [Theory, MemberData(nameof(Backends))]
    public void EveryPlaneOfUnicodeArrivesEverywhere(string backend)
    {
        var bus = Open(backend);
        var all = string.Concat(Enumerable.Range(0, 17).Select(plane => char.ConvertFromUtf32(plane * 0x10000 + 0xA9)));
        Assert.Equal(17 + 16, all.Length);
        var subscription = Subscribe(bus, all, all);
        bus.Publish(all, Message.FromText(all) with
        {
            Target = all, Source = all, Type = all, CorrelationId = all, ReplyTo = all, ContentType = all,
            Headers = new Dictionary<string, string> { [all] = all },
        });
        var got = Next(subscription);
        string[] texts =
        [
            got.PayloadText, got.Channel, got.Target, got.Source, got.Type, got.CorrelationId, got.ReplyTo,
            got.ContentType, got.Agent, got.Headers[all],
        ];
        Assert.All(texts, text => Assert.Equal(all, text));
        bus.Nack(got, Failure.Permanent, reason: all);
        Assert.Equal(all, Assert.Single(bus.DeadLetters()).Reason);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ANulInATextIsRefusedBeforeAnythingIsSent(string backend)
    {
        const string nul = "a\0b";
        var bus = Open(backend);
        var good = To("a", "x");
        Action[] wrong =
        [
            () => bus.Publish("c", good with { Target = nul }),
            () => bus.Publish("c", good with { Source = nul }),
            () => bus.Publish("c", good with { Type = nul }),
            () => bus.Publish("c", good with { CorrelationId = nul }),
            () => bus.Publish("c", good with { ReplyTo = nul }),
            () => bus.Publish("c", good with { ContentType = nul }),
            () => bus.Publish("c", good with { Headers = new Dictionary<string, string> { [nul] = "" } }),
            () => bus.Publish("c", good with { Headers = new Dictionary<string, string> { ["h"] = nul } }),
            () => bus.PublishBatch("c", [good, good with { Target = nul }]),
            () => bus.PublishMany("c", good, ["a", nul]),
            () => bus.Publish(nul, good),
            () => bus.SendTo(nul, good),
            () => bus.Subscribe(nul, "a"),
            () => bus.Subscribe("c", nul),
            () => bus.Subscribe("c", "a", Settings(("consumer", nul))),
            () => bus.Find(Settings((nul, "x"))),
            () => bus.AckReceipts([nul]),
            () => bus.NackReceipt(nul),
            () => bus.ExtendReceipt(nul, TimeSpan.FromSeconds(1)),
            () => bus.AckId(null, nul),
            () => bus.Get(nul),
            () => bus.Delete(nul),
            () => bus.Replay(nul),
            () => bus.GetPending(nul, null),
            () => bus.Clear(nul),
            () => bus.Stats(nul),
            () => Bus.Open("memory://" + nul),
        ];
        Assert.All(wrong, call => Assert.Contains("U+0000", Assert.Throws<ArgumentException>(call).Message));
        Assert.Equal(0, bus.Count());
    }

    [Theory, MemberData(nameof(Backends))]
    public void ASurrogateWithoutItsHalfIsRefused(string backend)
    {
        var bus = Open(backend);
        Assert.ThrowsAny<ArgumentException>(() => bus.Publish("c", To("a", "x") with { Type = "\uD83D" }));
        Assert.ThrowsAny<ArgumentException>(() => Message.FromText("\uD83D"));
    }

    [Theory, MemberData(nameof(Backends))]
    public void JsonCrossesAsItsBytes(string backend)
    {
        var bus = Open(backend);
        bus.Publish("c", Message.FromJson(new Dictionary<string, int> { ["é"] = 1 }) with { Target = "a" });
        var got = Next(Subscribe(bus, "c", "a"));
        Assert.Equal("application/json", got.ContentType);
        Assert.Equal(1, got.ReadJson<Dictionary<string, int>>()!["é"]);
        Assert.Throws<JsonException>(() => Message.FromText("{").ReadJson<int>());
    }

    [Theory, MemberData(nameof(Backends))]
    public void BroadcastsGoToEachAgentAndChannelsMerge(string backend)
    {
        var bus = Open(backend);
        var one = Subscribe(bus, "c", "one");
        var two = Subscribe(bus, "c", "two");
        bus.Publish("c", Message.FromText("to all"));
        var first = Next(one);
        Assert.Equal("to all", first.PayloadText);
        Assert.Equal("to all", Next(two).PayloadText);
        bus.Ack(first);
        Assert.Equal("two", Assert.Single(bus.GetPending("c", "two")).Agent);

        one.Add("d");
        bus.Publish("d", To("one", "of d"));
        var other = Next(one);
        Assert.Equal(("of d", "d"), (other.PayloadText, other.Channel));
        bus.Ack(other);
        one.Remove("d");
        Assert.Throws<MessageNotFoundException>(() => one.Remove("d"));
        bus.Publish("d", To("one", "unread"));
        Assert.Null(one.Fetch(TimeSpan.Zero));
    }
}

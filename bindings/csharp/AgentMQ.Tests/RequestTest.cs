namespace AgentMQ.Tests;

// Requests and their replies.
public sealed class RequestTest : BusTest
{
    private static readonly Message Question = Message.FromText("?") with { CorrelationId = "7" };

    [Theory, MemberData(nameof(Backends))]
    public async Task ARequestHasItsReply(string backend)
    {
        var bus = Open(backend, ("source", "asker"));
        Answer(bus, "worker");
        var reply = bus.Request("worker", Question, Patience);
        Assert.Equal("re: ?", reply!.PayloadText);
        Assert.Equal("7", reply.CorrelationId);
        Assert.True(reply.Headers.ContainsKey("agentmq-in-reply-to"));
        var many = Enumerable.Range(0, 20)
            .Select(i => bus.RequestAsync("worker", Message.FromText($"{i}"), Patience)).ToList();
        for (var i = 0; i < many.Count; i++) Assert.Equal($"re: {i}", (await InTime(many[i]))!.PayloadText);
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(
            () => bus.Request("wor\nker", Question, Patience)).Status);
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => bus.Reply(Question, Question)).Status);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ALateReplyIsCollected(string backend)
    {
        var bus = Open(backend, ("source", "asker"));
        var worker = Subscribe(bus, Bus.Direct, "worker");
        Assert.Null(bus.Request("worker", Question, TimeSpan.Zero));
        var request = Next(worker);
        Assert.Null(bus.Collect("asker", "7", TimeSpan.Zero));
        Assert.True(bus.Reply(request, Message.FromText("at last")).IsStored);
        Assert.Equal("at last", (await InTime(bus.CollectAsync("asker", "7", Patience)))!.PayloadText);

        using var cancelling = new CancellationTokenSource();
        var waiting = bus.RequestAsync("worker", Question, Forever, cancelling.Token);
        Next(worker);
        await cancelling.CancelAsync();
        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => InTime(waiting));
        Assert.Equal(cancelling.Token, cancelled.CancellationToken);
        Assert.True(waiting.IsCanceled);
        Assert.Null(bus.Collect("asker", "7", TimeSpan.Zero));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ManyAnswerOneRequest(string backend)
    {
        var bus = Open(backend);
        Answer(bus, "one");
        Answer(bus, "two");
        Assert.Equal(2, bus.RequestMany(["one", "two"], Question, Patience).Count);
        Assert.Single(bus.RequestMany(["one", "two"], To("", "?"), Patience, wanted: 1));
        Assert.Single(await InTime(bus.RequestManyAsync(["one", "nobody"], To("", "?"), TimeSpan.FromSeconds(2))));
        Assert.Empty(bus.RequestMany(["nobody"], To("", "?"), TimeSpan.FromMilliseconds(1)));
        Assert.Throws<AgentMQException>(() => bus.RequestMany([], Question, Patience));
    }

    [Theory, MemberData(nameof(Backends))]
    public void WhatFailsSaysWhyAlsoWhereItIsLarge(string backend)
    {
        var bus = Open(backend, ("max_payload", "1KiB"));
        var large = new Message(new byte[200_000]) { CorrelationId = "7" };
        var failure = Assert.Throws<AgentMQException>(() => bus.Request("worker", large, Patience));
        Assert.Equal(Status.TooLarge, failure.Status);
        Assert.Contains("max_payload", failure.Message);
        failure = Assert.Throws<AgentMQException>(() => bus.Reply(Question with { ReplyTo = "asker" }, large));
        Assert.Contains("max_payload", failure.Message);
    }

    // Has an agent answer each request with "re: " and its text.
    private void Answer(Bus bus, string agent)
    {
        var subscription = Subscribe(bus, Bus.Direct, agent);
        _ = Task.Run(async () =>
        {
            await foreach (var request in subscription.ReadAllAsync())
            {
                bus.Reply(request, Message.FromText($"re: {request.PayloadText}") with { Source = agent });
                bus.Ack(request);
            }
        });
    }
}

using System.Collections.Concurrent;
using System.Diagnostics;

namespace AgentMQ.Tests;

public sealed class AsyncTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public async Task AsynchronousPublishesAreStoredInOrderAndToldOf(string backend)
    {
        var bus = Open(backend, ("max_items", "0"));
        var publishing = Enumerable.Range(0, 3000).Select(i => bus.PublishAsync("c", To("a", $"{i}"))).ToArray();
        Assert.True(await bus.FlushAsync(Patience));
        Assert.All(publishing, one => Assert.True(one.IsCompletedSuccessfully));
        Assert.Equal(3000, bus.Count());
        var subscription = Subscribe(bus, "c", "a", ("prefetch", "1000"));
        for (var next = 0; next < 3000;)
        {
            var batch = subscription.FetchBatch(1000, Patience);
            Assert.NotEmpty(batch);
            foreach (var message in batch)
            {
                Assert.Equal($"{next++}", message.PayloadText);
                _ = bus.AckAsync(message);
            }
        }
        Assert.True(bus.Flush(Patience));
        Assert.Equal(0, bus.Count());
        await bus.SendToAsync("d", Message.FromText("direct"));
        Assert.Equal("direct", Next(Subscribe(bus, Bus.Direct, "d")).PayloadText);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task OneThatFailsIsToldAndTheOthersAreStored(string backend)
    {
        var bus = Open(backend);
        var good = bus.PublishAsync("c", To("a", "1"));
        var wrong = bus.PublishAsync("c", To("a", "2") with { Priority = 999 });
        var nul = bus.PublishAsync("c", To("a\0", "3"));
        var late = bus.PublishAsync("c", To("a", "4"));
        Assert.NotEqual("", (await InTime(good)).Id);
        Assert.NotEqual("", (await InTime(late)).Id);
        Assert.Equal(Status.Invalid, (await Assert.ThrowsAsync<AgentMQException>(() => InTime(wrong))).Status);
        await Assert.ThrowsAsync<ArgumentException>(() => InTime(nul));
        var failure = await Assert.ThrowsAsync<AgentMQException>(() => bus.FlushAsync(Patience));
        Assert.Equal(Status.Partial, failure.Status);
        Assert.True(await bus.FlushAsync(Patience));

        var got = Subscribe(bus, "c", "a").FetchBatch(2, Patience);
        bus.Ack(got[0]);
        Task[] acks = [bus.AckAsync(got[0]), .. got.Skip(1).Select(bus.AckAsync)];
        await Assert.ThrowsAsync<MessageNotFoundException>(() => InTime(acks[0]));
        foreach (var ack in acks.Skip(1)) await InTime(ack);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ClosingSendsWhatWasGathered(string backend)
    {
        var bus = Open(backend, ("max_items", "0"));
        var other = Open(backend);
        for (var i = 0; i < 500; i++) _ = bus.PublishAsync("c", To("a", $"{i}"));
        Assert.True(bus.Close(Patience));
        Assert.Equal(500, other.Count());
    }

    [Theory]
    [InlineData("?close_timeout=50ms", "1h", false)]
    [InlineData("", "50", true)]
    public async Task WhatCanNotBeSentIsWaitedForAsTheSettingSays(string query, string setting, bool asynchronously)
    {
        var bus = Ends(Bus.Open(Url(Memory) + query, Settings(("close_timeout", setting), ("async_max", "2"))));
        bus.Configure("c", Settings(("max_items", "1"), ("overflow", "block"), ("publish_timeout", "1h")));
        bus.Publish("c", To("a", "x"));
        var stuck = bus.PublishAsync("c", To("a", "y"));
        Assert.False(await bus.FlushAsync(TimeSpan.FromMilliseconds(20))); // it is on its way
        var more = Enumerable.Range(0, 4).Select(i => bus.PublishAsync("c", To("a", $"{i}"))).ToList();
        var watch = Stopwatch.StartNew();
        if (asynchronously) await bus.DisposeAsync();
        else bus.Dispose();
        Assert.InRange(watch.Elapsed, TimeSpan.FromMilliseconds(40), TimeSpan.FromSeconds(4)); // the default is 5 s
        foreach (var task in more.Prepend(stuck)) await Assert.ThrowsAsync<ObjectDisposedException>(() => InTime(task));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task VerdictsSettleAndStoppingWaitsForHandlers(string backend)
    {
        var bus = Open(backend, ("backoff_base", "1ms"), ("retry_attempts", "3"));
        var subscription = Subscribe(bus, "c", "a");
        var seen = new ConcurrentBag<(string Text, int Deliveries)>();
        using var stop = new CancellationTokenSource();
        var consuming = subscription.ConsumeAsync((message, _) =>
        {
            seen.Add((message.PayloadText, message.Deliveries));
            return message.PayloadText switch
            {
                "retry" when message.Deliveries == 1 => Task.FromResult(Verdict.Retry),
                "throw" => throw new InvalidOperationException("broken: \0é\U0001F600"),
                "reject" => Task.FromResult(Verdict.Reject),
                "settled" => Settled(message),
                _ => Task.FromResult(Verdict.Ack),
            };
            Task<Verdict> Settled(Message settled)
            {
                bus.Ack(settled);
                return Task.FromResult(Verdict.Settled);
            }
        }, concurrency: 4, stop.Token);
        foreach (var text in new[] { "ack", "retry", "throw", "reject", "settled" }) bus.Publish("c", To("a", text));
        Eventually.Holds(() => bus.DeadLetters().Count == 2 && bus.Count() == 0, "all are settled");
        await stop.CancelAsync();
        await InTime(consuming);
        Assert.Equal(1 + 2 + 3 + 1 + 1, seen.Count);
        var dead = bus.DeadLetters().ToDictionary(message => message.PayloadText);
        Assert.Equal("broken: \uFFFDé\U0001F600", dead["throw"].Reason);
        Assert.Equal(3, dead["throw"].Deliveries);
        bus.Publish("c", To("a", "left"));
        Assert.Equal("left", Next(subscription).PayloadText);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task NoMoreHandlersRunThanAllowedAndDrainingGivesTheRestBack(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        bus.PublishBatch("c", Enumerable.Range(0, 10).Select(i => To("a", $"{i}")));
        using var go = new SemaphoreSlim(0);
        var (running, most) = (0, 0);
        var consuming = subscription.ConsumeAsync(async (_, _) =>
        {
            var now = Interlocked.Increment(ref running);
            lock (go) most = Math.Max(most, now);
            await go.WaitAsync(CancellationToken.None);
            Interlocked.Decrement(ref running);
            return Verdict.Ack;
        }, concurrency: 3);
        Eventually.Holds(() => Volatile.Read(ref running) == 3, "three run");
        Assert.False(await subscription.DrainAsync(TimeSpan.FromMilliseconds(20)));
        go.Release(3);
        Assert.True(await InTime(subscription.DrainAsync(Patience)));
        await InTime(consuming);
        Assert.Equal(3, most);
        Assert.Equal(7, bus.Count(Settings(("state", "queued"))));
        Assert.Throws<ObjectDisposedException>(() => subscription.Fetch(TimeSpan.Zero));
        Assert.Equal("3", Next(Subscribe(bus, "c", "a")).PayloadText);
    }
}

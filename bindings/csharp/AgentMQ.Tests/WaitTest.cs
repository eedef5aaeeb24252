using System.Collections.Concurrent;

namespace AgentMQ.Tests;

public sealed class WaitTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public async Task ATokenEndsAWait(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        using var source = new CancellationTokenSource();
        var token = source.Token;
        Task[] waiting =
        [
            Task.Run(() => subscription.Fetch(Forever, token)),
            Task.Run(() => subscription.FetchBatch(10, TimeSpan.FromHours(1), token)),
            Task.Run(() => bus.NextLog(Forever, token)),
            subscription.FetchAsync(Forever, token).AsTask(),
        ];
        await bus.PublishAsync("other", To("nobody", "x"));
        Assert.All(waiting, call => Assert.False(call.IsCompleted));
        await source.CancelAsync();
        foreach (var call in waiting)
        {
            var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => InTime(call));
            Assert.Equal(token, cancelled.CancellationToken);
        }
        Assert.Throws<OperationCanceledException>(() => subscription.Fetch(Forever, token));
        Assert.Throws<OperationCanceledException>(() => bus.Publish("c", To("a", "x"), token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => bus.PublishAsync("c", To("a", "x"), token));
        Assert.Equal(0, bus.Count(Settings(("channel", "c"))));
        bus.Publish("c", To("a", "y"));
        Assert.Equal("y", Next(subscription).PayloadText);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task NothingInTimeIsNoError(string backend)
    {
        var subscription = Subscribe(Open(backend), "c", "a");
        Assert.Null(subscription.Fetch(TimeSpan.Zero));
        Assert.Null(subscription.Fetch(TimeSpan.FromTicks(1)));
        Assert.Empty(subscription.FetchBatch(10, TimeSpan.FromMilliseconds(20)));
        Assert.Null(await subscription.FetchAsync(TimeSpan.Zero));
        Assert.Empty(await subscription.FetchBatchAsync(10, TimeSpan.FromMilliseconds(20)));
        Assert.Throws<ArgumentOutOfRangeException>(() => subscription.Fetch(TimeSpan.FromSeconds(-1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => subscription.FetchBatch(0, TimeSpan.Zero));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ManyWaitWithoutAThreadEach(string backend)
    {
        const int many = 100;
        var bus = Open(backend);
        var before = ThreadPool.ThreadCount;
        var waiting = Enumerable.Range(0, many).Select(i => Subscribe(bus, "c", $"a{i}").FetchAsync(Patience).AsTask()).ToArray();
        Assert.True(ThreadPool.ThreadCount < before + many / 2);
        await bus.PublishAsync("c", Message.FromText("to all"));
        foreach (var call in waiting) Assert.Equal("to all", (await InTime(call))!.PayloadText);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task TheStreamGivesMessagesInOrderUntilItIsCancelled(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        var publishing = Task.Run(() =>
        {
            for (var i = 0; i < 100; i++) bus.Publish("c", To("a", $"{i}"));
        });
        using var source = new CancellationTokenSource();
        var got = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => InTime(Task.Run(async () =>
        {
            await foreach (var message in subscription.ReadAllAsync(source.Token))
            {
                Assert.Equal($"{got}", message.PayloadText);
                _ = bus.AckAsync(message);
                if (++got == 100) await source.CancelAsync();
            }
        })));
        await InTime(publishing);
        Assert.Equal(100, got);
        Assert.True(await bus.FlushAsync(Patience));
        Assert.Equal(0, bus.Count());
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task EightThreadsShareABusAndASubscription(string backend)
    {
        const int threads = 8, each = 100;
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        var got = new ConcurrentDictionary<string, int>();
        var work = Enumerable.Range(0, threads).Select(thread => Task.Factory.StartNew(() =>
        {
            for (var i = 0; i < each; i++) bus.Publish("c", To("a", $"{thread}/{i}"));
            while (got.Count < threads * each)
            {
                foreach (var message in subscription.FetchBatch(7, TimeSpan.FromMilliseconds(50)))
                {
                    got.AddOrUpdate(message.PayloadText, 1, (_, count) => count + 1);
                    bus.Ack(message);
                }
            }
        }, TaskCreationOptions.LongRunning)).ToArray();
        foreach (var one in work) await InTime(one);
        Assert.Equal(threads * each, got.Count);
        Assert.All(got, one => Assert.Equal(1, one.Value));
        Assert.Equal(0, bus.Count());
    }
}

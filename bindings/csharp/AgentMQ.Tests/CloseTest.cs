using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace AgentMQ.Tests;

public sealed class CloseTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public async Task ClosingTheBusWakesAllWhoWait(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        Task[] waiting =
        [
            OnAThread(() => subscription.Fetch(Forever)),
            OnAThread(() => subscription.FetchBatch(10, TimeSpan.FromHours(1))),
            OnAThread(() => Subscribe(bus, "d", "b").Fetch(Forever)),
            OnAThread(() => bus.NextLog(Forever)),
            subscription.FetchAsync(Forever).AsTask(),
            subscription.FetchAsync(TimeSpan.FromHours(1)).AsTask(),
        ];
        var reading = Read(subscription);
        await StillWait(bus, waiting);
        bus.Dispose();
        foreach (var call in waiting) await Assert.ThrowsAsync<ObjectDisposedException>(() => InTime(call));
        await InTime(reading);
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ClosingTheSubscriptionWakesAllWhoWait(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        Task[] waiting = [OnAThread(() => subscription.Fetch(Forever)), subscription.FetchAsync(Forever).AsTask()];
        var reading = Read(subscription);
        await StillWait(bus, waiting);
        await subscription.DisposeAsync();
        foreach (var call in waiting) await Assert.ThrowsAsync<ObjectDisposedException>(() => InTime(call));
        await InTime(reading);
        bus.Publish("c", To("a", "the bus goes on"));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ClosingTwiceIsFineAndUseAfterwardsIsRefused(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        bus.Publish("c", To("a", "x"));
        var got = Next(subscription);
        subscription.Dispose();
        subscription.Dispose();
        Action[] ended =
        [
            () => subscription.Fetch(TimeSpan.Zero),
            () => subscription.Add("d"),
            () => subscription.Unsubscribe(),
            () => _ = subscription.ConsumeAsync(_ => Verdict.Ack),
        ];
        Assert.All(ended, call => Assert.Throws<ObjectDisposedException>(call));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await subscription.FetchAsync(Forever));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => subscription.DrainAsync(Forever));

        bus.Dispose();
        await bus.DisposeAsync();
        Assert.True(bus.Close(TimeSpan.Zero));
        Action[] closed =
        [
            () => bus.Publish("c", got),
            () => bus.PublishBatch("c", [got]),
            () => bus.Ack(got),
            () => bus.Nack(got),
            () => bus.Extend(got, TimeSpan.FromSeconds(1)),
            () => bus.Subscribe("c", "a"),
            () => bus.Count(),
            () => bus.Find(),
            () => bus.Get(got.Id),
            () => bus.Stats(),
            () => bus.Health(),
            () => bus.NextLog(TimeSpan.Zero),
            () => bus.Shutdown(),
            () => bus.Flush(Patience),
        ];
        Assert.All(closed, call => Assert.Throws<ObjectDisposedException>(call));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => bus.PublishAsync("c", got));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => bus.AckAsync(got));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task AfterAShutdownCallsAreRefusedAndItStillCloses(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        var waiting = subscription.FetchAsync(Forever).AsTask();
        bus.Shutdown();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => InTime(waiting));
        Assert.Throws<ObjectDisposedException>(() => bus.Publish("c", To("a", "x")));
        Assert.True(await bus.CloseAsync(Patience));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task ClosingRacesWithCallsOfManyThreads(string backend)
    {
        for (var round = 0; round < 20; round++)
        {
            var bus = Bus.Open(Url(backend), Settings(("max_items", "0")));
            var subscription = bus.Subscribe("c", "a");
            using var begun = new CountdownEvent(4);
            var calls = Enumerable.Range(0, 4).Select(i => OnAThread<Message?>(() =>
            {
                begun.Signal();
                for (;;)
                {
                    if (i % 2 == 0) bus.Publish("c", To("b", "x"));
                    else subscription.Fetch(TimeSpan.FromMilliseconds(1));
                }
            })).ToArray();
            Assert.True(begun.Wait(Patience));
            bus.Dispose();
            subscription.Dispose();
            foreach (var call in calls) await Assert.ThrowsAsync<ObjectDisposedException>(() => InTime(call));
        }
    }

    [Theory, MemberData(nameof(Backends))]
    public void WhatWasDroppedIsCollected(string backend)
    {
        var dropped = Drop(backend);
        Eventually.Holds(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return dropped.All(handle => !handle.TryGetTarget(out _));
        }, "the handles are freed");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private WeakReference<SafeHandle>[] Drop(string backend) =>
        [.. Enumerable.Range(0, 20).Select(_ =>
        {
            var bus = Bus.Open(Url(backend));
            bus.PublishAsync("c", To("a", "x")).Wait(Patience);
            return new WeakReference<SafeHandle>(bus.Live, trackResurrection: true);
        })];

    private static async Task Read(Subscription subscription)
    {
        await foreach (var message in subscription.ReadAllAsync()) Assert.Fail(message.Id);
    }

    private static Task<T> OnAThread<T>(Func<T> call) =>
        Task.Factory.StartNew(call, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // Others are served meanwhile. Who is not inside by then gets the same answer when it is.
    private static async Task StillWait(Bus bus, Task[] waiting)
    {
        for (var i = 0; i < 20; i++) await bus.PublishAsync("other", To("nobody", "x"));
        Assert.All(waiting, call => Assert.False(call.IsCompleted));
    }
}

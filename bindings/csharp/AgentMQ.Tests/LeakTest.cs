using System.Diagnostics;

namespace AgentMQ.Tests;

// By itself: what others do would show in the memory of the process.
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

[Collection(nameof(Alone))]
public sealed class LeakTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public void MessagesAndBusesLeaveNoMemoryBehind(string backend)
    {
        var bus = Open(backend);
        MoveMessages(bus, 20_000);
        OpenAndClose(backend, 100);
        var before = Resident();
        MoveMessages(bus, 100_000);
        OpenAndClose(backend, 1_000);
        var after = Resident();
        Assert.True(after <= before * 1.1, $"{before / 1024} KiB before, {after / 1024} KiB after");
    }

    [Fact]
    public void FailedRepliesLeaveNoMemoryBehind()
    {
        var bus = Open(Memory);
        var large = new Message(new byte[1 << 20]);
        Fail(20);
        var before = Resident();
        Fail(200);
        var after = Resident();
        Assert.True(after <= before * 1.1, $"{before / 1024} KiB before, {after / 1024} KiB after");

        void Fail(int count)
        {
            for (var i = 0; i < count; i++) Assert.Throws<AgentMQException>(() => bus.Reply(To("a", "?"), large));
        }
    }

    private static void MoveMessages(Bus bus, int count)
    {
        var message = new Message(new byte[100]) { Target = "a" };
        var batch = Enumerable.Range(0, 100).Select(i => message with { CorrelationId = $"{i}" }).ToArray();
        using var subscription = bus.Subscribe("c", "a", Settings(("prefetch", "100")));
        for (var done = 0; done < count; done += batch.Length)
        {
            bus.PublishBatch("c", batch);
            for (var got = 0; got < batch.Length;)
            {
                var fetched = subscription.FetchBatch(batch.Length, Patience);
                Assert.NotEmpty(fetched);
                bus.AckBatch(fetched);
                got += fetched.Count;
            }
        }
    }

    private void OpenAndClose(string backend, int count)
    {
        for (var i = 0; i < count; i++)
        {
            using var bus = Bus.Open(Url(backend));
            using var subscription = bus.Subscribe("d", "a");
        }
    }

    private static long Resident()
    {
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        GC.WaitForPendingFinalizers();
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}

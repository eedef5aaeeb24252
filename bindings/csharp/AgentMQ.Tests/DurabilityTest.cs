using System.Buffers.Binary;

namespace AgentMQ.Tests;

// What a publish waits for beyond the server's memory, and when a server that is left alone may be asked again.
public sealed class DurabilityTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public async Task AMessageSaysWhatItsPublishWaitsFor(string backend)
    {
        var bus = Open(backend, ("durability_timeout", "10ms"), ("min_replicas", "1"));
        var usual = To("a", "x");
        var alone = usual with { MinReplicas = 0 };
        Stored(bus, Status.Partial, bus.Publish("c", usual));
        Stored(bus, Status.Partial, bus.Publish("c", usual with { MinReplicas = 2 }));
        Stored(bus, Status.Ok, bus.Publish("c", alone));
        Stored(bus, Status.Partial, bus.Publish("c", alone with { Fsync = true }));
        Stored(bus, Status.Ok, bus.Publish("c", alone with { Fsync = false }));
        var batch = bus.PublishBatch("c", [alone, usual with { MinReplicas = 3 }]);
        Stored(bus, Status.Ok, batch[0]);
        Stored(bus, Status.Partial, batch[1]);
        Stored(bus, Status.Partial, await InTime(bus.PublishAsync("c", usual)));
        Assert.True(bus.Flush(Patience));
        Assert.Equal(8, bus.Count());
        Assert.NotEqual(usual, alone);

        Assert.Throws<ArgumentOutOfRangeException>(() => usual with { MinReplicas = -1 });
        var failure = Assert.Throws<AgentMQException>(() => bus.Publish("c", usual with { MinReplicas = 101 }));
        Assert.Equal(Status.Invalid, failure.Status);
    }

    [Theory, MemberData(nameof(Backends))]
    public void TheFsyncOfABusHoldsUnlessAMessageSaysOtherwise(string backend)
    {
        var bus = Open(backend, ("durability_timeout", "10ms"), ("fsync", "true"));
        Stored(bus, Status.Partial, bus.Publish("c", To("a", "x")));
        Stored(bus, Status.Ok, bus.Publish("c", To("a", "x") with { Fsync = false }));
    }

    [Fact]
    public void WhatWasReachedIsReadWhereTheDocumentSays()
    {
        var list = new byte[16 + FlatWriter.EntryHead + 8];
        void Number(int at, int value) => BinaryPrimitives.WriteInt32LittleEndian(list.AsSpan(at), value);
        Number(0, 1);
        Number(4, 1);
        Number(8, list.Length);
        Number(16, FlatWriter.EntryHead + 8);
        Number(16 + 4, (int)Status.Partial);
        Number(16 + 80, 2);
        Number(16 + 112, 3);
        Number(16 + 120, 2);
        Number(16 + 124, 1);
        "id"u8.CopyTo(list.AsSpan(16 + FlatWriter.EntryHead));
        var published = Assert.Single(FlatReader.Answers(list, TimeSpan.FromSeconds(1)));
        Assert.Equal(new Published(Status.Partial, "id", null, null, 2, true, 0), published);
        Assert.True(published.IsStored);
    }

    [Fact]
    public void AnOpenCircuitBreakerSaysWhenToComeBack()
    {
        using var server = new RedisServer();
        using var bus = Bus.Open(server.Url, Settings(("breaker_failures", "2"), ("breaker_reset", "60s"),
            ("reconnect_base", "1ms"), ("reconnect_max", "5ms")));
        bus.Publish("c", To("a", "x"));
        server.Stop();
        AgentMQException? last = null;
        Eventually.Holds(() =>
        {
            last = Assert.ThrowsAny<AgentMQException>(() => bus.Publish("c", To("a", "x")));
            return last.RetryAfter != null;
        }, "the breaker opens");
        Assert.IsType<BusUnavailableException>(last);
        Assert.InRange(last.RetryAfter!.Value, TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(60));
        Assert.Null(Assert.Throws<AgentMQException>(() => bus.Count(Settings(("nonsense", "1")))).RetryAfter);
    }

    private static void Stored(Bus bus, Status status, Published published)
    {
        Assert.Equal((status, 0, false), (published.Status, published.Replicas, published.IsFsynced));
        Assert.True(published.IsStored);
        Assert.Equal(published.Id, bus.Get(published.Id)!.Id);
    }
}

namespace AgentMQ.Tests;

public sealed class ListenTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public async Task ListenersHearWhatIsToldAndNothingIsKept(string backend)
    {
        var bus = Open(backend);
        var listener = Ends(bus.Listen("events:*"));
        var told = bus.Publish("events:new", Live("x", Mode.PubSub));
        Assert.Equal((Status.Ok, 1), (told.Status, told.Receivers));
        var heard = await listener.FetchAsync(Patience);
        Assert.NotNull(heard);
        Assert.Equal(("x", "events:new", told.Id, ""), (heard.PayloadText, heard.Channel, heard.Id, heard.Receipt));
        Assert.Equal(Mode.Queue, heard.Mode);
        Assert.Equal(0, bus.Count());
        bus.Publish("other", Live("y", Mode.PubSub));
        Assert.Null(listener.Fetch(TimeSpan.Zero));
    }

    [Theory, MemberData(nameof(Backends))]
    public void BothIsStoredToo(string backend)
    {
        var bus = Open(backend);
        var listener = Ends(bus.Listen("c"));
        var told = bus.PublishBatch("c", [Live("1", Mode.Both), Live("2", Mode.Queue)]);
        Assert.Equal([1, 0], told.Select(one => one.Receivers));
        var heard = Next(listener);
        // Settling it settles nothing, and above all not what is stored.
        Refused(() => bus.Ack(heard));
        Refused(() => bus.AckBatch([heard]));
        Refused(() => bus.Nack(heard));
        Refused(() => bus.Extend(heard, Patience));
        Assert.Equal(2, bus.Count());
        var stored = Next(Subscribe(bus, "c", "a"));
        Assert.Equal(heard.Id, stored.Id);
        bus.Ack(stored);
    }

    [Theory, MemberData(nameof(Backends))]
    public void ASlowListenerCountsWhatItLost(string backend)
    {
        var bus = Open(backend);
        var listener = Ends(bus.Listen("c", Settings(("listen_buffer", "2"))));
        for (var i = 0; i < 5; i++) bus.Publish("c", Live($"{i}", Mode.PubSub));
        Eventually.Holds(() => listener.Lost == new Losses(3, 0), "three made room");
        Assert.Equal("3", Next(listener).PayloadText);
        Assert.Equal("4", Next(listener).PayloadText);
        Refused(() => _ = Subscribe(bus, "c", "a").Lost);
        Refused(() => listener.Add("d"));
    }

    [Theory, MemberData(nameof(Backends))]
    public async Task AHandlerHears(string backend)
    {
        var bus = Open(backend);
        var listener = Ends(bus.Listen("*"));
        var heard = 0;
        var consuming = listener.ConsumeAsync(_ =>
            Interlocked.Increment(ref heard) % 2 == 0 ? throw new InvalidOperationException("no verdict") : Verdict.Ack, 2);
        for (var i = 0; i < 20; i++) bus.Publish("c", Live("x", Mode.PubSub));
        Eventually.Holds(() => Volatile.Read(ref heard) == 20, "all were heard");
        Assert.True(await listener.DrainAsync(Patience));
        await InTime(consuming);
        Assert.True(bus.Flush(Patience));
        Assert.Equal(20, heard);
    }

    [Theory, MemberData(nameof(Backends))]
    public void WrongPatternsAndModesAreRefused(string backend)
    {
        var bus = Open(backend);
        Refused(() => bus.Listen(""));
        Refused(() => bus.Listen("a["));
        Refused(() => bus.SendTo("a", Live("x", Mode.Both)));
        Refused(() => bus.Publish("c", Live("x", (Mode)3)));
        Refused(() => bus.Publish("c", Live("x", Mode.PubSub) with { Fsync = true }));
        Assert.NotEqual(Live("x", Mode.PubSub), Live("x", Mode.Both));
    }

    private static void Refused(Action call) =>
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(call).Status);

    private static Message Live(string text, Mode mode) => To("a", text) with { Mode = mode };
}

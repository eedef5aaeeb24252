namespace AgentMQ.Tests;

// Messages that are due later, and messages that are deleted in hand.
public sealed class ScheduleTest : BusTest
{
    [Theory, MemberData(nameof(Backends))]
    public void ADelayedMessageComesAtItsTime(string backend)
    {
        var bus = Open(backend);
        var subscription = Subscribe(bus, "c", "a");
        var later = To("a", "later") with { Delay = TimeSpan.FromMilliseconds(200) };
        var published = bus.Publish("c", later);
        var waiting = bus.Get(published.Id);
        Assert.Equal(MessageState.Scheduled, waiting!.State);
        Assert.True(waiting.Due > published.Timestamp);
        Assert.Equal(TimeSpan.Zero, waiting.Delay);
        var got = Next(subscription);
        Assert.Equal(published.Id, got.Id);
        Assert.Null(got.Due);
        bus.Ack(got);

        var hour = To("a", "123456789") with { Delay = TimeSpan.FromHours(1) };
        var batch = bus.PublishBatch("c", [hour, To("a", "now"), hour]);
        Assert.Equal(2, bus.Count(Settings(("state", "scheduled"))));
        Assert.Equal("now", Next(subscription).PayloadText);
        bus.Delete(batch[0].Id);
        Assert.Equal(1, bus.Count(Settings(("state", "scheduled"))));
        Assert.Throws<ArgumentOutOfRangeException>(() => hour with { Delay = TimeSpan.FromSeconds(-1) });
        Assert.NotEqual(hour, hour with { Delay = TimeSpan.Zero });
    }

    [Theory, MemberData(nameof(Backends))]
    public void WhoHoldsADeletedMessageIsTold(string backend)
    {
        var bus = Open(backend);
        bus.Publish("c", To("a", "x"));
        var subscription = Subscribe(bus, "c", "a");
        var got = Next(subscription);
        Assert.False(bus.IsDeleted(got.Id));
        bus.Delete(got.Id);
        Assert.True(bus.IsDeleted(got.Id));
        Assert.Throws<MessageNotFoundException>(() => bus.Ack(got));
        Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => bus.IsDeleted("nonsense")).Status);
    }
}

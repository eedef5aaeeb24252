package agentmq_test

import (
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestADelayedMessageComesAtItsTime(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		subscription := subscribe(t, bus, "c", "a", nil)
		m := &agentmq.Message{Target: "a", Payload: []byte("later"), Delay: 200 * time.Millisecond}
		must(t, bus.Publish(within(t), "c", m))
		equal(t, m.Due, m.Timestamp.Add(m.Delay))
		waiting, err := bus.Get(m.ID)
		must(t, err)
		equal(t, waiting.State, agentmq.StateScheduled)
		equal(t, waiting.Due.IsZero(), false)
		equal(t, waiting.Delay, 0)
		got := next(t, subscription)
		equal(t, got.ID, m.ID)
		equal(t, got.Due.IsZero(), true)
		must(t, bus.Ack(got))

		// In a batch beside others, and of another size of payload.
		batch := []*agentmq.Message{{Target: "a", Payload: []byte("1"), Delay: time.Hour}, {Target: "a", Payload: []byte("now")},
			{Target: "a", Payload: []byte("123456789"), Delay: time.Hour, Headers: []agentmq.Header{{Name: "n", Value: "v"}}}}
		must(t, bus.PublishBatch(within(t), "c", batch))
		count, err := bus.Count(agentmq.Filter{"state": "scheduled"})
		must(t, err)
		equal(t, count, 2)
		equal(t, batch[1].Due.IsZero(), true)
		must(t, bus.Delete(batch[0].ID))
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Delay: -time.Second}), agentmq.ErrInvalid)
		equal(t, batch[2].Copy().Delay, time.Hour)
	})
}

func TestWhoHoldsADeletedMessageIsTold(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		put(t, bus, "c", "a", "x")
		subscription := subscribe(t, bus, "c", "a", nil)
		got := next(t, subscription)
		deleted, err := bus.IsDeleted(got.ID)
		must(t, err)
		equal(t, deleted, false)
		must(t, bus.Delete(got.ID))
		deleted, err = bus.IsDeleted(got.ID)
		must(t, err)
		equal(t, deleted, true)
		is(t, bus.Ack(got), agentmq.ErrNotFound)
		_, err = bus.IsDeleted("nonsense")
		is(t, err, agentmq.ErrInvalid)
	})
}

package agentmq_test

import (
	"context"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestAMessageThatIsGivenBackComesAgain(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"backoff_base": "10ms"})
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "x")
		must(t, bus.Nack(next(t, s), agentmq.Transient, agentmq.Backoff, "not now"))
		again := next(t, s)
		equal(t, again.Deliveries, 2)
		equal(t, again.Reason, "not now")
		must(t, bus.Nack(again, agentmq.Transient, 0, ""))
		again = next(t, s)
		equal(t, again.Deliveries, 3)
		must(t, bus.Ack(again))
		empty(t, s)
	})
}

func TestTheLastAttemptLeadsToTheDeadLetters(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"retry_attempts": "2"})
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "x")
		must(t, bus.Nack(next(t, s), agentmq.Transient, 0, "one"))
		must(t, bus.Nack(next(t, s), agentmq.Transient, 0, "two"))
		dead, err := bus.DeadLetters(agentmq.Filter{"channel": "c"}, 10, 0)
		must(t, err)
		equal(t, len(dead), 1)
		equal(t, dead[0].Reason, "two")
		equal(t, dead[0].Deliveries, 2)
		equal(t, dead[0].State, agentmq.StateDead)
		equal(t, string(dead[0].Payload), "x")
		_, err = bus.Get(dead[0].ID)
		must(t, err)

		id, err := bus.Replay(dead[0].ID)
		must(t, err)
		again := next(t, s)
		equal(t, again.ID, id)
		equal(t, again.Deliveries, 1)
		must(t, bus.Nack(again, agentmq.Permanent, agentmq.Backoff, "never"))
		_, err = bus.Replay(dead[0].ID)
		is(t, err, agentmq.ErrNotFound)

		replayed, err := bus.ReplayAll(nil)
		must(t, err)
		equal(t, replayed, 1)
		must(t, bus.Nack(next(t, s), agentmq.Permanent, agentmq.Backoff, "never"))
		purged, err := bus.PurgeDeadLetters(agentmq.Filter{"target": "a"})
		must(t, err)
		equal(t, purged, 1)
		dead, err = bus.DeadLetters(nil, 10, 0)
		must(t, err)
		equal(t, len(dead), 0)
	})
}

func TestASubscriptionHasItsOwnAttempts(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", agentmq.Settings{"retry_attempts": "1"})
		put(t, bus, "c", "a", "x")
		must(t, bus.Nack(next(t, s), agentmq.Transient, 0, "once"))
		dead, err := bus.DeadLetters(nil, 10, 0)
		must(t, err)
		equal(t, len(dead), 1)
	})
}

func TestAReservationLapsesAndCanBeExtended(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		settings := agentmq.Settings{"visibility_timeout": "150ms", "auto_extend": "false", "prefetch": "1"}
		s := subscribe(t, bus, "c", "a", settings)
		put(t, bus, "c", "a", "x")
		first := next(t, s)
		second := next(t, s)
		equal(t, second.ID, first.ID)
		is(t, bus.Ack(first), agentmq.ErrStale)
		is(t, bus.Extend(first, time.Minute), agentmq.ErrStale)
		must(t, bus.Extend(second, time.Minute))
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		_, err := s.Fetch(ctx)
		is(t, err, context.DeadlineExceeded)
		must(t, bus.Ack(second))
		_, err = bus.RecoverPending(agentmq.Any)
		must(t, err)
		_, err = bus.RecoverPending("a")
		must(t, err)
	})
}

func TestPendingMessages(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "1")
		put(t, bus, "d", "a", "2")
		put(t, bus, "c", "b", "3")
		must(t, bus.SendTo(within(t), "a", &agentmq.Message{Payload: []byte("4")}))
		for _, one := range []struct {
			channel, agent string
			want           int
		}{{"c", "a", 1}, {"d", "a", 1}, {agentmq.Any, "a", 3}, {agentmq.Direct, "a", 1}, {"c", "b", 1}, {"c", "x", 0}} {
			pending, err := bus.GetPending(one.channel, one.agent, 100)
			must(t, err)
			equal(t, len(pending), one.want)
		}
		held := next(t, s)
		pending, err := bus.GetPending("c", "a", 100)
		must(t, err)
		equal(t, pending[0].ID, held.ID)
		equal(t, pending[0].State, agentmq.StateReserved)
		must(t, bus.AckBatch(pending))
		is(t, bus.Ack(held), agentmq.ErrNotFound)
		other, err := bus.GetPending("d", "a", 100)
		must(t, err)
		must(t, bus.Ack(other[0]))
		is(t, bus.Ack(other[0]), agentmq.ErrNotFound)
		is(t, bus.Nack(other[0], agentmq.Transient, 0, ""), agentmq.ErrInvalid)
		_, err = bus.GetPending("c", "a", 0)
		is(t, err, agentmq.ErrInvalid)
	})
}

func TestABroadcastGoesToEachAgent(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		a, b1, b2 := subscribe(t, bus, "c", "a", nil), subscribe(t, bus, "c", "b:1", nil), subscribe(t, bus, "c", "b:1", nil)
		sent := put(t, bus, "c", "", "to all")
		got := next(t, a)
		equal(t, got.ID, sent.ID)
		var shared []*agentmq.Message
		eventually(t, "one of the two that share gets it", func() bool {
			for _, s := range []*agentmq.Subscription{b1, b2} {
				messages, err := s.TryFetchBatch(10)
				must(t, err)
				shared = append(shared, messages...)
			}
			return len(shared) > 0
		})
		equal(t, len(shared), 1)
		must(t, bus.AckID("b:1", sent.ID))
		is(t, bus.Ack(shared[0]), agentmq.ErrNotFound)
		is(t, bus.AckID("", sent.ID), agentmq.ErrInvalid)
		must(t, bus.Ack(got))
		empty(t, a)
	})
}

func TestSeveralChannels(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		must(t, s.Add("d"))
		must(t, s.Add("d"))
		put(t, bus, "c", "a", "1")
		must(t, bus.Publish(within(t), "d", &agentmq.Message{Target: "a", Priority: 9}))
		equal(t, next(t, s).Channel, "d")
		equal(t, next(t, s).Channel, "c")
		must(t, s.Remove("d"))
		is(t, s.Remove("d"), agentmq.ErrNotFound)
		put(t, bus, "d", "a", "2")
		empty(t, s)
		must(t, s.Add("e"))
		go func() { _ = bus.Publish(within(t), "e", &agentmq.Message{Target: "a"}) }()
		equal(t, next(t, s).Channel, "e")
	})
}

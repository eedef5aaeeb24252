package agentmq_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	agentmq "agentmq.dev/go"
)

func listen(t *testing.T, bus *agentmq.Bus, pattern string, settings agentmq.Settings) *agentmq.Subscription {
	t.Helper()
	s, err := bus.Listen(pattern, settings)
	must(t, err)
	t.Cleanup(func() { _ = s.Unsubscribe() })
	return s
}

func tell(t *testing.T, bus *agentmq.Bus, channel, text string, mode agentmq.Mode) *agentmq.Message {
	t.Helper()
	message := &agentmq.Message{Payload: []byte(text), Target: "a", Mode: mode}
	must(t, bus.Publish(within(t), channel, message))
	return message
}

func TestListenersHearWhatIsToldAndNothingIsKept(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		listener := listen(t, bus, "events:*", nil)
		told := tell(t, bus, "events:new", "x", agentmq.ModePubSub)
		equal(t, told.Receivers, 1)
		heard := next(t, listener)
		equal(t, string(heard.Payload), "x")
		equal(t, heard.Channel, "events:new")
		equal(t, heard.ID, told.ID)
		equal(t, heard.Receipt, "")
		equal(t, heard.Mode, agentmq.ModeQueue)
		count, err := bus.Count(nil)
		must(t, err)
		equal(t, count, 0)
		tell(t, bus, "other", "y", agentmq.ModePubSub)
		empty(t, listener)
	})
}

func TestBothIsStoredToo(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		listener := listen(t, bus, "c", nil)
		batch := []*agentmq.Message{{Target: "a", Mode: agentmq.ModeBoth}, {Target: "a"}}
		must(t, bus.PublishBatch(within(t), "c", batch))
		equal(t, batch[0].Receivers, 1)
		equal(t, batch[1].Receivers, 0)
		heard := next(t, listener)
		// Settling it settles nothing, and above all not what is stored.
		is(t, bus.Ack(heard), agentmq.ErrInvalid)
		is(t, bus.AckBatch([]*agentmq.Message{heard}), agentmq.ErrInvalid)
		is(t, bus.AckAsync(within(t), heard), agentmq.ErrInvalid)
		is(t, bus.Nack(heard, agentmq.Transient, 0, ""), agentmq.ErrInvalid)
		is(t, bus.Extend(heard, patience), agentmq.ErrInvalid)
		count, err := bus.Count(nil)
		must(t, err)
		equal(t, count, 2)
		stored := next(t, subscribe(t, bus, "c", "a", nil))
		equal(t, stored.ID, heard.ID)
		must(t, bus.Ack(stored))
	})
}

func TestASlowListenerCountsWhatItLost(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		listener := listen(t, bus, "c", agentmq.Settings{"listen_buffer": "2"})
		all := listen(t, bus, "c", nil)
		for i := 0; i < 5; i++ {
			tell(t, bus, "c", fmt.Sprint(i), agentmq.ModePubSub)
		}
		eventually(t, "it comes true", func() bool {
			lost, err := listener.Lost()
			return err == nil && lost == agentmq.Losses{Dropped: 3}
		})
		for i := 0; i < 5; i++ {
			equal(t, string(next(t, all).Payload), fmt.Sprint(i))
		}
		equal(t, string(next(t, listener).Payload), "3")
		_, err := subscribe(t, bus, "c", "a", nil).Lost()
		is(t, err, agentmq.ErrInvalid)
		is(t, listener.Add("d"), agentmq.ErrInvalid)
	})
}

func TestAHandlerHearsWhateverItAnswers(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		listener := listen(t, bus, "*", nil)
		var heard, failed atomic.Int64
		ctx, stop := context.WithCancel(within(t))
		over := make(chan error)
		go func() {
			over <- listener.Consume(ctx, func(context.Context, *agentmq.Message) error {
				if heard.Add(1)%2 == 0 {
					return errors.New("no")
				}
				return nil
			}, agentmq.ConsumeOptions{Concurrency: 2, OnError: func(*agentmq.Message, error) { failed.Add(1) }})
		}()
		for i := 0; i < 20; i++ {
			tell(t, bus, "c", "x", agentmq.ModePubSub)
		}
		eventually(t, "all were heard", func() bool { return heard.Load() == 20 })
		stop()
		must(t, <-over)
		equal(t, failed.Load(), 0)
	})
}

func TestWrongPatternsAndModesAreRefused(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		for _, pattern := range []string{"", "a[", "a\x00b"} {
			_, err := bus.Listen(pattern, nil)
			is(t, err, agentmq.ErrInvalid)
		}
		refused := func(channel string, message agentmq.Message) {
			t.Helper()
			is(t, bus.Publish(within(t), channel, &message), agentmq.ErrInvalid)
		}
		refused(agentmq.Direct, agentmq.Message{Target: "a", Mode: agentmq.ModeBoth})
		refused("c", agentmq.Message{Mode: 3})
		refused("c", agentmq.Message{Mode: agentmq.ModePubSub, MinReplicas: 1})
	})
}

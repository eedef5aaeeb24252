package agentmq_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestTheHandlersVerdictSettles(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"backoff_base": "10ms", "retry_attempts": "2"})
		s := subscribe(t, bus, "c", "a", nil)
		for _, text := range []string{"good", "fails once", "fails", "panics", "rejects", "settles", "later"} {
			put(t, bus, "c", "a", text)
		}
		ctx, cancel := context.WithCancel(within(t))
		var deliveries atomic.Int64
		done := make(chan error, 1)
		go func() {
			done <- s.Consume(ctx, func(ctx context.Context, m *agentmq.Message) error {
				deliveries.Add(1)
				switch string(m.Payload) {
				case "fails once":
					if m.Deliveries == 1 {
						return errors.New("once")
					}
				case "fails":
					return errors.New("a reason\x00")
				case "panics":
					panic("oh")
				case "rejects":
					return fmt.Errorf("wrapped: %w", agentmq.Reject(errors.New("never")))
				case "settles":
					if err := bus.Delete(m.ID); err != nil {
						return err
					}
					return agentmq.ErrSettled
				case "later":
					if m.Deliveries == 1 {
						return agentmq.RetryAfter(time.Millisecond, errors.New("later"))
					}
				}
				return nil
			}, agentmq.ConsumeOptions{Concurrency: 3, OnError: func(m *agentmq.Message, err error) { t.Error(err) }})
		}()
		eventually(t, "all are settled", func() bool {
			count, err := bus.Count(agentmq.Filter{"state": "!dead"})
			must(t, err)
			return count == 0
		})
		cancel()
		must(t, <-done)
		equal(t, deliveries.Load(), 11)
		dead, err := bus.DeadLetters(nil, 10, 0)
		must(t, err)
		reasons := map[string]string{}
		for _, m := range dead {
			reasons[string(m.Payload)] = m.Reason
		}
		equal(t, fmt.Sprint(reasons), "map[fails:a reason\uFFFD panics:panic: oh rejects:wrapped: never]")
	})
}

func TestAGracefulStopFinishesWhatWasBegun(t *testing.T) {
	stops := map[string]func(*agentmq.Subscription, context.CancelFunc){
		"context": func(_ *agentmq.Subscription, cancel context.CancelFunc) { cancel() },
		"drain":   func(s *agentmq.Subscription, _ context.CancelFunc) { _ = s.Drain(context.Background()) },
	}
	for name, stop := range stops {
		t.Run(name, func(t *testing.T) {
			onEvery(t, func(t *testing.T, url string) {
				bus := open(t, url, nil)
				s := subscribe(t, bus, "c", "a", nil)
				for i := 0; i < 10; i++ {
					put(t, bus, "c", "a", "x")
				}
				ctx, cancel := context.WithCancel(within(t))
				defer cancel()
				begun, finish := make(chan struct{}, 10), make(chan struct{})
				var finished atomic.Int64
				done := make(chan error, 1)
				go func() {
					done <- s.Consume(ctx, func(ctx context.Context, _ *agentmq.Message) error {
						begun <- struct{}{}
						<-finish
						finished.Add(1)
						return ctx.Err()
					}, agentmq.ConsumeOptions{Concurrency: 4})
				}()
				for i := 0; i < 4; i++ {
					<-begun
				}
				short, cancelShort := context.WithTimeout(context.Background(), 10*time.Millisecond)
				defer cancelShort()
				if name == "drain" {
					is(t, s.Drain(short), context.DeadlineExceeded)
				}
				stopped := make(chan struct{})
				go func() {
					stop(s, cancel)
					close(stopped)
				}()
				close(finish)
				must(t, <-done)
				<-stopped
				worked := finished.Load()
				if worked < 4 || worked > 10 {
					t.Fatalf("%d were worked on", worked)
				}
				count, err := bus.Count(nil)
				must(t, err)
				equal(t, count, 10-worked)
				if name == "drain" {
					must(t, s.Consume(ctx, nil, agentmq.ConsumeOptions{}))
				}
			})
		})
	}
}

func TestNoMoreHandlersRunThanWereAskedFor(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		const messages = 200
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		var batch []*agentmq.Message
		for i := 0; i < messages; i++ {
			batch = append(batch, &agentmq.Message{Target: "a"})
		}
		must(t, bus.PublishBatch(within(t), "c", batch))
		var running, most, all atomic.Int64
		var mutex sync.Mutex
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		must(t, s.Consume(ctx, func(context.Context, *agentmq.Message) error {
			now := running.Add(1)
			mutex.Lock()
			if now > most.Load() {
				most.Store(now)
			}
			mutex.Unlock()
			running.Add(-1)
			if all.Add(1) == messages {
				cancel()
			}
			return nil
		}, agentmq.ConsumeOptions{Concurrency: 3}))
		if most.Load() > 3 {
			t.Fatalf("%d handlers ran at the same time", most.Load())
		}
		count, err := bus.Count(nil)
		must(t, err)
		equal(t, count, 0)
	})
}

func TestASettlementThatFailsIsTold(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		sent := put(t, bus, "c", "a", "x")
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		told := make(chan error, 1)
		must(t, s.Consume(ctx, func(context.Context, *agentmq.Message) error {
			cancel()
			return bus.Delete(sent.ID)
		}, agentmq.ConsumeOptions{OnError: func(_ *agentmq.Message, err error) { told <- err }}))
		is(t, <-told, agentmq.ErrNotFound)
	})
}

package agentmq_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

// waiting has n goroutines wait for a message, and answers what ended each. They are at it when this returns, or will
// be soon: either way the same must come of it.
func waiting(n int, s *agentmq.Subscription, ctx context.Context) <-chan error {
	ended := make(chan error, n)
	var started sync.WaitGroup
	started.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			started.Done()
			_, err := s.Fetch(ctx)
			ended <- err
		}()
	}
	started.Wait()
	return ended
}

func TestClosingWakesWhoWaits(t *testing.T) {
	closes := map[string]func(*agentmq.Bus, *agentmq.Subscription) error{
		"the bus":          func(b *agentmq.Bus, _ *agentmq.Subscription) error { return b.Close() },
		"the subscription": func(_ *agentmq.Bus, s *agentmq.Subscription) error { return s.Unsubscribe() },
		"shutting down":    func(b *agentmq.Bus, _ *agentmq.Subscription) error { return b.Shutdown() },
		"draining":         func(_ *agentmq.Bus, s *agentmq.Subscription) error { return s.Drain(context.Background()) },
	}
	for name, end := range closes {
		t.Run(name, func(t *testing.T) {
			onEvery(t, func(t *testing.T, url string) {
				bus := open(t, url, nil)
				s := subscribe(t, bus, "c", "a", nil)
				ended := waiting(4, s, within(t))
				logs := make(chan error, 1)
				go func() {
					_, err := bus.NextLog(within(t))
					for err == nil {
						_, err = bus.NextLog(within(t))
					}
					logs <- err
				}()
				begin := time.Now()
				must(t, end(bus, s))
				for i := 0; i < 4; i++ {
					is(t, <-ended, agentmq.ErrClosed)
				}
				must(t, bus.Close())
				is(t, <-logs, agentmq.ErrClosed)
				if took := time.Since(begin); took > 5*time.Second {
					t.Fatalf("it took %v", took)
				}
			})
		})
	}
}

func TestUseAfterClose(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "x")
		m := next(t, s)
		must(t, bus.Close())
		must(t, bus.Close())
		ctx := within(t)
		_, fetchErr := s.Fetch(ctx)
		_, asyncErr := bus.PublishAsync(ctx, "c", &agentmq.Message{Target: "a"})
		_, subscribeErr := bus.Subscribe("c", "a", nil)
		_, findErr := bus.Find(nil, 1, 0)
		_, statsErr := bus.Stats("c")
		_, _, healthErr := bus.Health()
		_, logErr := bus.NextLog(ctx)
		for _, err := range []error{
			fetchErr, asyncErr, subscribeErr, findErr, statsErr, healthErr, logErr, bus.Ack(m), bus.AckAsync(ctx, m),
			bus.AckBatch([]*agentmq.Message{m}), bus.Publish(ctx, "c", m), bus.Shutdown(), bus.Configure("c", nil),
		} {
			is(t, err, agentmq.ErrClosed)
		}
		must(t, s.Unsubscribe())
		must(t, s.Unsubscribe())
		_, err := s.TryFetchBatch(1)
		is(t, err, agentmq.ErrClosed)
		is(t, s.Add("d"), agentmq.ErrClosed)
		equal(t, string(m.Payload), "x")
	})
}

func TestClosingWhileOthersPublish(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		for round := 0; round < 20; round++ {
			bus := open(t, url, nil)
			var all sync.WaitGroup
			published := make(chan struct{}, 1000)
			for i := 0; i < 4; i++ {
				all.Add(1)
				go func() {
					defer all.Done()
					for {
						err := bus.Publish(context.Background(), "c", &agentmq.Message{Target: "a"})
						if errors.Is(err, agentmq.ErrClosed) {
							return
						}
						if err != nil && !errors.Is(err, agentmq.ErrFull) {
							t.Errorf("got %v", err)
							return
						}
						select {
						case published <- struct{}{}:
						default:
						}
					}
				}()
			}
			<-published
			all.Add(2)
			for i := 0; i < 2; i++ {
				go func() {
					defer all.Done()
					if err := bus.Close(); err != nil {
						t.Errorf("got %v", err)
					}
				}()
			}
			all.Wait()
		}
	})
}

func TestAContextEndsAWait(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		ctx, cancel := context.WithCancel(context.Background())
		ended := waiting(4, s, ctx)
		other := waiting(1, s, within(t))
		cancel()
		for i := 0; i < 4; i++ {
			is(t, <-ended, context.Canceled)
		}
		_, err := s.Fetch(ctx)
		is(t, err, context.Canceled)
		is(t, bus.Publish(ctx, "c", &agentmq.Message{Target: "a"}), context.Canceled)
		_, err = agentmq.Open(ctx, url, nil)
		is(t, err, context.Canceled)
		put(t, bus, "c", "a", "x")
		must(t, <-other) // it was not touched
		short, cancelShort := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancelShort()
		_, err = s.FetchBatch(short, 10)
		is(t, err, context.DeadlineExceeded)
	})
}

func TestAContextEndsAPublishThatWaitsForRoom(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		limits := agentmq.Settings{"max_items": "1", "overflow": "block", "publish_timeout": "1h"}
		must(t, bus.Configure("c", limits))
		put(t, bus, "c", "a", "x")
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		err := bus.Publish(ctx, "c", &agentmq.Message{Target: "a"})
		is(t, err, context.DeadlineExceeded)
		is(t, err, agentmq.ErrInterrupted)
	})
}

func TestEightGoroutinesAtOnce(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		const each, goroutines = 100, 8
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		ctx, cancel := context.WithCancel(within(t))
		defer cancel()
		var mutex sync.Mutex
		seen := map[string]bool{}
		var all sync.WaitGroup
		for i := 0; i < goroutines; i++ {
			all.Add(2)
			go func(i int) {
				defer all.Done()
				for n := 0; n < each; n++ {
					m := &agentmq.Message{Target: "a", Payload: []byte(fmt.Sprint(i, n))}
					if err := bus.Publish(ctx, "c", m); err != nil {
						t.Error(err)
					}
				}
			}(i)
			go func() {
				defer all.Done()
				for {
					m, err := s.Fetch(ctx)
					if err != nil {
						return
					}
					if err := bus.Ack(m); err != nil {
						t.Error(err)
					}
					mutex.Lock()
					seen[string(m.Payload)] = true
					if len(seen) == each*goroutines {
						cancel()
					}
					mutex.Unlock()
				}
			}()
		}
		all.Wait()
		equal(t, len(seen), each*goroutines)
	})
}

func TestWhatNobodyReceivedStaysWithTheSubscription(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		for i := 0; i < 5; i++ {
			put(t, bus, "c", "a", fmt.Sprint(i))
		}
		ctx, cancel := context.WithCancel(within(t))
		messages := s.Messages(ctx)
		equal(t, string((<-messages).Payload), "0")
		cancel()
		got := 1
		for range messages { // a receiver and the end of the context may meet
			got++
		}
		for ; got < 5; got++ {
			equal(t, string(next(t, s).Payload), fmt.Sprint(got))
		}
	})
}

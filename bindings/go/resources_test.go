package agentmq_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(tasks)
}

func TestWaitingHoldsNoThreads(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		const count = 1000
		bus := open(t, url, nil)
		ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
		defer cancel()
		ended := make(chan error, count)
		var subscriptions []*agentmq.Subscription
		for i := 0; i < count; i++ {
			s := subscribe(t, bus, "c", fmt.Sprint("a", i), nil)
			subscriptions = append(subscriptions, s)
			go func() {
				m, err := s.Fetch(ctx)
				if err == nil {
					err = bus.Ack(m)
				}
				ended <- err
			}()
		}
		// Those that got theirs show that all the others have begun to wait.
		for i := 0; i < count; i += 10 {
			put(t, bus, "c", fmt.Sprint("a", i), "x")
		}
		for i := 0; i < count; i += 10 {
			must(t, <-ended)
		}
		if now := threads(t); now >= 100 {
			t.Fatalf("%d threads", now)
		}
		t.Logf("%d threads", threads(t))
		for i := 0; i < count; i++ {
			if i%10 != 0 {
				put(t, bus, "c", fmt.Sprint("a", i), "x")
			}
		}
		for i := 0; i < count-count/10; i++ {
			must(t, <-ended)
		}
	})
}

func TestWhatNobodyClosedIsCollected(t *testing.T) {
	url := "memory://collected"
	keeper := open(t, url, nil)
	func() {
		for i := 0; i < 50; i++ {
			bus, err := agentmq.Open(within(t), url, nil)
			must(t, err)
			s, err := bus.Subscribe("c", "a", nil)
			must(t, err)
			short, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			_, err = s.Fetch(short)
			cancel()
			is(t, err, context.DeadlineExceeded)
		}
	}()
	descriptors := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(all)
	}
	before := descriptors()
	eventually(t, "their descriptors are closed", func() bool {
		runtime.GC()
		return descriptors() <= before-50
	})
	put(t, keeper, "c", "a", "x")
}

package agentmq_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
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

// resident is the memory of the process in KiB, without what Go could give back.
func resident(t *testing.T) int {
	t.Helper()
	runtime.GC()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	var size int
	_, err = fmt.Sscanf(string(status[strings.Index(string(status), "VmRSS:"):]), "VmRSS: %d kB", &size)
	must(t, err)
	return size
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

func TestMemoryStays(t *testing.T) {
	if testing.Short() {
		t.Skip("takes its time")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", agentmq.Settings{"prefetch": "100"})
		payload := make([]byte, 100)
		pump := func(messages int) {
			for i := 0; i < messages; i += 100 {
				batch := make([]*agentmq.Message, 100)
				for i := range batch {
					batch[i] = &agentmq.Message{Target: "a", Payload: payload}
				}
				must(t, bus.PublishBatch(ctx, "c", batch))
				for got := 0; got < 100; {
					messages, err := s.FetchBatch(ctx, 100)
					must(t, err)
					must(t, bus.AckBatch(messages))
					got += len(messages)
				}
			}
		}
		steady(t, "100,000 messages", func() { pump(100000) }, func() { pump(100000) })
	})
	onEvery(t, func(t *testing.T, url string) {
		cycle := func(buses int) {
			for i := 0; i < buses; i++ {
				bus, err := agentmq.Open(ctx, url, nil)
				must(t, err)
				s, err := bus.Subscribe("c", "a", nil)
				must(t, err)
				must(t, s.Unsubscribe())
				must(t, bus.Close())
			}
		}
		steady(t, "1,000 buses", func() { cycle(300) }, func() { cycle(1000) })
	})
}

func steady(t *testing.T, what string, warm, work func()) {
	t.Helper()
	warm()
	before := resident(t)
	work()
	after := resident(t)
	t.Logf("%s: %d KiB, then %d KiB", what, before, after)
	if after > before+before/10 {
		t.Errorf("%s: memory grew from %d to %d KiB", what, before, after)
	}
}

//go:build memory

// Apart from the others, for it takes its time: test.sh runs it by its tag.

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

func TestMemoryStays(t *testing.T) {
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

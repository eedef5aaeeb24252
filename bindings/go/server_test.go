package agentmq_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

// What was stored survives, who waits goes on waiting, and everybody goes on by himself afterwards.
func TestTheServerIsRestartedInTheMiddle(t *testing.T) {
	s, err := startServer("--appendonly", "yes", "--appendfsync", "always")
	must(t, err)
	t.Cleanup(s.end)
	bus := open(t, s.url(), nil)
	sub := subscribe(t, bus, "c", "a", nil)
	idle := subscribe(t, bus, "c", "idle", nil)
	const count = 60
	seen := map[string]bool{}
	notStored := false
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	got, done := make(chan string, count), make(chan error, 1)
	go func() {
		done <- sub.Consume(ctx, func(_ context.Context, m *agentmq.Message) error {
			got <- string(m.Payload)
			return nil
		}, agentmq.ConsumeOptions{})
	}()
	for i := 0; i < count; i++ {
		if i == count/2 {
			for len(seen) < i/2 {
				seen[<-got] = true
			}
			s.stop()
			err := bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Payload: []byte("lost")})
			// On a connection that broke nobody can tell what arrived; without one it is certainly not stored.
			if notStored = errors.Is(err, agentmq.ErrUnavailable); !notStored {
				is(t, err, agentmq.ErrUnknown)
			}
			begin := time.Now()
			short, cancelShort := context.WithTimeout(context.Background(), 50*time.Millisecond)
			_, err = idle.Fetch(short)
			cancelShort()
			is(t, err, context.DeadlineExceeded) // an outage is waited out, as long as the context says
			t.Logf("took %v", time.Since(begin))
			must(t, s.start())
		}
		m := &agentmq.Message{Target: "a", Payload: []byte(fmt.Sprint(i))}
		eventually(t, "the server is there again", func() bool {
			err := bus.Publish(within(t), "c", m)
			var failed *agentmq.Error
			if err != nil && !(errors.As(err, &failed) && failed.Retriable()) {
				t.Fatal(err)
			}
			return err == nil
		})
	}
	for i := 0; i < count; {
		if seen[fmt.Sprint(i)] {
			i++
			continue
		}
		select {
		case text := <-got:
			seen[text] = true
		case <-time.After(patience):
			t.Fatalf("%d did not come, of %d that did", i, len(seen))
		}
	}
	cancel()
	must(t, <-done)
	if notStored && seen["lost"] {
		t.Fatal("it came, though it was said not to be stored")
	}
}

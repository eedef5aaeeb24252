package agentmq_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestAsynchronousPublishesKeepTheirOrder(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		const count = 3000
		bus := open(t, url, agentmq.Settings{"async_max": "500"})
		var publications []*agentmq.Publication
		for i := 0; i < count; i++ {
			channel := []string{"c", "d"}[i%2]
			m := &agentmq.Message{Target: "a", Payload: []byte(fmt.Sprint(i))}
			p, err := bus.PublishAsync(within(t), channel, m)
			must(t, err)
			publications = append(publications, p)
		}
		must(t, bus.Flush(within(t)))
		for _, p := range publications {
			must(t, p.Wait(within(t)))
			if p.Message().ID == "" || p.Message().Timestamp.IsZero() {
				t.Fatalf("got %+v", p.Message())
			}
		}
		s := subscribe(t, bus, "c", "a", nil)
		for i := 0; i < count; {
			messages, err := s.FetchBatch(within(t), 1000)
			must(t, err)
			for _, m := range messages {
				equal(t, string(m.Payload), fmt.Sprint(i))
				must(t, bus.AckAsync(within(t), m))
				i += 2
			}
		}
		must(t, bus.Flush(within(t)))
		left, err := bus.Count(agentmq.Filter{"channel": "c"})
		must(t, err)
		equal(t, left, 0)
	})
}

func TestAFlushTellsThatOneFailed(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		must(t, bus.Configure("c", agentmq.Settings{"max_items": "1"}))
		good, err := bus.PublishAsync(within(t), "c", &agentmq.Message{Target: "a"})
		must(t, err)
		must(t, good.Wait(within(t)))
		full, err := bus.PublishAsync(within(t), "c", &agentmq.Message{Target: "a"})
		must(t, err)
		<-full.Done()
		is(t, full.Wait(within(t)), agentmq.ErrFull)
		is(t, bus.Flush(within(t)), agentmq.ErrPartial)
		must(t, bus.Flush(within(t)))

		got := next(t, subscribe(t, bus, "c", "a", nil))
		must(t, bus.AckAsync(within(t), got))
		must(t, bus.Flush(within(t)))
		must(t, bus.AckAsync(within(t), got))
		is(t, bus.Flush(within(t)), agentmq.ErrPartial)
		is(t, bus.AckAsync(within(t), &agentmq.Message{}), agentmq.ErrInvalid)
	})
}

func TestClosingSendsWhatWasTaken(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		other := open(t, url, nil) // keeps an embedded store
		bus := open(t, url, nil)
		for i := 0; i < 500; i++ {
			_, err := bus.PublishAsync(within(t), "c", &agentmq.Message{Target: "a"})
			must(t, err)
		}
		must(t, bus.Close())
		count, err := other.Count(nil)
		must(t, err)
		equal(t, count, 500)
	})
}

func TestAPublishThatCanNotBeSentIsNotWaitedForAtTheEnd(t *testing.T) {
	t.Setenv("AGENTMQ_URL", "memory://stuck?close_timeout=50ms")
	bus := open(t, "", nil)
	begun := time.Now()
	limits := agentmq.Settings{"max_items": "1", "overflow": "block", "publish_timeout": "1h"}
	must(t, bus.Configure("c", limits))
	put(t, bus, "c", "a", "x")
	stuck, err := bus.PublishAsync(within(t), "c", &agentmq.Message{Target: "a"})
	must(t, err)
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	is(t, bus.Flush(short), context.DeadlineExceeded)
	is(t, stuck.Wait(short), context.DeadlineExceeded)
	is(t, bus.Close(), agentmq.ErrPartial)
	equal(t, time.Since(begun) < 4*time.Second, true) // the default is 5 s
	is(t, stuck.Wait(within(t)), agentmq.ErrClosed)
}

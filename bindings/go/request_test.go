package agentmq_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

// answer has an agent answer each request with "re: " and its payload, until the test ends.
func answer(t *testing.T, bus *agentmq.Bus, agent string) {
	t.Helper()
	subscription := subscribe(t, bus, agentmq.Direct, agent, nil)
	var answering sync.WaitGroup
	answering.Add(1)
	go func() {
		defer answering.Done()
		for {
			request, err := subscription.Fetch(context.Background())
			if err != nil {
				return
			}
			reply := &agentmq.Message{Payload: append([]byte("re: "), request.Payload...), Source: agent}
			if bus.Reply(request, reply) == nil && reply.ID != "" {
				_ = bus.Ack(request)
			}
		}
	}()
	t.Cleanup(func() { _ = subscription.Unsubscribe(); answering.Wait() })
}

func TestARequestHasItsReply(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"source": "asker", "trace": "true"})
		answer(t, bus, "worker")
		request := &agentmq.Message{Payload: []byte("?")}
		reply, err := bus.Request(within(t), "worker", request)
		must(t, err)
		equal(t, string(reply.Payload), "re: ?")
		equal(t, reply.Source, "worker")
		equal(t, reply.CorrelationID, request.CorrelationID)
		equal(t, request.Target, "worker")
		named, _ := reply.Header("agentmq-in-reply-to")
		equal(t, named, request.ID)
		if request.CorrelationID == "" || request.ReplyTo == "" || request.Timestamp.IsZero() {
			t.Fatalf("the request does not tell what was sent: %+v", request)
		}
		_, err = bus.Request(within(t), "wor\nker", request)
		is(t, err, agentmq.ErrInvalid)
		_, err = bus.Request(within(t), "worker", nil)
		is(t, err, agentmq.ErrInvalid)

		// Many at once, over one bus.
		var asking sync.WaitGroup
		failures := make(chan error, 50)
		for i := 0; i < cap(failures); i++ {
			asking.Add(1)
			go func(text string) {
				defer asking.Done()
				reply, err := bus.Request(within(t), "worker", &agentmq.Message{Payload: []byte(text)})
				if err == nil && string(reply.Payload) != "re: "+text {
					err = fmt.Errorf("%s was answered with %s", text, reply.Payload)
				}
				failures <- err
			}(fmt.Sprint(i))
		}
		asking.Wait()
		for i := 0; i < cap(failures); i++ {
			must(t, <-failures)
		}
	})
}

func TestALateReplyIsCollected(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"source": "asker"})
		worker := subscribe(t, bus, agentmq.Direct, "worker", nil)
		ctx, cancel := context.WithCancel(within(t))
		var request *agentmq.Message
		taken := make(chan struct{})
		go func() {
			defer close(taken)
			request, _ = worker.Fetch(within(t))
			cancel()
		}()
		question := &agentmq.Message{Payload: []byte("?")}
		_, err := bus.Request(ctx, "worker", question)
		is(t, err, context.Canceled)
		<-taken
		equal(t, question.ID, request.ID)
		none, err := bus.TryCollect("asker", question.CorrelationID)
		must(t, err)
		equal(t, none, nil)
		must(t, bus.Reply(request, &agentmq.Message{Payload: []byte("at last")}))
		late, err := bus.Collect(within(t), "asker", question.CorrelationID)
		must(t, err)
		equal(t, string(late.Payload), "at last")
		short, end := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer end()
		_, err = bus.Collect(short, "asker", "8")
		is(t, err, context.DeadlineExceeded)
		is(t, bus.Reply(&agentmq.Message{}, &agentmq.Message{}), agentmq.ErrInvalid)
	})
}

func TestManyAnswerOneRequest(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		answer(t, bus, "one")
		answer(t, bus, "two")
		question := &agentmq.Message{Payload: []byte("?"), CorrelationID: "7"}
		all, err := bus.RequestMany(within(t), []string{"one", "two"}, question, 0)
		must(t, err)
		equal(t, len(all), 2)
		equal(t, all[0].CorrelationID, "7")
		first, err := bus.RequestMany(within(t), []string{"one", "two"}, &agentmq.Message{}, 1)
		must(t, err)
		equal(t, len(first), 1)
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		part, err := bus.RequestMany(ctx, []string{"one", "nobody"}, &agentmq.Message{}, 0)
		is(t, err, agentmq.ErrPartial)
		equal(t, len(part), 1)
		short, end := context.WithTimeout(context.Background(), time.Millisecond)
		defer end()
		_, err = bus.RequestMany(short, []string{"nobody"}, &agentmq.Message{}, 0)
		is(t, err, context.DeadlineExceeded)
		cancelled, now := context.WithCancel(context.Background())
		time.AfterFunc(20*time.Millisecond, now)
		_, err = bus.RequestMany(cancelled, []string{"nobody"}, &agentmq.Message{}, 0)
		is(t, err, context.Canceled)
	})
}

package agentmq_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestAMessageArrivesWithAllThatItWasGiven(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "worker:1", nil)
		sent := &agentmq.Message{
			Payload: []byte("a\x00b"), Target: "worker", Source: "me", Type: "job", CorrelationID: "42", ReplyTo: "boss",
			ContentType: "text/plain", Headers: []agentmq.Header{{Name: "z", Value: "1"}, {Name: "a", Value: ""}},
			Priority: 7, TTL: time.Hour,
		}
		must(t, bus.Publish(within(t), "c", sent))
		got := next(t, s)
		equal(t, got.ID, sent.ID)
		equal(t, got.Timestamp, sent.Timestamp)
		equal(t, got.Expires, sent.Timestamp.Add(time.Hour))
		equal(t, got.Channel, "c")
		equal(t, got.Agent, "worker:1")
		equal(t, got.Deliveries, 1)
		equal(t, got.State, agentmq.StateReserved)
		if got.Receipt == "" || got.ReservedUntil.IsZero() || time.Since(got.Timestamp) > time.Minute {
			t.Fatalf("got %+v", got)
		}
		sent.TTL = 0 // a received message says when it expires
		if !reflect.DeepEqual(got.Copy(), sent.Copy()) {
			t.Fatalf("got %+v, want %+v", got.Copy(), sent.Copy())
		}
		value, found := got.Header("a")
		equal(t, value, "")
		equal(t, found, true)
		_, found = got.Header("b")
		equal(t, found, false)
		must(t, bus.Ack(got))
		is(t, bus.Ack(got), agentmq.ErrNotFound)
	})
}

func TestTheGreaterPriorityGoesFirst(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		order := []int{agentmq.PriorityUrgent, 255, agentmq.PriorityLowest, 0, agentmq.PriorityLow}
		for _, priority := range order {
			m := &agentmq.Message{Target: "a", Priority: priority}
			must(t, bus.Publish(within(t), "c", m))
		}
		s := subscribe(t, bus, "c", "a", nil)
		for _, want := range []int{255, 10, 5, 1, agentmq.PriorityLowest} {
			equal(t, next(t, s).Priority, want)
		}
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Priority: 256}), agentmq.ErrInvalid)
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Priority: -2}), agentmq.ErrInvalid)
	})
}

func TestABatchTellsOfEachWhatBecameOfIt(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		must(t, bus.Configure("c", agentmq.Settings{"max_items": "2"}))
		var batch []*agentmq.Message
		for i := 0; i < 6; i++ {
			target := "roomy"
			if i%2 == 1 {
				target = "small"
			}
			batch = append(batch, &agentmq.Message{Target: target, Payload: []byte{byte(i)}})
		}
		put(t, bus, "c", "small", "first")
		must(t, bus.Configure("c", agentmq.Settings{"max_items": "3"}))
		err := bus.PublishBatch(within(t), "c", batch)
		is(t, err, agentmq.ErrPartial)
		for i, m := range batch {
			stored := i%2 == 0
			equal(t, m.ID != "", stored)
			equal(t, errors.Is(m.Status.Err(), agentmq.ErrFull), !stored)
		}
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "roomy"}), agentmq.ErrFull)
		must(t, bus.Configure("c", nil))
		must(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "roomy"}))

		s := subscribe(t, bus, "c", "roomy", nil)
		got := 0
		for got < 4 {
			messages, err := s.FetchBatch(within(t), 100)
			must(t, err)
			got += len(messages)
			must(t, bus.AckBatch(messages))
			is(t, bus.AckBatch(messages), agentmq.ErrNotFound)
			equal(t, messages[0].Status, agentmq.StatusNotFound)
		}
	})
}

func TestPartOfABatchOfAcks(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "1")
		put(t, bus, "c", "a", "2")
		first, second := next(t, s), next(t, s)
		must(t, bus.Ack(first))
		statuses, err := bus.AckReceipts([]string{first.Receipt, second.Receipt, "nonsense"})
		is(t, err, agentmq.ErrPartial)
		equal(t, fmt.Sprint(statuses), "[NOT_FOUND OK INVALID]")
	})
}

func TestManyTargetsGetAMessageOfTheirOwn(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		sent, err := bus.PublishMany(within(t), "c", &agentmq.Message{Payload: []byte("x")}, []string{"a", "b"})
		must(t, err)
		equal(t, next(t, subscribe(t, bus, "c", "b", nil)).ID, sent[1].ID)
		equal(t, next(t, subscribe(t, bus, "c", "a", nil)).ID, sent[0].ID)
	})
}

func TestADirectMessageNeedsNoChannel(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		m := &agentmq.Message{Payload: []byte("x")}
		must(t, bus.SendTo(within(t), "a", m))
		got := next(t, subscribe(t, bus, agentmq.Direct, "a", nil))
		equal(t, got.ID, m.ID)
		equal(t, got.Channel, agentmq.Direct)
	})
}

func TestPayloadsOfEverySize(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		s := subscribe(t, bus, "c", "a", nil)
		for _, size := range []int{0, 1, 65536, 5 << 20} {
			payload := make([]byte, size)
			rand.New(rand.NewSource(1)).Read(payload)
			sent := &agentmq.Message{Target: "a", Payload: payload}
			must(t, bus.Publish(within(t), "c", sent))
			found, err := bus.Get(sent.ID)
			must(t, err)
			got := next(t, s)
			if !bytes.Equal(got.Payload, payload) || !bytes.Equal(found.Payload, payload) {
				t.Fatalf("%d bytes came back as others", size)
			}
			must(t, bus.Ack(got))
		}
		must(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a"}))
		equal(t, len(next(t, s).Payload), 0)
	})
	small := open(t, "memory://small?max_payload=10B", nil)
	is(t, small.Publish(within(t), "c", &agentmq.Message{Target: "a", Payload: make([]byte, 11)}), agentmq.ErrTooLarge)
}

func TestTextsOfEveryPlane(t *testing.T) {
	var planes strings.Builder
	for plane := rune(0); plane <= 16; plane++ {
		planes.WriteRune(plane<<16 + 0x00E9)
		planes.WriteRune(plane<<16 + 0xFFFD)
	}
	text := planes.String() + "é\U0001F600"
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		channel, agent := "ch\u00e9\U0001F600", "w\U0010FFFD"
		s := subscribe(t, bus, channel, agent, nil)
		sent := &agentmq.Message{
			Payload: []byte(text), Target: agent, Source: "s\U0001F600", Type: text, CorrelationID: text,
			ReplyTo: "r\U0001F600", ContentType: text, Headers: []agentmq.Header{{Name: "h\U0001F600", Value: text}},
			Priority: 5,
		}
		must(t, bus.Publish(within(t), channel, sent))
		got := next(t, s)
		if !reflect.DeepEqual(got.Copy(), sent.Copy()) {
			t.Fatalf("got %+v, want %+v", got.Copy(), sent.Copy())
		}
		equal(t, got.Channel, channel)
		must(t, bus.Nack(got, agentmq.Permanent, agentmq.Backoff, text))
		dead, err := bus.DeadLetters(agentmq.Filter{"target": agent}, 10, 0)
		must(t, err)
		equal(t, dead[0].Reason, text)
	})
}

func TestJSON(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		m, err := agentmq.NewJSON(map[string]int{"n": 1})
		must(t, err)
		m.Target = "a"
		must(t, bus.Publish(within(t), "c", m))
		got := next(t, subscribe(t, bus, "c", "a", nil))
		var value map[string]int
		must(t, got.DecodeJSON(&value))
		equal(t, value["n"], 1)
		equal(t, got.ContentType, "application/json")
	})
}

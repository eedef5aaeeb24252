// Command bench measures what a message of 100 bytes costs: publishing it, and fetching, reading and acknowledging it,
// one by one and in batches of 100. Prints ns per message, the best of several rounds: "bench URL [MESSAGES]". It clears
// the channel "bench".
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	agentmq "agentmq.dev/go"
)

const (
	channel = "bench"
	agent   = "bench"
	kind    = "bench"
	batch   = 100
	rounds  = 31 // of which the first warm up
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: bench URL [MESSAGES]")
	}
	count := 5000
	if len(os.Args) > 2 {
		number, err := strconv.Atoi(os.Args[2])
		check(err)
		count = number / batch * batch
	}
	bus, err := agentmq.Open(context.Background(), os.Args[1], agentmq.Settings{"max_items": "0"})
	check(err)
	defer bus.Close()
	_, err = bus.Clear(channel)
	check(err)
	subscription, err := bus.Subscribe(channel, agent, nil)
	check(err)
	defer subscription.Unsubscribe()
	payload := make([]byte, 100)
	steps := []struct {
		name     string
		together int
		step     func()
	}{
		{"publish", 1, func() { publishOne(bus, payload) }},
		{"fetch and ack", 1, func() { fetchOne(bus, subscription) }},
		{"publish", batch, func() { publish(bus, payload) }},
		{"fetch and ack", batch, func() { fetch(bus, subscription) }},
	}
	best := make([]time.Duration, len(steps))
	for round := 0; round < rounds; round++ {
		for i, one := range steps {
			begin := time.Now()
			for done := 0; done < count; done += one.together {
				one.step()
			}
			if took := time.Since(begin); round == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	for i, one := range steps {
		fmt.Printf("%-14s %3d at a time: %8d ns per message\n", one.name, one.together, best[i].Nanoseconds()/int64(count))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func message(payload []byte) *agentmq.Message {
	return &agentmq.Message{Target: agent, Type: kind, Payload: payload}
}

// read looks at what a worker looks at.
func read(message *agentmq.Message) {
	if message.Type != kind || len(message.Payload) != 100 || message.Payload[99] != 0 {
		log.Fatal("this is not what was published")
	}
}

func publishOne(bus *agentmq.Bus, payload []byte) {
	check(bus.Publish(context.Background(), channel, message(payload)))
}

func fetchOne(bus *agentmq.Bus, subscription *agentmq.Subscription) {
	message, err := subscription.Fetch(context.Background())
	check(err)
	read(message)
	check(bus.Ack(message))
}

func publish(bus *agentmq.Bus, payload []byte) {
	messages := make([]*agentmq.Message, batch)
	for i := range messages {
		messages[i] = message(payload)
	}
	check(bus.PublishBatch(context.Background(), channel, messages))
}

func fetch(bus *agentmq.Bus, subscription *agentmq.Subscription) {
	for left := batch; left > 0; {
		messages, err := subscription.FetchBatch(context.Background(), left)
		check(err)
		for _, message := range messages {
			read(message)
		}
		check(bus.AckBatch(messages))
		left -= len(messages)
	}
}

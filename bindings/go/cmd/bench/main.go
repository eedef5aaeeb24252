// Command bench measures what publishing and fetching with acknowledging take, one by one and in batches of 100, on the
// URL given: "bench URL [MESSAGES]". It clears the channel "bench".
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
	batch   = 100
	size    = 100 // bytes of a payload
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	if len(os.Args) < 2 {
		log.Fatal("usage: bench URL [MESSAGES]")
	}
	count := 20000
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
	subscription, err := bus.Subscribe(channel, "agent", nil)
	check(err)
	defer subscription.Unsubscribe()
	for _, together := range []int{1, batch} {
		measure("publish", together, count, func() { publish(bus, together) })
		measure("fetch and ack", together, count, func() { fetch(bus, subscription, together) })
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func measure(what string, together, count int, step func()) {
	begin := time.Now()
	for done := 0; done < count; done += together {
		step()
	}
	took := time.Since(begin).Nanoseconds() / int64(count)
	fmt.Printf("%-14s %3d at a time: %8d ns per message\n", what, together, took)
}

func publish(bus *agentmq.Bus, together int) {
	messages := make([]*agentmq.Message, together)
	for i := range messages {
		messages[i] = &agentmq.Message{Target: "agent", Payload: make([]byte, size)}
	}
	check(bus.PublishBatch(context.Background(), channel, messages))
}

func fetch(bus *agentmq.Bus, subscription *agentmq.Subscription, together int) {
	for left := together; left > 0; {
		messages, err := subscription.FetchBatch(context.Background(), left)
		check(err)
		check(bus.AckBatch(messages))
		left -= len(messages)
	}
}

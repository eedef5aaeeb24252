// Command peer is Go's part in a team of several languages: "peer publish URL N" gives out work, "peer work URL NAME"
// passes on what it gets. Payloads, headers and texts must come through every language as they are.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	agentmq "agentmq.dev/go"
)

const (
	channel = "mixed"
	plane   = "\U0001F600"
	idle    = 8 * time.Second // without a message a worker's work is over; long enough to miss a dead one
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("peer: ")
	if len(os.Args) != 4 {
		log.Fatal("usage: peer publish URL N | peer work URL NAME")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	bus, err := agentmq.Open(ctx, os.Args[2], nil)
	if err != nil {
		log.Fatal(err)
	}
	defer bus.Close()
	var done int
	switch os.Args[1] {
	case "publish":
		done, err = publish(ctx, bus, os.Args[3])
	case "work":
		done, err = work(ctx, bus, os.Args[3])
	default:
		err = errors.New("neither publish nor work: " + os.Args[1])
	}
	fmt.Println(done)
	if err != nil {
		log.Fatal(err)
	}
}

func publish(ctx context.Context, bus *agentmq.Bus, count string) (int, error) {
	messages, err := strconv.Atoi(count)
	if err != nil {
		return 0, err
	}
	for i := 0; i < messages; i++ {
		number := strconv.Itoa(i)
		message := &agentmq.Message{
			Target:        "worker",
			Payload:       []byte(number + ":\u00e9" + plane + "\x00end"),
			CorrelationID: number,
			Headers:       []agentmq.Header{{Name: "n", Value: number}, {Name: "plane", Value: plane}},
			Priority:      4 + i%3,
		}
		if err := bus.Publish(ctx, channel, message); err != nil {
			return i, err
		}
	}
	return messages, nil
}

func work(ctx context.Context, bus *agentmq.Bus, name string) (int, error) {
	worker, err := bus.Subscribe(channel, "worker:"+name, agentmq.Settings{"prefetch": "4"})
	if err != nil {
		return 0, err
	}
	defer worker.Unsubscribe()
	for done := 0; ; done++ {
		wait, cancel := context.WithTimeout(ctx, idle)
		message, err := worker.Fetch(wait)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return done, nil
		}
		if err != nil {
			return done, err
		}
		result := &agentmq.Message{
			Target: "collector", Payload: message.Payload, CorrelationID: message.CorrelationID, Headers: message.Headers,
		}
		result.SetHeader("by", "go")
		// What was begun is finished, also where it is told to stop.
		if err := bus.Publish(context.Background(), channel, result); err != nil {
			return done, err
		}
		if err := bus.Ack(message); err != nil && !errors.Is(err, agentmq.ErrStale) && !errors.Is(err, agentmq.ErrNotFound) {
			return done, err
		}
	}
}

// Command wordcount has a team of agents count the words of a text: "wordcount [URL [FILE]]".
//
// The coordinator publishes each chapter as a task for the agent type "counter". Three counters compete for the tasks and
// send what they counted to the agent "collector", which merges it. The second counter fails now and then, and a fourth
// one takes a task and leaves without settling it: those tasks come again, to any counter. Nothing is lost: the program
// exits with 1 where the result differs from a direct count.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	agentmq "agentmq.dev/go"
)

const (
	channel  = "wordcount"
	counters = 3
)

// tally is what a counter did; its handler runs one at a time.
type tally struct{ delivered, retried, acked atomic.Int64 }

func (t *tally) see(m *agentmq.Message) int64 {
	if m.Deliveries > 1 {
		t.retried.Add(1)
	}
	return t.delivered.Add(1)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("wordcount: ")
	url, path := "memory://wordcount", "examples/data/sonnets.md"
	if len(os.Args) > 1 {
		url = os.Args[1]
	}
	if len(os.Args) > 2 {
		path = os.Args[2]
	}
	bytes, err := os.ReadFile(path)
	check(err)
	text := string(bytes)

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	begin := time.Now()
	bus, err := agentmq.Open(ctx, url, agentmq.Settings{
		"namespace":    "wordcount", // apart from what else is on the server
		"prefetch":     "1",         // an agent takes a task only when it has time for it
		"backoff_base": "100ms",     // how soon a failed task comes again
	})
	check(err)
	defer bus.Close()
	_, err = bus.Clear("*") // what a run that was broken off left
	check(err)
	chapters := publishTasks(ctx, bus, text)
	takeAndLeave(ctx, bus)

	var team [counters]tally
	var subscriptions [counters]*agentmq.Subscription
	for i := range subscriptions {
		subscriptions[i], err = bus.Subscribe(channel, fmt.Sprintf("counter:%d", i+1), nil)
		check(err)
		go consume(bus, subscriptions[i], &team[i], i == 1)
	}
	all := &tally{}
	all.delivered.Add(1) // what the counter took that left
	merged, done := collect(ctx, bus, chapters, all)
	published := int64(chapters)
	for i, subscription := range subscriptions {
		check(subscription.Drain(ctx)) // the handler has ended, its acks are sent
		published += team[i].acked.Load()
		all.delivered.Add(team[i].delivered.Load())
		all.retried.Add(team[i].retried.Load())
		all.acked.Add(team[i].acked.Load())
	}
	dead, err := bus.DeadLetters(nil, 1000, 0)
	check(err)
	waiting, err := bus.Count(nil)
	check(err)

	direct := words{}
	direct.count(text)
	verdict := "WRONG"
	if merged.equal(direct) && done == chapters && len(dead) == 0 && waiting == 0 {
		verdict = "right"
	}
	fmt.Printf("%s: %d words, %d different ones, in %d chapters; a direct count says %d and %d\n", verdict, merged.total(),
		len(merged), done, direct.total(), len(direct))
	fmt.Printf("published %d, delivered %d, retried %d, dead-lettered %d, acked %d, lost %d, in %.2f seconds\n", published,
		all.delivered.Load(), all.retried.Load(), len(dead), all.acked.Load(), chapters-done, time.Since(begin).Seconds())
	if verdict != "right" {
		os.Exit(1)
	}
}

// publishTasks is the coordinator: one task for each chapter, the long ones first. It answers how many.
func publishTasks(ctx context.Context, bus *agentmq.Bus, text string) int {
	chapters := strings.Split(text, "\n# ")
	for i, chapter := range chapters {
		if i > 0 {
			chapter = "\n# " + chapter
		}
		task := &agentmq.Message{
			Payload: []byte(chapter), Source: "coordinator", Target: "counter", Type: "count", ReplyTo: "collector",
			CorrelationID: strconv.Itoa(i),
		}
		if len(chapter) > 620 {
			task.Priority = agentmq.PriorityHigh
		}
		check(bus.Publish(ctx, channel, task))
	}
	return len(chapters)
}

// takeAndLeave is a counter that takes a task and never settles it: the visibility timeout brings it back.
func takeAndLeave(ctx context.Context, bus *agentmq.Bus) {
	settings := agentmq.Settings{"visibility_timeout": "500ms", "auto_extend": "false"}
	subscription, err := bus.Subscribe(channel, "counter:4", settings)
	check(err)
	_, err = subscription.Fetch(ctx)
	check(err)
	check(subscription.Unsubscribe())
}

// consume is a counter at work, until it is drained. What the handler answers settles the task.
func consume(bus *agentmq.Bus, subscription *agentmq.Subscription, tally *tally, unreliable bool) {
	check(subscription.Consume(context.Background(), func(ctx context.Context, task *agentmq.Message) error {
		time.Sleep(10 * time.Millisecond) // real agents take their time
		if delivered := tally.see(task); unreliable && delivered%3 == 1 {
			return errors.New("not in the mood")
		}
		counted := words{}
		counted.count(string(task.Payload))
		result := &agentmq.Message{
			Payload: []byte(counted.write()), Source: task.Agent, Target: task.ReplyTo, Type: "counted",
			CorrelationID: task.CorrelationID,
		}
		if err := bus.Publish(ctx, channel, result); err != nil {
			return err
		}
		tally.acked.Add(1)
		return nil
	}, agentmq.ConsumeOptions{}))
}

// collect is the collector: it merges one result a chapter, also where one comes twice.
func collect(ctx context.Context, bus *agentmq.Bus, chapters int, tally *tally) (words, int) {
	merged, seen := words{}, map[string]bool{}
	collector, err := bus.Subscribe(channel, "collector", nil)
	check(err)
	defer collector.Unsubscribe()
	for len(seen) < chapters {
		result, err := collector.Fetch(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			break
		}
		check(err)
		tally.see(result)
		if !seen[result.CorrelationID] {
			merged.read(string(result.Payload))
			seen[result.CorrelationID] = true
		}
		check(bus.Ack(result))
		tally.acked.Add(1)
	}
	return merged, len(seen)
}

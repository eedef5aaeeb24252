package agentmq_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestARepeatIsNotStoredTwice(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		first := &agentmq.Message{Target: "a", DedupKey: "order 7"}
		again := first.Copy()
		must(t, bus.Publish(within(t), "c", first))
		must(t, bus.PublishBatch(within(t), "c", []*agentmq.Message{again, {Target: "a", DedupKey: "8", Delay: time.Hour}}))
		equal(t, again.ID, first.ID)
		count, err := bus.Count(nil)
		must(t, err)
		equal(t, count, 2)
		stored, err := bus.Get(first.ID)
		must(t, err)
		equal(t, stored.DedupKey, "order 7")
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", DedupKey: "a\x00b"}), agentmq.ErrInvalid)
	})
}

func TestASignedMessageNamesItsKey(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		key := "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
		bus := open(t, url, agentmq.Settings{"signing_key": key, "require_signature": "true"})
		put(t, bus, "c", "a", "signed")
		got := next(t, subscribe(t, bus, "c", "a", nil))
		equal(t, got.SignedBy, "k1")
		equal(t, got.SignedAt.IsZero(), false)
		equal(t, got.History == nil, true)
	})
}

func TestADeadLetterHasItsHistory(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"retry_attempts": "2", "backoff_base": "1ms", "backoff_max": "1ms"})
		subscription := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "x")
		must(t, bus.Nack(next(t, subscription), agentmq.Transient, 0, "first"))
		must(t, bus.Nack(next(t, subscription), agentmq.Transient, 0, "second"))
		dead, err := bus.DeadLetters(agentmq.Filter{"agent": "a", "status": "MQ_OK"}, 10, 0)
		must(t, err)
		equal(t, len(dead), 1)
		var attempts []struct{ Kind, Reason, Agent string }
		must(t, json.Unmarshal(dead[0].History, &attempts))
		equal(t, len(attempts), 2)
		equal(t, attempts[0].Reason+" "+attempts[1].Reason, "first second")
		equal(t, attempts[0].Kind+" "+attempts[0].Agent, "failure a")
		replayed, err := bus.ReplayAll(agentmq.Filter{"dry_run": "true"})
		must(t, err)
		equal(t, replayed, 1)
		dead, err = bus.DeadLetters(nil, 10, 0)
		must(t, err)
		equal(t, len(dead), 1)
	})
}

func TestAChannelIsPausedAndListed(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		subscription := subscribe(t, bus, "c", "a", nil)
		must(t, bus.Pause("c", agentmq.Any, "maintenance"))
		put(t, bus, "c", "a", "x")
		empty(t, subscription)
		var channels []struct {
			Channel string
			Waiting int
			Paused  struct{ Reason string }
		}
		list, err := bus.Channels()
		must(t, err)
		must(t, json.Unmarshal(list, &channels))
		equal(t, len(channels), 1)
		equal(t, channels[0].Channel+" "+channels[0].Paused.Reason, "c maintenance")
		must(t, bus.Resume("c", agentmq.Any))
		is(t, bus.Resume("c", agentmq.Any), agentmq.ErrNotFound)
		must(t, bus.Pause("c", "a", ""))
		groups, err := bus.Groups("c")
		must(t, err)
		contains(t, string(groups), `"scope":"agent"`)
		must(t, bus.Resume("c", "a"))
		must(t, bus.Ack(next(t, subscription)))
		_, err = bus.Groups("c\n")
		is(t, err, agentmq.ErrInvalid)
	})
}

func TestKeptBroadcastsComeAgain(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"retain": "1h"})
		subscription := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "", "x")
		must(t, bus.Ack(next(t, subscription)))
		must(t, subscription.Seek("all"))
		again := next(t, subscription)
		equal(t, string(again.Payload), "x")
		must(t, bus.Ack(again))
		kept, err := bus.Get(again.ID)
		must(t, err)
		equal(t, kept.State, agentmq.StateAcked)
		is(t, subscription.Seek("nowhere"), agentmq.ErrInvalid)
	})
}

func TestAnAuditTrailIsReadAndVerified(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"audit": "messages"})
		must(t, bus.Audit("decisions", "judge", json.RawMessage(`{"verdict": "yes"}`)))
		must(t, bus.Audit("decisions", "", json.RawMessage(`2`)))
		is(t, bus.Audit("decisions", "", json.RawMessage(`{`)), agentmq.ErrInvalid)
		type trail struct {
			Next    string
			Records []struct{ ID, Hash string }
		}
		var first, second trail
		text, err := bus.AuditRead("decisions", "", 1)
		must(t, err)
		must(t, json.Unmarshal(text, &first))
		equal(t, len(first.Records), 1)
		contains(t, string(text), "judge")
		text, err = bus.AuditRead("decisions", first.Next, 10)
		must(t, err)
		must(t, json.Unmarshal(text, &second))
		equal(t, len(second.Records), 1)
		text, err = bus.AuditVerify("decisions")
		must(t, err)
		var verdict struct{ Intact bool }
		must(t, json.Unmarshal(text, &verdict))
		equal(t, verdict.Intact, true)
		put(t, bus, "c", "a", "x")
		must(t, bus.Flush(within(t)))
		text, err = bus.AuditRead("messages", "", 100)
		must(t, err)
		contains(t, string(text), "publish")
	})
}

func TestARateLimitTellsWhenToComeBack(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"rate_limit": "1"})
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = bus.Publish(within(t), "c", &agentmq.Message{Target: "a"})
		}
		is(t, err, agentmq.ErrRateLimited)
		var failed *agentmq.Error
		equal(t, errors.As(err, &failed), true)
		equal(t, failed.RetryAfter > 0 && failed.Retriable(), true)
	})
}

func TestABatchThatARateLimitCutTellsWhenTheRestMayCome(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"rate_limit": "300"})
		targets := make([]string, 700)
		for i := range targets {
			targets[i] = fmt.Sprint("a", i)
		}
		long := strings.Repeat("c", 200) // is in the ids: what became of all fits no first buffer
		all, err := bus.PublishMany(within(t), long, &agentmq.Message{}, targets)
		var failed *agentmq.Error
		equal(t, errors.As(err, &failed), true)
		equal(t, failed.Status, agentmq.StatusPartial)
		contains(t, failed.Message, "of 700 were stored")
		equal(t, failed.RetryAfter > 0, true)
		equal(t, all[0].Status, agentmq.StatusOK)
		equal(t, all[699].Status, agentmq.StatusRateLimited)

		must(t, bus.Configure("d", agentmq.Settings{"rate_limit": "1"}))
		var last *agentmq.Publication
		for _, target := range targets {
			last, err = bus.PublishAsync(within(t), "d", &agentmq.Message{Target: target})
			must(t, err)
		}
		is(t, bus.Flush(within(t)), agentmq.ErrPartial)
		equal(t, errors.As(last.Wait(within(t)), &failed), true)
		equal(t, failed.Status, agentmq.StatusRateLimited)
		equal(t, failed.RetryAfter > 0, true)
	})
}

func TestAnAgentIsAnnouncedAndAMessageExplained(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		must(t, bus.Announce("counter", "counts words", time.Minute))
		agents, err := bus.Agents("count*")
		must(t, err)
		contains(t, string(agents), "counts words")
		must(t, bus.Announce("counter", "", 0))
		agents, err = bus.Agents(agentmq.Any)
		must(t, err)
		equal(t, string(agents), "[]")
		is(t, bus.Announce("counter", "", time.Millisecond), agentmq.ErrInvalid)

		m := put(t, bus, "c", "a", "x")
		var told struct {
			State string
			Why   string
		}
		text, err := bus.Explain(m.ID)
		must(t, err)
		must(t, json.Unmarshal(text, &told))
		equal(t, told.State, "queued")
		equal(t, told.Why != "", true)
		reached, err := bus.Await(within(t), m.ID, agentmq.StateQueued)
		must(t, err)
		equal(t, reached, agentmq.StateQueued)
		short, end := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer end()
		_, err = bus.Await(short, m.ID, agentmq.StateAcked)
		is(t, err, context.DeadlineExceeded)
		deleted := make(chan error, 1)
		go func() { deleted <- bus.Delete(m.ID) }()
		reached, err = bus.Await(within(t), m.ID, agentmq.StateAcked)
		is(t, err, agentmq.ErrNotFound)
		must(t, <-deleted)
		t.Log("it ended as", reached)
	})
}

func TestASubscriptionTakesTheTypesItNames(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		for _, kind := range []string{agentmq.TypeEvent, agentmq.TypeCommand} {
			must(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Type: kind}))
		}
		commands := subscribe(t, bus, "c", "a", agentmq.Settings{"types": agentmq.TypeCommand})
		got := next(t, commands)
		equal(t, got.Type, "command")
		must(t, bus.Ack(got))
		empty(t, commands)
		count, err := bus.Count(agentmq.Filter{"type": agentmq.TypeEvent})
		must(t, err)
		equal(t, count, 1)
	})
}

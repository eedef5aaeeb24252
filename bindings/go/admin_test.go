package agentmq_test

import (
	"encoding/json"
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

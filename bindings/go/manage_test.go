package agentmq_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestMessagesAreFoundAndRemoved(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		var ids []string
		for _, target := range []string{"a", "a", "b"} {
			ids = append(ids, put(t, bus, "c", target, target).ID)
		}
		put(t, bus, "d", "a", "other")

		got, err := bus.Get(ids[1])
		must(t, err)
		equal(t, got.ID, ids[1])
		equal(t, got.Receipt, "")
		found, err := bus.Find(agentmq.Filter{"channel": "c", "target": "a", "state": "queued"}, 10, 0)
		must(t, err)
		equal(t, len(found), 2)
		equal(t, found[0].ID, ids[0])
		found, err = bus.Find(agentmq.Filter{"channel": "c", "target": "a"}, 10, 1)
		must(t, err)
		equal(t, len(found), 1)
		equal(t, found[0].ID, ids[1])

		count, err := bus.Count(nil)
		must(t, err)
		equal(t, count, 4)
		count, err = bus.Count(agentmq.Filter{"since": "-1h", "channel": "d"})
		must(t, err)
		equal(t, count, 1)
		_, err = bus.Count(agentmq.Filter{"chanel": "d"})
		is(t, err, agentmq.ErrInvalid)

		must(t, bus.Delete(ids[0]))
		is(t, bus.Delete(ids[0]), agentmq.ErrNotFound)
		_, err = bus.Get(ids[0])
		is(t, err, agentmq.ErrNotFound)
		removed, err := bus.Clear("c")
		must(t, err)
		equal(t, removed, 2)
		removed, err = bus.Clear("*")
		must(t, err)
		equal(t, removed, 1)
	})
}

func TestReportsAreJSON(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, nil)
		put(t, bus, "c", "a", "x")
		for _, channel := range []string{"c", agentmq.Any, agentmq.Direct} {
			stats, err := bus.Stats(channel)
			must(t, err)
			equal(t, json.Valid(stats), true)
		}
		state, report, err := bus.Health()
		must(t, err)
		equal(t, json.Valid(report), true)
		contains(t, string(report), state.String())
		table, err := agentmq.SettingsTable()
		must(t, err)
		var settings []struct{ Name, Kind string }
		must(t, json.Unmarshal(table, &settings))
		equal(t, len(settings) > 40, true)
		equal(t, len(agentmq.Version()) > 4, true)
	})
}

func TestLogEventsAreWaitedFor(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"log_level": "info"})
		short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := bus.NextLog(short) // from here on events are kept
		is(t, err, context.DeadlineExceeded)
		s := subscribe(t, bus, "c", "a", nil)
		put(t, bus, "c", "a", "x")
		must(t, bus.Nack(next(t, s), agentmq.Transient, 0, "why not"))
		for {
			line, err := bus.NextLog(within(t))
			must(t, err)
			var event struct{ Event string }
			must(t, json.Unmarshal(line, &event))
			if event.Event == "nacked" {
				return
			}
		}
	})
}

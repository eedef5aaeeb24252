package agentmq_test

import (
	"errors"
	"strings"
	"testing"

	agentmq "agentmq.dev/go"
)

// U+0000 would cut a text short in C, and broken UTF-8 would not be the same text elsewhere.
func TestTextsThatCanNotCrossAreRefused(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		for _, bad := range []string{"a\x00b", "\x00", "a\xff"} {
			bus := open(t, url, nil)
			ctx := within(t)
			s := subscribe(t, bus, "c", "a", nil)
			messages := map[string]*agentmq.Message{
				"target":         {Target: bad},
				"source":         {Target: "a", Source: bad},
				"type":           {Target: "a", Type: bad},
				"correlation id": {Target: "a", CorrelationID: bad},
				"reply to":       {Target: "a", ReplyTo: bad},
				"content type":   {Target: "a", ContentType: bad},
				"the name":       {Target: "a", Headers: []agentmq.Header{{Name: bad}}},
				"the value":      {Target: "a", Headers: []agentmq.Header{{Name: "n", Value: bad}}},
			}
			for name, m := range messages {
				err := bus.Publish(ctx, "c", m)
				is(t, err, agentmq.ErrInvalid)
				contains(t, err.Error(), name)
				_, err = bus.PublishAsync(ctx, "c", m)
				is(t, err, agentmq.ErrInvalid)
			}
			_, openErr := agentmq.Open(ctx, "memory://"+bad+"x", nil)
			_, settingErr := agentmq.Open(ctx, url, agentmq.Settings{"source": bad})
			_, nameErr := bus.Count(agentmq.Filter{bad: "x"})
			_, subscribeErr := bus.Subscribe("c", bad, nil)
			_, receiptErr := bus.AckReceipts([]string{bad})
			_, getErr := bus.Get(bad)
			_, clearErr := bus.Clear(bad)
			_, replayErr := bus.Replay(bad)
			for _, err := range []error{
				openErr, settingErr, nameErr, subscribeErr, receiptErr, getErr, clearErr, replayErr,
				bus.Publish(ctx, bad, &agentmq.Message{Target: "a"}), bus.AckID("a", bad), bus.Delete(bad), s.Add(bad),
				bus.NackReceipt("x", agentmq.Transient, 0, bad), bus.ExtendReceipt(bad, 1), bus.Configure(bad, nil),
			} {
				is(t, err, agentmq.ErrInvalid)
			}
			empty(t, s)
		}
	})
}

func TestALongNameGivesAnErrorAsWell(t *testing.T) {
	_, err := agentmq.Open(within(t), "memory://long", agentmq.Settings{strings.Repeat("é", 10000): "1"})
	is(t, err, agentmq.ErrInvalid)
	contains(t, err.Error(), strings.Repeat("é", 50)) // the library shortens what it quotes
	contains(t, err.Error(), "the nearest is 'user'")
}

func TestAnErrorOf20000CharactersComesWhole(t *testing.T) {
	host := strings.Repeat("h", 20000)
	_, err := agentmq.Open(within(t), "redis://"+host+"?open_timeout=50ms", nil)
	is(t, err, agentmq.ErrUnavailable)
	contains(t, err.Error(), host)
}

func TestErrors(t *testing.T) {
	_, err := agentmq.Open(within(t), "memory://errors", agentmq.Settings{"prefetchh": "1"})
	contains(t, err.Error(), "the nearest is 'prefetch'")
	var failed *agentmq.Error
	equal(t, errors.As(err, &failed), true)
	equal(t, failed.Status, agentmq.StatusInvalid)
	equal(t, failed.Retriable(), false)
	equal(t, errors.Is(err, agentmq.ErrFull), false)
	equal(t, agentmq.StatusUnavailable.Retriable(), true)
	equal(t, agentmq.StatusUnknown.Retriable(), false)
	equal(t, agentmq.StatusRateLimited.String(), "RATE_LIMITED")
	equal(t, agentmq.Status(99).String(), "STATUS_99")
	_, err = agentmq.Open(within(t), "redis+unix:///nowhere/at/all?open_timeout=50ms", nil)
	is(t, err, agentmq.ErrUnavailable)
	_, err = agentmq.Open(within(t), "ftp://x", nil)
	is(t, err, agentmq.ErrInvalid)
	is(t, agentmq.StatusFull.Err(), agentmq.ErrFull)
	is(t, agentmq.StatusOK.Err(), nil)
}

package agentmq

import (
	"context"
	"time"

	"agentmq.dev/go/internal/native"
)

// Request asks an agent: it sends a message to its direct inbox and waits for the reply until the context ends. Both are
// stored, so that neither is lost when one of the two restarts: who gave up waiting has the reply by Collect. The message's
// ID, Timestamp, Expires, Target and ReplyTo are set, and its CorrelationID where it has none. Who asks is its ReplyTo, else
// its Source, else the setting `source`, else nobody by name. The reply is acknowledged. Each waiting call holds a thread.
//
// Errors: ctx.Err() and ErrClosed (both also after it was sent: then it has an ID), ErrUnknown (no reply, and it may not have
// been sent), ErrInvalid (also where a call waits for that correlation id already), and those of Publish.
func (b *Bus) Request(ctx context.Context, target string, message *Message) (*Message, error) {
	if err := checkText("the target", target); err != nil {
		return nil, err
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := buffer.put(message); err != nil {
		return nil, err
	}
	all, err := b.answered(ctx, buffer, func(token uintptr) error {
		return native.MqsRequestFlat(b.handle, target, buffer.bytes, -1, token, buffer.room())
	})
	if len(all) > 0 {
		sent := all[0]
		message.Target, message.ReplyTo, message.CorrelationID = sent.Target, sent.ReplyTo, sent.CorrelationID
		message.ID, message.Timestamp, message.Expires = sent.ID, sent.Timestamp, sent.Expires
	}
	if err != nil {
		return nil, err
	}
	if len(all) < 2 {
		return nil, ErrTimeout
	}
	return all[1], nil
}

// RequestMany asks many agents at once, and gathers as many replies as wanted, 0: one of each, until the context ends. The
// requests are copies of the message, all with its CorrelationID, which it is given where it has none. The replies come in
// the order in which they came, also with ErrPartial. Those that come later can be collected. Each waiting call holds a
// thread.
//
// Errors: ErrPartial where fewer came until the context's deadline, or could come because some requests were not sent; else
// none came, as Request.
func (b *Bus) RequestMany(ctx context.Context, targets []string, message *Message, wanted int) ([]*Message, error) {
	if wanted < 0 {
		return nil, invalid("wanted must not be negative, got %d", wanted)
	}
	var texts []byte
	for _, target := range targets {
		if err := checkText("a target", target); err != nil {
			return nil, err
		}
		texts = append(append(texts, target...), 0)
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := buffer.put(message); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// What came until the deadline counts: the library looks after that, and the token after a cancellation.
	timeout := int64(-1)
	if deadline, has := ctx.Deadline(); has {
		if timeout = milliseconds(time.Until(deadline)); timeout < 0 {
			timeout = 0
		}
	}
	cancelled, stop := withoutDeadline(ctx)
	defer stop()
	replies, err := b.answered(cancelled, buffer, func(token uintptr) error {
		return native.MqsRequestManyFlat(
			b.handle, texts, buffer.bytes, uintptr(wanted), timeout, token, buffer.room())
	})
	if err == nil && len(replies) == 0 {
		err = context.DeadlineExceeded
	}
	return replies, err
}

// Reply answers a request: it sends the reply to the agent or inbox that the request's ReplyTo names, with its
// CorrelationID, and within its trace. The request is settled as any message, best afterwards. The reply's ID, Timestamp,
// Expires and Target are set; a second one to a request comes too late, and can be collected.
//
// Errors: ErrInvalid where the request has no ReplyTo, and those of Publish.
func (b *Bus) Reply(request, reply *Message) error {
	if request == nil || reply == nil {
		return invalid("the request or the reply is nil")
	}
	if err := checkText("the id", request.ID); err != nil {
		return err
	}
	asked := &Message{ReplyTo: request.ReplyTo, CorrelationID: request.CorrelationID, Headers: request.Headers}
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := buffer.put(asked, reply); err != nil {
		return err
	}
	sent, err := b.answered(context.Background(), buffer, func(uintptr) error {
		return native.MqsReplyFlat(b.handle, request.ID, buffer.bytes, buffer.room())
	})
	reply.Status = StatusOf(err)
	if len(sent) > 0 && sent[0].ID != "" {
		reply.Target, reply.CorrelationID = sent[0].Target, sent[0].CorrelationID
		reply.ID, reply.Timestamp, reply.Expires = sent[0].ID, sent[0].Timestamp, sent[0].Expires
	}
	return err
}

// Collect takes a reply that no call waited for: that came too late, or to a process that is gone. Where it is not there yet
// it waits until the context ends. The agent is who asked; or a request's ReplyTo, where nobody was named. The reply is
// acknowledged. Each waiting call holds a thread.
//
// Errors: ctx.Err(), ErrInvalid (also where a call waits for that correlation id already), ErrUnavailable, ErrUnknown,
// ErrClosed.
func (b *Bus) Collect(ctx context.Context, agent, correlationID string) (*Message, error) {
	reply, err := b.collect(ctx, agent, correlationID, -1)
	if reply == nil && err == nil {
		err = ErrTimeout
	}
	return reply, err
}

// TryCollect is Collect that looks once. Where there is none it answers nil, which is no error.
func (b *Bus) TryCollect(agent, correlationID string) (*Message, error) {
	return b.collect(context.Background(), agent, correlationID, 0)
}

func (b *Bus) collect(ctx context.Context, agent, correlationID string, timeout int64) (*Message, error) {
	if err := checkTexts("the agent", agent, "the correlation id", correlationID); err != nil {
		return nil, err
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	replies, err := b.answered(ctx, buffer, func(token uintptr) error {
		return native.MqsCollectFlat(b.handle, agent, correlationID, timeout, token, buffer.room())
	})
	if err != nil || len(replies) == 0 {
		return nil, err
	}
	return replies[0], nil
}

// answered is what a call wrote into the buffer, also where it failed.
func (b *Bus) answered(ctx context.Context, buffer *buffer, call func(token uintptr) error) ([]*Message, error) {
	if !b.guard.enter() {
		return nil, closed("bus")
	}
	defer b.leave()
	asked := false
	err := interruptible(ctx, func(token uintptr) error {
		asked = true
		return call(token)
	})
	if !asked {
		return nil, err
	}
	bytes, failure := buffer.list()
	var messages []*Message
	if failure == nil {
		messages, failure = decodeList(bytes)
	}
	if err == nil {
		err = failure
	}
	return messages, err
}

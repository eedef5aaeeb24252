package agentmq

import (
	"context"
	"errors"

	"agentmq.dev/go/internal/native"
)

// Publish publishes a message: to its target on the channel, or to everyone there. It is stored when this answers nil,
// and its ID, Timestamp and Expires are set.
//
// Errors: ErrInvalid, ErrTooLarge, ErrFull, ErrUnavailable (not stored), ErrUnknown (may be stored), ErrPartial (stored, and
// has its ID, but on fewer replicas or disks than MinReplicas and Fsync ask for), ErrAuth, ErrClosed, ctx.Err() (the text
// says where it may be stored).
func (b *Bus) Publish(ctx context.Context, channel string, message *Message) error {
	return b.PublishBatch(ctx, channel, []*Message{message})
}

// PublishBatch publishes messages in few round trips. For each queue it is all or nothing up to 1,000 messages and 1 MiB,
// in steps of that above. The Status of each message says what became of it, and those that were stored have an ID.
//
// Errors: ErrPartial where some were stored, or less durably than asked; else why none was, as Publish.
func (b *Bus) PublishBatch(ctx context.Context, channel string, messages []*Message) error {
	if err := checkText("channel", channel); err != nil {
		return err
	}
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := buffer.put(messages...); err != nil {
		return err
	}
	return b.publishList(ctx, channel, buffer, messages)
}

// PublishMany publishes a message to many agents, a message of its own for each. It answers the copies in the order of
// the targets, each with its Status and, where it was stored, its ID; also with an error.
//
// Errors: as PublishBatch.
func (b *Bus) PublishMany(ctx context.Context, channel string, message *Message, targets []string) ([]*Message, error) {
	if message == nil {
		return nil, invalid("the message is nil")
	}
	copies := make([]*Message, len(targets))
	for i, target := range targets {
		copies[i] = message.Copy()
		copies[i].Target = target
		if target == "" {
			return nil, invalid("target %d is empty", i)
		}
	}
	return copies, b.PublishBatch(ctx, channel, copies)
}

// SendTo publishes a message to an agent's direct inbox, and sets its Target.
//
// Errors: as Publish.
func (b *Bus) SendTo(ctx context.Context, target string, message *Message) error {
	if message == nil {
		return invalid("the message is nil")
	}
	message.Target = target
	return b.Publish(ctx, Direct, message)
}

// Publication is an asynchronous publish on its way.
type Publication struct {
	message *Message
	done    chan struct{}
	err     error
}

// Done is closed when it is known what became of the message.
func (p *Publication) Done() <-chan struct{} { return p.done }

// Wait waits for that, and answers nil where the message is stored, with its ID, Timestamp and Expires set. Else it
// answers as Publish does, or ctx.Err() where the context ended first.
func (p *Publication) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Message is the message that was published. It must not be touched before Done.
func (p *Publication) Message() *Message { return p.message }

// publishing is a message that waits to be sent, encoded.
type publishing struct {
	channel     string
	bytes       []byte
	publication *Publication
}

// PublishAsync publishes without waiting for the server: messages of many callers are gathered into few round trips, in
// order for each queue. It waits only while async_max are unsent, until the context ends; later the context counts no
// more. The message is the bus' until the publication is done.
//
// Errors: ErrInvalid, ErrClosed, ctx.Err(): it was not taken.
func (b *Bus) PublishAsync(ctx context.Context, channel string, message *Message) (*Publication, error) {
	if message == nil {
		return nil, invalid("the message is nil")
	}
	if err := checkText("channel", channel); err != nil {
		return nil, err
	}
	bytes, err := appendMessage(nil, message)
	if err != nil {
		return nil, err
	}
	publication := &Publication{message: message, done: make(chan struct{})}
	taken, err := b.publishes.add(ctx, &publishing{channel, bytes, publication}, b.sendPublishes)
	switch {
	case err != nil:
		return nil, err
	case !taken:
		return nil, closed("bus")
	}
	return publication, nil
}

// Flush waits until the asynchronous publishes and acks so far are done, and with the setting `audit` until the records of
// what was done so far are written.
//
// Errors: ErrPartial where one since the last flush failed, ctx.Err().
func (b *Bus) Flush(ctx context.Context) error {
	return b.gathered(ctx)
}

func (b *Bus) gathered(ctx context.Context) error {
	if err := b.publishes.finish(ctx); err != nil {
		return err
	}
	if err := b.acks.finish(ctx); err != nil {
		return err
	}
	err := b.with(func() error {
		return interruptible(ctx, func(token uintptr) error { return native.MqFlushWith(b.handle, -1, token) })
	})
	if err != nil && StatusOf(err) != StatusClosed {
		return err
	}
	publishFailed, ackFailed := b.publishes.takeFailed(), b.acks.takeFailed()
	if publishFailed || ackFailed {
		return &Error{Status: StatusPartial, Message: "an asynchronous publish or ack failed"}
	}
	return nil
}

// Most that goes into one call.
const (
	mostMessages = 1000
	mostBytes    = 1 << 20
)

// sendPublishes sends what was gathered, a channel's messages together. The order within a queue stays.
func (b *Bus) sendPublishes(items []*publishing) (failed bool) {
	for len(items) > 0 {
		channel := items[0].channel
		var now, later []*publishing
		size, full := 0, false
		for _, item := range items {
			if item.channel == channel && !full {
				full = len(now) == mostMessages || (len(now) > 0 && size+len(item.bytes) > mostBytes)
			}
			if item.channel != channel || full {
				later = append(later, item)
				continue
			}
			now = append(now, item)
			size += len(item.bytes)
		}
		failed = b.sendTogether(channel, now) || failed
		items = later
	}
	return failed
}

func (b *Bus) sendTogether(channel string, items []*publishing) (failed bool) {
	buffer := takeBuffer()
	defer buffer.giveBack()
	list := beginList(buffer.bytes[:0])
	messages := make([]*Message, len(items))
	for i, item := range items {
		list = append(list, item.bytes...)
		messages[i] = item.publication.message
	}
	endList(list, len(items))
	buffer.bytes = list
	err := b.publishList(context.Background(), channel, buffer, messages)
	var whole *Error
	errors.As(err, &whole)
	stopped := StatusOK // what stopped the first that was not stored: the error's RetryAfter is of that
	for _, item := range items {
		p := item.publication
		status := p.message.Status
		if stopped == StatusOK && status != StatusPartial {
			stopped = status
		}
		switch {
		case status == StatusOK:
		case StatusOf(err) == status:
			p.err = err // the same, with a sentence
		case status == stopped && whole != nil:
			p.err = &Error{Status: status, Message: status.String(), RetryAfter: whole.RetryAfter}
		default:
			p.err = status.Err()
		}
		failed = failed || p.err != nil
		close(p.done)
	}
	return failed
}

// publishList sends a list and tells its messages what became of them. The answer takes the list's place: by then the
// library has read it.
func (b *Bus) publishList(ctx context.Context, channel string, list *buffer, messages []*Message) error {
	if !b.guard.enter() {
		return tell(messages, closed("bus"))
	}
	defer b.leave()
	asked := false
	err := interruptible(ctx, func(token uintptr) error {
		asked = true
		return native.MqsPublishFlat(b.handle, channel, list.bytes, token, list.room())
	})
	if !asked {
		return tell(messages, err)
	}
	bytes, failure := list.list()
	count := 0
	if failure == nil {
		count, failure = countOf(bytes)
	}
	if err == nil {
		err = failure
	}
	if count == 0 {
		return tell(messages, err)
	}
	left := bytes[listHead:]
	var ids texts
	for i, message := range messages {
		size := wire.Uint32(left)
		message.published(left[:size], &ids, count-i)
		left = left[size:]
	}
	return err
}

// tell gives all messages the status of an error.
func tell(messages []*Message, err error) error {
	for _, message := range messages {
		message.Status = StatusOf(err)
	}
	return err
}

// published reads what publishing sets; about as many ids as that go into the texts.
func (m *Message) published(bytes []byte, ids *texts, more int) {
	m.Status = Status(wire.Uint32(bytes[atStatus:]))
	m.Replicas = int(int32(wire.Uint32(bytes[atReached:])))
	m.Fsynced = wire.Uint32(bytes[atFsynced:]) != 0
	m.Receivers = int(int32(wire.Uint32(bytes[atReceivers:])))
	id := idOf(bytes)
	if len(id) == 0 {
		return // it was not stored
	}
	m.Timestamp = timeFromWire(int64(wire.Uint64(bytes[atTimestamp:])))
	m.Expires = timeFromWire(int64(wire.Uint64(bytes[atExpires:])))
	if m.Delay > 0 {
		m.Due = timeFromWire(int64(wire.Uint64(bytes[atTimestamp:])) + milliseconds(m.Delay))
	}
	m.ID = ids.add(id, more)
}

// texts copies texts that came together into blocks that they share.
type texts struct{ block []byte }

const textsBlock = 1 << 10 // who keeps a text keeps no more than this

// add answers the copy. The first of a block says by its size and by how many there will be how large it is.
func (t *texts) add(text []byte, more int) string {
	if cap(t.block)-len(t.block) < len(text) {
		room := textsBlock
		if len(text)*more < room {
			room = len(text) * more
		}
		if len(text) > room {
			room = len(text)
		}
		t.block = make([]byte, 0, room)
	}
	begin := len(t.block)
	t.block = append(t.block, text...)
	return textOf(t.block[begin:])
}

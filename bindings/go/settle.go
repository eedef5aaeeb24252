package agentmq

import (
	"context"
	"strings"
	"time"

	"agentmq.dev/go/internal/native"
)

// Failure is why a message is given back.
type Failure int32

// The failures.
const (
	Transient Failure = 0 // try again later
	Permanent Failure = 1 // never try again: to the dead letters
)

// Backoff as a delay: what the settings of the subscription say.
const Backoff time.Duration = -1

// Ack acknowledges a message: it is done and leaves the queue. The message is one that was fetched; or one that was found
// or is pending, which is settled for its agent, whoever holds it.
//
// Errors: ErrStale (it was given to another consumer meanwhile; nothing changed), ErrNotFound (settled or deleted
// before), ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Ack(message *Message) error {
	if message.heard {
		return errHeard()
	}
	if message.Receipt == "" {
		return b.AckID(message.Agent, message.ID)
	}
	acks := newAcks(1)
	defer acks.buffer.giveBack()
	if err := acks.add(message.Receipt); err != nil {
		return err
	}
	return acks.send(b)
}

func errHeard() error {
	return invalid("the message was heard by a listener, which keeps nothing: there is nothing to settle")
}

func errNoReceipt(message *Message) error {
	if message.heard {
		return errHeard()
	}
	return invalid("the message has no receipt: it was not fetched")
}

// AckBatch acknowledges messages in few round trips. The Status of each says what became of it.
//
// Errors: ErrPartial where some were acknowledged; else why none was, as Ack.
func (b *Bus) AckBatch(messages []*Message) error {
	acks := newAcks(len(messages))
	defer acks.buffer.giveBack()
	for _, message := range messages {
		if message.Receipt != "" {
			if err := acks.add(message.Receipt); err != nil {
				return err
			}
		}
	}
	failure := acks.send(b)
	failed := 0
	for _, message := range messages {
		if message.Receipt != "" {
			message.Status = acks.next()
		} else {
			err := b.Ack(message)
			message.Status = StatusOf(err)
			if err != nil && failure == nil {
				failure = err
			}
		}
		if message.Status != StatusOK {
			failed++
		}
	}
	if failed > 0 && failed < len(messages) {
		return &Error{Status: StatusPartial, Message: "not all messages were acknowledged: " + failure.Error()}
	}
	return failure
}

// AckReceipts acknowledges by receipts, from this process or another. It answers what became of each, also with an error.
//
// Errors: as AckBatch.
func (b *Bus) AckReceipts(receipts []string) ([]Status, error) {
	acks := newAcks(len(receipts))
	defer acks.buffer.giveBack()
	for _, receipt := range receipts {
		if err := acks.add(receipt); err != nil {
			return nil, err
		}
	}
	err := acks.send(b)
	statuses := make([]Status, len(receipts))
	for i := range statuses {
		statuses[i] = acks.next()
	}
	return statuses, err
}

// acks are receipts in a buffer on their way, and then what became of each.
type acks struct {
	buffer  *buffer
	results []int32
	all     Status // where nothing was asked of the server: of all
}

func newAcks(most int) acks {
	buffer := takeBuffer()
	buffer.bytes = buffer.bytes[:0]
	return acks{buffer: buffer, results: make([]int32, 0, most)}
}

// add leaves what else may be wrong with a receipt to the library.
func (a *acks) add(receipt string) error {
	if strings.IndexByte(receipt, 0) >= 0 {
		return invalid("a receipt must not contain U+0000")
	}
	a.buffer.bytes = append(append(a.buffer.bytes, receipt...), 0)
	a.results = append(a.results, 0)
	return nil
}

func (a *acks) send(b *Bus) error {
	if len(a.results) == 0 {
		return nil
	}
	if !b.guard.enter() {
		a.all = StatusClosed
		return closed("bus")
	}
	defer b.leave()
	err := errorOf(native.MqsAckFlat(b.handle, a.buffer.bytes, a.results))
	if err != nil && !anyFailed(a.results) {
		a.all = StatusOf(err)
	}
	return err
}

func anyFailed(results []int32) bool {
	for _, result := range results {
		if Status(result) != StatusOK {
			return true
		}
	}
	return false
}

// next is what became of the next one.
func (a *acks) next() Status {
	status := Status(a.results[0])
	a.results = a.results[1:]
	if status == StatusOK {
		status = a.all
	}
	return status
}

// AckID acknowledges a message by its id for an agent, whoever holds it, delivered or not. An empty agent is the
// message's target.
//
// Errors: ErrNotFound, ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) AckID(agent, id string) error {
	if agent == "" {
		agent = Any
	}
	if err := checkText("the id", id); err != nil {
		return err
	}
	return b.withMaybe("the agent", agent, func() error { return native.MqAckId(b.handle, agent, id) })
}

// acking is a receipt that waits to be sent; told, if any, hears what became of it.
type acking struct {
	receipt string
	told    func(error)
}

// AckAsync acknowledges a fetched message without waiting: acks are gathered into few round trips. Flush and Close wait
// for them and tell whether one failed. It waits only while 10,000 are unsent, until the context ends.
//
// Errors: ErrInvalid, ErrClosed, ctx.Err(): it was not taken.
func (b *Bus) AckAsync(ctx context.Context, message *Message) error {
	return b.ackAsync(ctx, message, nil)
}

func (b *Bus) ackAsync(ctx context.Context, message *Message, told func(error)) error {
	if message.Receipt == "" {
		return errNoReceipt(message)
	}
	if err := checkText("the receipt", message.Receipt); err != nil {
		return err
	}
	taken, err := b.acks.add(ctx, &acking{message.Receipt, told}, b.sendAcks)
	if err == nil && !taken {
		err = closed("bus")
	}
	return err
}

func (b *Bus) sendAcks(items []*acking) (failed bool) {
	receipts := make([]string, len(items))
	for i, item := range items {
		receipts[i] = item.receipt
	}
	statuses, err := b.AckReceipts(receipts)
	for i, item := range items {
		one := statuses[i].Err()
		if one != nil && StatusOf(err) == statuses[i] {
			one = err // the same, with a sentence
		}
		failed = failed || one != nil
		if item.told != nil {
			item.told(one)
		}
	}
	return failed
}

// Nack gives a fetched message back. A permanent failure, or the last attempt, takes it to the dead letters; otherwise it
// comes again after the delay, or after Backoff. The reason is a sentence, or empty.
//
// Errors: as Ack.
func (b *Bus) Nack(message *Message, failure Failure, delay time.Duration, reason string) error {
	if message.Receipt == "" {
		return errNoReceipt(message)
	}
	return b.NackReceipt(message.Receipt, failure, delay, reason)
}

// NackReceipt is Nack by receipt, from this process or another. Where its subscription is not of this bus, attempts and
// back-off are those of the settings of the bus.
func (b *Bus) NackReceipt(receipt string, failure Failure, delay time.Duration, reason string) error {
	if err := checkText("the reason", reason); err != nil {
		return err
	}
	return b.withText("the receipt", receipt, func() error {
		return native.MqNackReceipt(b.handle, receipt, int32(failure), milliseconds(delay), reason)
	})
}

// Extend reserves a fetched message anew for a time from now on.
//
// Errors: as Ack.
func (b *Bus) Extend(message *Message, visibilityTimeout time.Duration) error {
	if message.Receipt == "" {
		return errNoReceipt(message)
	}
	return b.ExtendReceipt(message.Receipt, visibilityTimeout)
}

// ExtendReceipt is Extend by receipt, from this process or another.
func (b *Bus) ExtendReceipt(receipt string, visibilityTimeout time.Duration) error {
	return b.withText("the receipt", receipt, func() error {
		return native.MqExtendReceipt(b.handle, receipt, milliseconds(visibilityTimeout))
	})
}

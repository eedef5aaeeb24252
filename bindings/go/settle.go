package agentmq

import (
	"context"
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
	if message.Receipt == "" {
		return b.AckID(message.Agent, message.ID)
	}
	statuses, err := b.AckReceipts([]string{message.Receipt})
	if err == nil {
		err = statuses[0].Err()
	}
	return err
}

// AckBatch acknowledges messages in few round trips. The Status of each says what became of it.
//
// Errors: ErrPartial where some were acknowledged; else why none was, as Ack.
func (b *Bus) AckBatch(messages []*Message) error {
	var receipts []string
	var delivered []*Message
	var failure error
	failed := 0
	for _, message := range messages {
		if message.Receipt != "" {
			receipts = append(receipts, message.Receipt)
			delivered = append(delivered, message)
			continue
		}
		err := b.AckID(message.Agent, message.ID)
		message.Status = StatusOf(err)
		if err != nil {
			failed, failure = failed+1, err
		}
	}
	statuses, err := b.AckReceipts(receipts)
	for i, status := range statuses {
		delivered[i].Status = status
		if status != StatusOK {
			failed++
		}
	}
	if err != nil {
		failure = err
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
	if len(receipts) == 0 {
		return nil, nil
	}
	var texts []byte
	for _, receipt := range receipts {
		if err := checkText("a receipt", receipt); err != nil {
			return nil, err
		}
		texts = append(append(texts, receipt...), 0)
	}
	results := make([]int32, len(receipts))
	var acked uintptr
	err := b.with(func() error { return native.MqsAckFlat(b.handle, texts, results, &acked) })
	statuses := make([]Status, len(receipts))
	for i, result := range results {
		statuses[i] = Status(result)
		if err != nil && acked == 0 && result == 0 {
			statuses[i] = StatusOf(err) // nothing was asked of the server
		}
	}
	return statuses, err
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
		return invalid("the message has no receipt: it was not fetched")
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
		return invalid("the message has no receipt: it was not fetched")
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
		return invalid("the message has no receipt: it was not fetched")
	}
	return b.ExtendReceipt(message.Receipt, visibilityTimeout)
}

// ExtendReceipt is Extend by receipt, from this process or another.
func (b *Bus) ExtendReceipt(receipt string, visibilityTimeout time.Duration) error {
	return b.withText("the receipt", receipt, func() error {
		return native.MqExtendReceipt(b.handle, receipt, milliseconds(visibilityTimeout))
	})
}

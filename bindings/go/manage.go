package agentmq

import "agentmq.dev/go/internal/native"

// GetPending is what an agent has not acknowledged on a channel, by priority, delivered or not; at most limit, 1 to
// 10000. It looks and takes nothing; Ack settles each. Channel and agent may be Any.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) GetPending(channel, agent string, limit int) ([]*Message, error) {
	if err := checkMaybe("channel", channel); err != nil {
		return nil, err
	}
	var list uintptr
	err := b.withMaybe("agent", agent, func() error {
		return native.MqGetPending(b.handle, channel, agent, uintptr(limit), &list)
	})
	return messagesOf(list, err)
}

// Get is a message by its id, a dead letter's too.
//
// Errors: ErrNotFound, ErrInvalid, ErrCorrupt, ErrUnavailable, ErrClosed.
func (b *Bus) Get(id string) (*Message, error) {
	buffer := takeBuffer()
	defer buffer.giveBack()
	size := new(uintptr)
	for {
		err := b.withText("the id", id, func() error { return native.MqsGetFlat(b.handle, id, buffer.bytes, size) })
		if StatusOf(err) == StatusTooLarge && int(*size) > len(buffer.bytes) {
			buffer.bytes = make([]byte, *size)
			continue
		}
		if err != nil {
			return nil, err
		}
		if *size == 0 {
			return nil, &Error{Status: StatusNotFound, Message: "there is no message '" + id + "'"}
		}
		messages, err := decodeList(buffer.bytes[:*size])
		if err != nil {
			return nil, err
		}
		return messages[0], nil
	}
}

// Find answers messages that fit a filter, oldest first in each queue: at most limit, 1 to 10000, after the first offset
// ones. It looks at every message of the queues in question.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) Find(filter Filter, limit, offset int) ([]*Message, error) {
	var list uintptr
	err := b.filtered(filter, func(config uintptr) error {
		return native.MqFind(b.handle, config, uintptr(limit), uintptr(offset), &list)
	})
	return messagesOf(list, err)
}

// Count is how many messages fit a filter.
//
// Errors: as Find.
func (b *Bus) Count(filter Filter) (int64, error) {
	var count int64
	err := b.filtered(filter, func(config uintptr) error { return native.MqCount(b.handle, config, &count) })
	return count, err
}

// Delete removes a message, waiting, scheduled or in hand. Whoever has it in hand learns it by IsDeleted, and gets
// ErrNotFound from its ack.
//
// Errors: ErrNotFound, ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Delete(id string) error {
	return b.withText("the id", id, func() error { return native.MqDelete(b.handle, id) })
}

// IsDeleted says whether a message was deleted while in somebody's hand, so that there is no use in working on. It asks the
// server each time.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) IsDeleted(id string) (bool, error) {
	var deleted int32
	err := b.withText("the id", id, func() error { return native.MqIsDeleted(b.handle, id, &deleted) })
	return deleted != 0, err
}

// Clear removes all messages and dead letters of a channel, and answers how many messages those were. The channel "*" is
// the whole namespace.
//
// Errors: ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Clear(channel string) (int64, error) {
	var removed int64
	err := b.withText("channel", channel, func() error { return native.MqClear(b.handle, channel, &removed) })
	return removed, err
}

// RecoverPending puts lapsed reservations of an agent, or of Any, back now: those of dead consumers, or past their
// deadline. It answers how many.
//
// Errors: as Clear.
func (b *Bus) RecoverPending(agent string) (int64, error) {
	var recovered int64
	err := b.withMaybe("agent", agent, func() error { return native.MqRecoverPending(b.handle, agent, &recovered) })
	return recovered, err
}

// DeadLetters answers dead letters that fit a filter, newest first: at most limit, 1 to 10000, after the first offset
// ones. They have State, Status, Reason, Deliveries and Agent; their ids serve Replay and Get.
//
// Errors: as Find.
func (b *Bus) DeadLetters(filter Filter, limit, offset int) ([]*Message, error) {
	var list uintptr
	err := b.filtered(filter, func(config uintptr) error {
		return native.MqDeadLetters(b.handle, config, uintptr(limit), uintptr(offset), &list)
	})
	return messagesOf(list, err)
}

// Replay sends a dead letter back to the group that gave it up, as a new message with new attempts, and answers its id.
//
// Errors: ErrNotFound, ErrFull, ErrCorrupt, ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Replay(id string) (string, error) {
	var text uintptr
	err := b.withText("the id", id, func() error { return native.MqReplay(b.handle, id, &text) })
	return native.Text(text), err
}

// ReplayAll sends back all dead letters that fit a filter, the oldest first, and answers how many those were. The filter also
// says how: rate (so many a second at most), limit, keep_attempts, dry_run (it changes nothing, and answers how many those
// would be).
//
// Errors: ErrPartial, else as Replay.
func (b *Bus) ReplayAll(filter Filter) (int64, error) {
	var replayed int64
	err := b.filtered(filter, func(config uintptr) error { return native.MqReplayAll(b.handle, config, &replayed) })
	return replayed, err
}

// PurgeDeadLetters removes the dead letters that fit a filter, and answers how many those were.
//
// Errors: as Clear.
func (b *Bus) PurgeDeadLetters(filter Filter) (int64, error) {
	var purged int64
	err := b.filtered(filter, func(config uintptr) error { return native.MqPurgeDeadLetters(b.handle, config, &purged) })
	return purged, err
}

func (b *Bus) filtered(filter Filter, call func(config uintptr) error) error {
	return b.with(func() error { return withConfig(filter, call) })
}

func messagesOf(list uintptr, err error) ([]*Message, error) {
	if err != nil {
		return nil, err
	}
	return listOf(list)
}

package agentmq

import (
	"context"
	"encoding/json"
	"time"

	"agentmq.dev/go/internal/native"
)

// Channels lists the channels that have queues, or are paused, as a JSON array with numbers of their queues: see
// mq_channels() in <agentmq/agentmq.h>.
//
// Errors: ErrUnavailable, ErrClosed.
func (b *Bus) Channels() (json.RawMessage, error) {
	return b.jsonOf(func(text *uintptr) error { return native.MqChannels(b.handle, text) })
}

// Groups lists who reads a channel, or Any: a JSON array with an object for each group, its numbers and its consumers: see
// mq_groups() in <agentmq/agentmq.h>.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) Groups(channel string) (json.RawMessage, error) {
	if err := checkMaybe("channel", channel); err != nil {
		return nil, err
	}
	return b.jsonOf(func(text *uintptr) error { return native.MqGroups(b.handle, channel, text) })
}

// Pause stops deliveries of a channel until Resume: all of them with the agent Any, else those to that agent. Publishing goes
// on, and what was handed out may be settled; what was read ahead goes back. It is kept on the server, for every process and
// over restarts. The reason is a sentence, or empty; pausing again replaces it. Groups and Stats tell it.
//
// Errors: ErrInvalid, ErrTooLarge, ErrUnavailable (some queues may be paused already: call again), ErrUnknown, ErrClosed.
func (b *Bus) Pause(channel, agent, reason string) error {
	if err := checkTexts("channel", channel, "the reason", reason); err != nil {
		return err
	}
	if reason == "" {
		reason = native.Null
	}
	return b.withMaybe("agent", agent, func() error { return native.MqPause(b.handle, channel, agent, reason) })
}

// Resume goes on with what Pause stopped, with the same channel and agent: whoever waits is woken at once.
//
// Errors: ErrNotFound where it was not paused, and as Pause.
func (b *Bus) Resume(channel, agent string) error {
	if err := checkText("channel", channel); err != nil {
		return err
	}
	return b.withMaybe("agent", agent, func() error { return native.MqResume(b.handle, channel, agent) })
}

// Agents lists who is alive: a JSON array with an object for each agent that is announced, or for which somebody reads: see
// mq_agents() in <agentmq/agentmq.h>. The pattern is as that of Listen, or Any.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) Agents(pattern string) (json.RawMessage, error) {
	if err := checkMaybe("the pattern", pattern); err != nil {
		return nil, err
	}
	return b.jsonOf(func(text *uintptr) error { return native.MqAgents(b.handle, pattern, text) })
}

// Announce says that an agent is there, with a description for Agents, which may be empty. The bus renews it for as long as
// it is open, and withdraws it when it is closed; where its process dies the agent is gone when the lease, 1 s at least,
// ends. Announcing again replaces both; a lease of 0 withdraws it.
//
// Errors: ErrInvalid, ErrTooLarge, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Announce(agent, description string, lease time.Duration) error {
	if err := checkTexts("the agent", agent, "the description", description); err != nil {
		return err
	}
	if lease < 0 {
		return invalid("the lease must not be negative, got %v", lease)
	}
	if description == "" {
		description = native.Null
	}
	return b.with(func() error { return native.MqAnnounce(b.handle, agent, description, milliseconds(lease)) })
}

// Await waits for what becomes of a message, until the context ends: StateQueued: it is stored; StateReserved: it was
// delivered; StateAcked: it is acknowledged, a broadcast by all agents that had to; StateDead, StateExpired, StateDeleted: it
// ended so; StateScheduled, StateRetrying: it is so at the moment. It answers the state that was seen last: the awaited one
// or one beyond it, or with an error another one. Each waiting call holds a thread.
//
// Errors: ErrNotFound: it ended in another way, which the state tells, or nothing is known of it (StateQueued); ctx.Err(),
// ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) Await(ctx context.Context, id string, state State) (State, error) {
	reached := new(int32)
	err := b.withText("the id", id, func() error {
		return interruptible(ctx, func(token uintptr) error {
			return native.MqAwaitWith(b.handle, id, int32(state), -1, token, reached)
		})
	})
	return State(*reached), err
}

// Explain says where a message is, why it is not delivered, and what happens next: a JSON object, see mq_explain() in
// <agentmq/agentmq.h>. That nothing is known of it is no error.
//
// Errors: ErrInvalid, ErrUnavailable, ErrClosed.
func (b *Bus) Explain(id string) (json.RawMessage, error) {
	if err := checkText("the id", id); err != nil {
		return nil, err
	}
	return b.jsonOf(func(text *uintptr) error { return native.MqExplain(b.handle, id, text) })
}

// Audit adds a record to an audit trail of the application's own: decisions, say. A trail is a chain of hashes through all
// processes that add to it, and keeps the newest `audit_max` records. The kind is the trail's name, the actor who did it, or
// empty; the record is any JSON of at most 64 KiB.
//
// Errors: ErrInvalid, ErrTooLarge, ErrFull, ErrUnavailable, ErrUnknown, ErrAuth, ErrClosed.
func (b *Bus) Audit(kind, actor string, record json.RawMessage) error {
	if err := checkTexts("the kind", kind, "the actor", actor, "the record", string(record)); err != nil {
		return err
	}
	if actor == "" {
		actor = native.Null
	}
	return b.with(func() error { return native.MqAudit(b.handle, kind, actor, string(record)) })
}

// AuditRead reads an audit trail, oldest first: {"kind", "records": [{"id", "n", "hash", "record"}], "next"}, where next is
// the after of the next call. After is empty, the id of a record, or a time; at most limit records, 1 to 10000. The trail of
// messages, where the setting `audit` makes one, is "messages".
//
// Errors: ErrInvalid, ErrUnavailable, ErrAuth, ErrClosed.
func (b *Bus) AuditRead(kind, after string, limit int) (json.RawMessage, error) {
	if err := checkTexts("the kind", kind, "after", after); err != nil {
		return nil, err
	}
	if limit < 0 {
		return nil, invalid("limit must be between 1 and 10000, got %d", limit)
	}
	return b.jsonOf(func(text *uintptr) error {
		return native.MqAuditRead(b.handle, kind, after, uintptr(limit), text)
	})
}

// AuditVerify tells whether each record of an audit trail is as it was added, behind the one that it was added to: {"kind",
// "intact", "records", "trimmed", "newest": {"id", "n", "hash"}, "breaks": [{"id", "n", "why"}]}. A trail that is broken is
// no error.
//
// Errors: as AuditRead.
func (b *Bus) AuditVerify(kind string) (json.RawMessage, error) {
	if err := checkText("the kind", kind); err != nil {
		return nil, err
	}
	return b.jsonOf(func(text *uintptr) error { return native.MqAuditVerify(b.handle, kind, text) })
}

func (b *Bus) jsonOf(call func(text *uintptr) error) (json.RawMessage, error) {
	text := new(uintptr)
	if err := b.with(func() error { return call(text) }); err != nil {
		return nil, err
	}
	return json.RawMessage(native.Text(*text)), nil
}

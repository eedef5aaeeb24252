package agentmq

import (
	"encoding/json"

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

func (b *Bus) jsonOf(call func(text *uintptr) error) (json.RawMessage, error) {
	text := new(uintptr)
	if err := b.with(func() error { return call(text) }); err != nil {
		return nil, err
	}
	return json.RawMessage(native.Text(*text)), nil
}

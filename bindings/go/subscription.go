package agentmq

import (
	"context"
	"runtime"
	"sync"

	"agentmq.dev/go/internal/native"
)

// Subscription is one agent's reader of one or several channels, or a listener. Any number of goroutines may use it. It ends with
// Unsubscribe or Drain.
//
// What was read ahead and not handed out goes back when it ends. What was handed out can still be settled.
type Subscription struct {
	bus    *Bus
	guard  guard
	handle uintptr
	waiter waiter

	mutex     sync.Mutex
	returned  []*Message     // fetched, but nobody took them: the next fetch does
	consuming sync.WaitGroup // Consume calls; none begins once draining is closed
	draining  chan struct{}
	drained   bool
}

// Subscribe reads what is published on a channel for an agent: what is targeted at it, and the channel's broadcasts. With
// the channel Direct it reads the agent's inbox. An agent "type:instance" also competes for what is targeted at "type".
// Subscriptions of one agent share its messages. The settings are of kind "subscription", and may be nil.
//
// Errors: ErrInvalid, ErrUnavailable, ErrAuth, ErrClosed.
func (b *Bus) Subscribe(channel, agent string, settings Settings) (*Subscription, error) {
	if err := checkTexts("channel", channel, "agent", agent); err != nil {
		return nil, err
	}
	return b.subscription(settings, func(config uintptr, handle *uintptr) error {
		return native.MqSubscribe(b.handle, channel, agent, config, handle)
	})
}

// Listen hears what is published with ModePubSub or ModeBoth, from now on, on the channels that fit a pattern: `*` is any
// run of characters, `?` any one, `[abc]` and `[a-z]` one of these, `[^a-z]` one that is not, `\` takes the next one as it
// is. Nothing is kept for a listener that is not there. What it heard waits in a buffer (the settings `listen_buffer` and
// `listen_buffer_bytes`, of kind "subscription"), whose oldest make room; see Lost. There is nothing to settle: Ack, Nack
// and Extend answer ErrInvalid, and what a handler of Consume answers changes nothing. It has one pattern: Add and Remove
// answer ErrInvalid.
//
// Errors: ErrInvalid, ErrUnavailable, ErrAuth, ErrClosed.
func (b *Bus) Listen(pattern string, settings Settings) (*Subscription, error) {
	if err := checkText("pattern", pattern); err != nil {
		return nil, err
	}
	return b.subscription(settings, func(config uintptr, handle *uintptr) error {
		return native.MqListen(b.handle, pattern, config, handle)
	})
}

func (b *Bus) subscription(settings Settings, open func(config uintptr, handle *uintptr) error) (*Subscription, error) {
	var handle uintptr // C is not shown memory that holds pointers of Go's
	err := b.with(func() error {
		return withConfig(settings, func(config uintptr) error { return open(config, &handle) })
	})
	if err != nil {
		return nil, err
	}
	s := &Subscription{bus: b, handle: handle, draining: make(chan struct{})}
	s.waiter.turn = make(chan struct{}, 1)
	runtime.SetFinalizer(s, func(s *Subscription) { go s.Unsubscribe() })
	return s, nil
}

// Add reads another channel too, in priority order over all of them. A channel that is read already stays so.
//
// Errors: as Subscribe.
func (s *Subscription) Add(channel string) error {
	return s.withText("channel", channel, func() error { return native.MqSubscriptionAdd(s.handle, channel) })
}

// Remove reads a channel no longer; its messages that were not handed out go back.
//
// Errors: ErrNotFound where it was not read, ErrInvalid, ErrUnavailable, ErrClosed.
func (s *Subscription) Remove(channel string) error {
	return s.withText("channel", channel, func() error { return native.MqSubscriptionRemove(s.handle, channel) })
}

// Seek has the subscription's broadcasts begin anew, at another place: those that are there and those that the channel keeps
// (the settings `retain` and `retain_count` of a channel) come again from there on, as to a new agent. It is the place of the
// agent, for all its consumers; other agents are not disturbed. What its consumers have in hand is theirs no more. The
// position is "all", "new", a time (RFC 3339, Unix ms, "-1h"), or the id of a broadcast, which is then the first.
//
// Errors: ErrInvalid (also for a listener, and where no broadcasts are read), ErrUnavailable, ErrUnknown, ErrClosed.
func (s *Subscription) Seek(position string) error {
	return s.withText("the position", position, func() error { return native.MqSeek(s.handle, position) })
}

// Losses are what a listener missed.
type Losses struct {
	Dropped int64 // messages that made room for newer ones, because nobody fetched them in time
	Gaps    int64 // times that the connection was lost: what was told meanwhile is not known
}

// Lost is what a listener missed so far.
//
// Errors: ErrInvalid for a subscription that is no listener, ErrClosed.
func (s *Subscription) Lost() (Losses, error) {
	if !s.guard.enter() {
		return Losses{}, closed("subscription")
	}
	defer s.leave()
	var losses Losses
	err := errorOf(native.MqSubscriptionLost(s.handle, &losses.Dropped, &losses.Gaps))
	return losses, err
}

// Fetch waits for the next message, and waits out an outage of the server. It is reserved for the caller until it is
// settled or its reservation lapses.
//
// Errors: ctx.Err(), ErrClosed, ErrAuth, ErrInvalid.
func (s *Subscription) Fetch(ctx context.Context) (*Message, error) {
	messages, err := s.FetchBatch(ctx, 1)
	if err != nil {
		return nil, err
	}
	return messages[0], nil
}

// FetchBatch waits until there is a message, and takes as many as there are, at most max: 1 to 1000.
//
// Errors: as Fetch.
func (s *Subscription) FetchBatch(ctx context.Context, max int) ([]*Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if messages := s.takeReturned(max); len(messages) > 0 {
		return messages, nil
	}
	if !s.guard.enter() {
		return nil, closed("subscription")
	}
	defer s.leave()
	if messages, err := s.lookBriefly(max); err != nil || len(messages) > 0 {
		return messages, err
	}
	return s.wait(ctx, max)
}

// TryFetchBatch takes at most max messages, 1 to 1000, without waiting: it asks the server once. None is no error.
//
// Errors: ErrClosed, ErrUnavailable, ErrAuth, ErrInvalid.
func (s *Subscription) TryFetchBatch(max int) ([]*Message, error) {
	if messages := s.takeReturned(max); len(messages) > 0 {
		return messages, nil
	}
	if !s.guard.enter() {
		return nil, closed("subscription")
	}
	defer s.leave()
	return s.fetch(max, noDescriptor)
}

// Messages delivers messages as they come, until the context or the subscription ends, or a fetch fails; then the channel
// is closed. Who needs to know why fetches. A message that nobody receives before that stays with the subscription, for
// the next fetch.
func (s *Subscription) Messages(ctx context.Context) <-chan *Message {
	messages := make(chan *Message)
	go func() {
		defer close(messages)
		for {
			message, err := s.Fetch(ctx)
			if err != nil {
				return
			}
			select {
			case messages <- message:
			case <-ctx.Done():
				s.giveBack(message)
				return
			}
		}
	}()
	return messages
}

// Unsubscribe ends the subscription: waiting fetches answer ErrClosed, and messages that were not handed out go back at
// once. Handlers of Consume run on; see Drain. It may be called from any goroutine, more than once.
func (s *Subscription) Unsubscribe() error {
	var err error
	if s.guard.close() {
		runtime.SetFinalizer(s, nil)
		err = errorOf(native.MqUnsubscribe(s.handle))
		s.leave()
	}
	for _, message := range s.takeReturned(int(^uint(0) >> 1)) {
		// Nobody saw it: it goes to another at once. Where this fails the reservation lapses; what was heard is gone.
		_ = s.bus.Nack(message, Transient, 0, "not handed out")
	}
	return err
}

// Drain ends the subscription gracefully: takes nothing new, gives back what was not handed out, and waits for running
// handlers of Consume and for gathered acks. Where the context ends first the handlers run on.
//
// Errors: ctx.Err(), ErrPartial where an asynchronous ack or publish failed. Not to be called from inside a handler.
func (s *Subscription) Drain(ctx context.Context) error {
	s.mutex.Lock()
	if !s.drained {
		s.drained = true
		close(s.draining)
	}
	s.mutex.Unlock()
	if err := s.Unsubscribe(); err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		s.consuming.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.bus.Flush(ctx)
}

func (s *Subscription) leave() {
	if s.guard.leave() {
		s.waiter.close()
		native.MqSubscriptionFree(s.handle)
	}
}

func (s *Subscription) giveBack(message *Message) {
	s.mutex.Lock()
	s.returned = append(s.returned, message)
	s.mutex.Unlock()
	if s.guard.closed() {
		_ = s.Unsubscribe()
	}
}

func (s *Subscription) takeReturned(max int) []*Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if max > len(s.returned) {
		max = len(s.returned)
	}
	if max <= 0 {
		return nil
	}
	taken := s.returned[:max:max]
	s.returned = s.returned[max:]
	return taken
}

func (s *Subscription) withText(name, text string, call func() error) error {
	if err := checkText(name, text); err != nil {
		return err
	}
	if !s.guard.enter() {
		return closed("subscription")
	}
	defer s.leave()
	return errorOf(call())
}

package agentmq

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Handler works on a message. Nil acknowledges it. An error, or a panic, brings it again after the back-off, with its
// text as the reason; Reject, RetryAfter and ErrSettled say something else. The message is the handler's.
//
// The context carries the values of the one that Consume was given, but does not end with it: what was begun is finished.
type Handler func(ctx context.Context, message *Message) error

// ErrSettled from a handler says that the handler settled the message itself.
var ErrSettled = errors.New("agentmq: the handler settled the message")

// ConsumeOptions say how Consume works; the zero value is one handler at a time.
type ConsumeOptions struct {
	// How many handlers may run at the same time; 0: 1.
	Concurrency int
	// Hears of a message that was worked on but could not be settled, so that it comes again; may be nil. Any goroutine
	// may call it.
	OnError func(message *Message, err error)
}

type rejection struct{ error }

func (r rejection) Unwrap() error { return r.error }

// Reject has a handler's message go to the dead letters at once, with the error's text as the reason.
func Reject(err error) error { return rejection{err} }

type retry struct {
	error
	delay time.Duration
}

func (r retry) Unwrap() error { return r.error }

// RetryAfter brings a handler's message again after a delay, with the error's text as the reason.
func RetryAfter(delay time.Duration, err error) error { return retry{err, delay} }

// Consume has a handler work on messages as they come, until the context ends, Drain is called or the subscription or
// bus is closed. Then it takes nothing new, waits for the handlers that run, has their acks sent, and answers nil. The
// subscription can be used on after the context ended.
//
// Errors: what ended it otherwise: ErrAuth and other failures of Fetch.
func (s *Subscription) Consume(ctx context.Context, handler Handler, options ConsumeOptions) error {
	if !s.begin() {
		return nil
	}
	defer s.consuming.Done()
	concurrency := options.Concurrency
	if concurrency < 1 {
		concurrency = 1
	}
	fetching, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-s.draining:
			stop()
		case <-fetching.Done():
		}
	}()
	worker := worker{s, handler, options.OnError, unending{ctx}}
	places := make(chan struct{}, concurrency)
	err := s.feed(fetching, places, worker.work)
	for i := 0; i < concurrency; i++ {
		places <- struct{}{} // the handler that had it is done
	}
	_ = s.bus.acks.finish(context.Background())
	if isContextError(err) || errors.Is(err, ErrClosed) {
		return nil
	}
	return err
}

// begin counts a Consume; false: the subscription drains.
func (s *Subscription) begin() bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.drained {
		s.consuming.Add(1)
	}
	return !s.drained
}

// feed runs work for messages, each in a place of its own, and answers why it ended.
func (s *Subscription) feed(ctx context.Context, places chan struct{}, work func(*Message)) error {
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		taken := 1
		for taken < mostMessages && tryTake(places) {
			taken++
		}
		messages, err := s.FetchBatch(ctx, taken)
		for ; taken > len(messages); taken-- {
			<-places
		}
		if err != nil {
			return err
		}
		for _, message := range messages {
			go func(message *Message) {
				defer func() { <-places }()
				work(message)
			}(message)
		}
	}
}

func tryTake(places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
		return false
	}
}

type worker struct {
	subscription *Subscription
	handler      Handler
	onError      func(*Message, error)
	ctx          context.Context
}

func (w *worker) work(message *Message) {
	receipt := message.Receipt // the handler may change the message
	heard := message.heard
	verdict := w.handle(message)
	if heard {
		return // whatever it says: nothing was kept
	}
	if err := w.settle(message, receipt, verdict); err != nil {
		w.failed(message, err)
	}
}

func (w *worker) handle(message *Message) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = fmt.Errorf("panic: %v", panicked)
		}
	}()
	return w.handler(w.ctx, message)
}

func (w *worker) settle(message *Message, receipt string, verdict error) error {
	bus := w.subscription.bus
	if verdict == nil {
		told := func(err error) {
			if err != nil {
				w.failed(message, err)
			}
		}
		return bus.ackAsync(context.Background(), &Message{Receipt: receipt}, told)
	}
	if errors.Is(verdict, ErrSettled) {
		return nil
	}
	var rejected rejection
	if errors.As(verdict, &rejected) {
		return bus.NackReceipt(receipt, Permanent, Backoff, reasonOf(verdict))
	}
	delay := Backoff
	var again retry
	if errors.As(verdict, &again) {
		delay = again.delay
	}
	return bus.NackReceipt(receipt, Transient, delay, reasonOf(verdict))
}

func (w *worker) failed(message *Message, err error) {
	if w.onError != nil {
		w.onError(message, err)
	}
}

// unending has the values of a context, and does not end.
type unending struct{ values context.Context }

func (unending) Deadline() (time.Time, bool) { return time.Time{}, false }
func (unending) Done() <-chan struct{}       { return nil }
func (unending) Err() error                  { return nil }
func (u unending) Value(key any) any         { return u.values.Value(key) }

// reasonOf is an error's text as a reason may be: without U+0000, valid, and of a length that is stored.
func reasonOf(err error) string {
	const most = 32 << 10
	text := strings.ToValidUTF8(strings.ReplaceAll(err.Error(), "\x00", "\uFFFD"), "\uFFFD")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "")
	}
	return text
}

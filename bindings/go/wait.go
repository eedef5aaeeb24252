package agentmq

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"

	"agentmq.dev/go/internal/native"
)

// waiter waits for a subscription's descriptor with Go's network poller, so that no thread is held. The descriptor is
// readable while a fetch would find something. It is only polled, never read.
//
// Invariant: one goroutine at a time waits at the poller, whose deadline is then that goroutine's. Whoever has the turn
// sees every edge: it looks before it waits, and the next in turn does so too.
type waiter struct {
	turn chan struct{} // a place for the one who waits

	once       sync.Once
	descriptor int // the library's
	file       *os.File
	raw        syscall.RawConn
	err        error
}

const noDescriptor = -1

// Calls that may hold a thread for a moment, at the same time. A look that finds no place is left to the descriptor.
var looks = make(chan struct{}, 16)

// open has the library make the descriptor. From then on the subscription looks for messages by itself.
func (w *waiter) open(subscription uintptr) error {
	w.once.Do(func() {
		looks <- struct{}{}
		defer func() { <-looks }()
		if w.descriptor = native.MqSubscriptionFd(subscription); w.descriptor < 0 {
			w.err = &Error{Status: StatusInternal, Message: "the subscription has no descriptor"}
			return
		}
		// A duplicate: the poller's file closes it, and the library its own.
		duplicate, err := duplicateOf(w.descriptor)
		if err != nil {
			w.err = &Error{Status: StatusInternal, Message: "no descriptor: " + err.Error()}
			return
		}
		w.file = os.NewFile(uintptr(duplicate), "agentmq")
		w.raw, w.err = w.file.SyscallConn()
	})
	return w.err
}

func duplicateOf(descriptor int) (int, error) {
	duplicate, _, number := syscall.Syscall(syscall.SYS_FCNTL, uintptr(descriptor), syscall.F_DUPFD_CLOEXEC, 0)
	if number != 0 {
		return 0, number
	}
	return int(duplicate), nil
}

func (w *waiter) close() {
	if w.file != nil {
		_ = w.file.Close()
	}
}

// wait answers at least one message. Called inside the guard.
func (s *Subscription) wait(ctx context.Context, max int) ([]*Message, error) {
	w := &s.waiter
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := w.open(s.handle); err != nil {
		return nil, err
	}
	if err := w.file.SetReadDeadline(time.Time{}); err != nil {
		return nil, &Error{Status: StatusInternal, Message: "the descriptor can't be waited for: " + err.Error()}
	}
	defer w.interruptBy(ctx)()
	var messages []*Message
	var failure error
	err := w.raw.Read(func(uintptr) bool {
		messages, failure = s.fetch(max, w.descriptor)
		if StatusOf(failure) == StatusUnavailable {
			failure = nil // the library connects again, and then the descriptor tells
		}
		return failure != nil || len(messages) > 0
	})
	switch {
	case failure != nil || len(messages) > 0:
		return messages, failure
	case ctx.Err() != nil:
		return nil, ctx.Err()
	}
	return nil, &Error{Status: StatusInternal, Message: "waiting for messages failed: " + err.Error()}
}

// interruptBy ends the wait at the poller when the context ends. The answer stops that.
func (w *waiter) interruptBy(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-ctx.Done():
			_ = w.file.SetReadDeadline(time.Unix(1, 0))
		case <-over:
		}
	}()
	return func() {
		close(over)
		<-stopped
	}
}

// lookBriefly takes what the library has read ahead, or asks the server once, where not too many do so already. What is
// there comes sooner so, and more at once, than by way of the descriptor.
func (s *Subscription) lookBriefly(max int) ([]*Message, error) {
	select {
	case looks <- struct{}{}:
		defer func() { <-looks }()
	default:
		return nil, nil
	}
	messages, err := s.fetch(max, noDescriptor)
	if StatusOf(err) == StatusUnavailable {
		return nil, nil // an outage is waited out
	}
	return messages, err
}

// fetch takes what is there: with a descriptor only where that is readable.
func (s *Subscription) fetch(max, descriptor int) ([]*Message, error) {
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := native.MqgFetchFlat(s.handle, descriptor, uintptr(max), 0, 0, buffer.room()); err != nil {
		return nil, errorOf(err)
	}
	bytes, err := buffer.list()
	if err != nil {
		return nil, err
	}
	return decodeList(bytes)
}

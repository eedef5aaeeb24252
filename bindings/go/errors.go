package agentmq

import (
	"errors"
	"fmt"
	"time"

	"agentmq.dev/go/internal/native"
)

// Status is what became of a call, or of one message in a batch. The numbers never change; new ones may come, and are
// failures.
type Status int32

// The statuses, with the meanings of docs/guarantees.md.
const (
	StatusOK          Status = 0  // done
	StatusTimeout     Status = 1  // nothing came in time
	StatusClosed      Status = 2  // the bus or subscription was closed
	StatusInvalid     Status = 3  // a wrong argument
	StatusNotFound    Status = 4  // there is no such message
	StatusStale       Status = 5  // the reservation is no longer the caller's
	StatusFull        Status = 6  // a queue is full, or the server is out of memory
	StatusTooLarge    Status = 7  // above a limit
	StatusUnavailable Status = 8  // certainly not done: no connection, a replica, a loading server
	StatusAuth        Status = 9  // user or password refused
	StatusTLS         Status = 10 // TLS failed
	StatusUnsupported Status = 11 // the server or the library lacks what is needed
	StatusProtocol    Status = 12 // an answer that makes no sense
	StatusCorrupt     Status = 13 // a stored record that can't be read
	StatusSignature   Status = 14 // a wrong or missing signature
	StatusRateLimited Status = 15 // over the rate limit
	StatusNoMemory    Status = 16 // this process is out of memory
	StatusInterrupted Status = 17 // a context ended the wait
	StatusInternal    Status = 18 // a bug in the library
	StatusPartial     Status = 19 // part of a batch was done
	StatusUnknown     Status = 20 // sent, but no answer came: may have been done
)

// One sentinel for each failed status, for errors.Is.
var (
	ErrTimeout     = errors.New("agentmq: nothing came in time")
	ErrClosed      = errors.New("agentmq: closed")
	ErrInvalid     = errors.New("agentmq: invalid argument")
	ErrNotFound    = errors.New("agentmq: not found")
	ErrStale       = errors.New("agentmq: the reservation was lost")
	ErrFull        = errors.New("agentmq: full")
	ErrTooLarge    = errors.New("agentmq: too large")
	ErrUnavailable = errors.New("agentmq: the server is unavailable")
	ErrAuth        = errors.New("agentmq: not permitted by the server")
	ErrTLS         = errors.New("agentmq: TLS failed")
	ErrUnsupported = errors.New("agentmq: unsupported")
	ErrProtocol    = errors.New("agentmq: unexpected answer of the server")
	ErrCorrupt     = errors.New("agentmq: corrupt record")
	ErrSignature   = errors.New("agentmq: wrong signature")
	ErrRateLimited = errors.New("agentmq: over the rate limit")
	ErrNoMemory    = errors.New("agentmq: out of memory")
	ErrInterrupted = errors.New("agentmq: interrupted")
	ErrInternal    = errors.New("agentmq: internal error")
	ErrPartial     = errors.New("agentmq: only part was done")
	ErrUnknown     = errors.New("agentmq: no answer, may have been done")
)

var statuses = []struct {
	name     string
	sentinel error
}{
	{"OK", nil}, {"TIMEOUT", ErrTimeout}, {"CLOSED", ErrClosed}, {"INVALID", ErrInvalid}, {"NOT_FOUND", ErrNotFound},
	{"STALE", ErrStale}, {"FULL", ErrFull}, {"TOO_LARGE", ErrTooLarge}, {"UNAVAILABLE", ErrUnavailable},
	{"AUTH", ErrAuth}, {"TLS", ErrTLS}, {"UNSUPPORTED", ErrUnsupported}, {"PROTOCOL", ErrProtocol},
	{"CORRUPT", ErrCorrupt}, {"SIGNATURE", ErrSignature}, {"RATE_LIMITED", ErrRateLimited},
	{"NO_MEMORY", ErrNoMemory}, {"INTERRUPTED", ErrInterrupted}, {"INTERNAL", ErrInternal}, {"PARTIAL", ErrPartial},
	{"UNKNOWN", ErrUnknown},
}

// String is the status' name, like "FULL"; "STATUS_99" for one that this version does not know.
func (s Status) String() string {
	if s >= 0 && int(s) < len(statuses) {
		return statuses[s].name
	}
	return fmt.Sprintf("STATUS_%d", int32(s))
}

// Retriable tells whether the same call may succeed later without a change. StatusUnknown is not: it may have been done.
func (s Status) Retriable() bool {
	return native.MqStatusIsRetriable(int32(s)) != 0
}

// Err is nil for StatusOK, else an [*Error] without further text.
func (s Status) Err() error {
	if s == StatusOK {
		return nil
	}
	return &Error{Status: s, Message: s.String()}
}

// Error is a call that failed.
type Error struct {
	Status     Status        // what kind of failure it is
	Message    string        // what failed, in a sentence; never with a password
	RetryAfter time.Duration // when the call may succeed: after ErrRateLimited, ErrPartial because of it, and ErrUnavailable from an open circuit breaker; 0: not known
	cause      error         // ctx.Err() where a context ended the wait
}

// Error is "agentmq: " and the sentence.
func (e *Error) Error() string { return "agentmq: " + e.Message }

// Is makes errors.Is(err, ErrFull) work.
func (e *Error) Is(target error) bool {
	return e.Status > 0 && int(e.Status) < len(statuses) && statuses[e.Status].sentinel == target
}

// Unwrap is ctx.Err() where a context ended the wait, else nil.
func (e *Error) Unwrap() error { return e.cause }

// Retriable tells whether the same call may succeed later without a change.
func (e *Error) Retriable() bool { return e.Status.Retriable() }

// StatusOf is the status of an error of this package: StatusOK for nil, StatusInterrupted where a context ended the wait,
// StatusInternal for an error of another origin.
func StatusOf(err error) Status {
	var failed *Error
	switch {
	case err == nil:
		return StatusOK
	case errors.As(err, &failed):
		return failed.Status
	case isContextError(err):
		return StatusInterrupted
	}
	return StatusInternal
}

// errorOf makes what a native call answered an error of this package; others pass.
func errorOf(err error) error {
	if failed, ok := err.(*native.Failure); ok {
		return &Error{
			Status: Status(failed.Status), Message: failed.Text,
			RetryAfter: time.Duration(failed.RetryAfter) * time.Millisecond,
		}
	}
	return err
}

func invalid(format string, values ...any) error {
	return &Error{Status: StatusInvalid, Message: fmt.Sprintf(format, values...)}
}

func closed(what string) error {
	return &Error{Status: StatusClosed, Message: "the " + what + " is closed"}
}

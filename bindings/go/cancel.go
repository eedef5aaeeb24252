package agentmq

import (
	"context"
	"errors"

	"agentmq.dev/go/internal/native"
)

// Tokens that were not fired serve again: each holds a file descriptor, which takes longer to make than most calls.
var spareTokens = make(chan uintptr, 64)

func takeToken() (uintptr, error) {
	select {
	case token := <-spareTokens:
		return token, nil
	default:
	}
	if token := native.MqCancelNew(); token != 0 {
		return token, nil
	}
	return 0, &Error{Status: StatusNoMemory, Message: "no memory or no file descriptor for a cancel token"}
}

func returnToken(token uintptr, fired bool) {
	if !fired {
		select {
		case spareTokens <- token:
			return
		default:
		}
	}
	native.MqCancelFree(token)
}

// interruptible makes a native call that ends when the context does.
func interruptible(ctx context.Context, call func(token uintptr) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return errorOf(call(0))
	}
	token, err := takeToken()
	if err != nil {
		return err
	}
	over := make(chan struct{})
	fired := make(chan bool)
	go func() {
		select {
		case <-ctx.Done():
			native.MqCancelFire(token)
			fired <- true
		case <-over:
			fired <- false
		}
	}()
	err = errorOf(call(token))
	close(over)
	returnToken(token, <-fired)
	var failed *Error
	if errors.As(err, &failed) && failed.Status == StatusInterrupted {
		failed.cause = ctx.Err()
	}
	return err
}

// withoutDeadline is cancelled where the context is, and lives on where its deadline passes.
func withoutDeadline(ctx context.Context) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(context.Background())
	if ctx.Done() == nil {
		return context.Background(), cancel
	}
	go func() {
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				cancel()
			}
		case <-inner.Done():
		}
	}()
	return inner, cancel
}

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

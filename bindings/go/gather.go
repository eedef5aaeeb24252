package agentmq

import (
	"context"
	"sync"
)

// gatherer hands what was added to a function that sends it, in order, many at once, and tells whether one failed. Its
// goroutine runs only while there is something.
type gatherer[T any] struct {
	limit int // most that may be unsent

	mutex   sync.Mutex
	waiting []T
	running bool
	closed  bool
	failed  bool          // since it was last asked
	added   int64         // how many came
	sent    int64         // how many of them are done
	changed chan struct{} // closed when sent has grown; nil where nobody waits for that
}

// add waits for room until the context ends. False: it is closed.
func (g *gatherer[T]) add(ctx context.Context, item T, send func([]T) bool) (bool, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for !g.closed && g.added-g.sent >= int64(g.limit) {
		if err := g.wait(ctx); err != nil {
			return true, err
		}
	}
	if g.closed {
		return false, nil
	}
	g.waiting = append(g.waiting, item)
	g.added++
	if !g.running {
		g.running = true
		go g.run(send)
	}
	return true, nil
}

func (g *gatherer[T]) run(send func([]T) bool) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for len(g.waiting) > 0 {
		items := g.waiting
		g.waiting = nil
		g.mutex.Unlock()
		failed := send(items)
		g.mutex.Lock()
		g.failed = g.failed || failed
		g.sent += int64(len(items))
		g.tell()
	}
	g.running = false
}

// finish waits until all so far is done.
func (g *gatherer[T]) finish(ctx context.Context) error {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	for until := g.added; g.sent < until; {
		if err := g.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// takeFailed answers whether one failed since this was last asked.
func (g *gatherer[T]) takeFailed() bool {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	failed := g.failed
	g.failed = false
	return failed
}

// close lets nothing in any more; what is there is still sent.
func (g *gatherer[T]) close() {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.closed = true
	g.tell()
}

// wait is called with the mutex held, and returns with it held.
func (g *gatherer[T]) wait(ctx context.Context) error {
	if g.changed == nil {
		g.changed = make(chan struct{})
	}
	changed := g.changed
	g.mutex.Unlock()
	defer g.mutex.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gatherer[T]) tell() {
	if g.changed != nil {
		close(g.changed)
		g.changed = nil
	}
}

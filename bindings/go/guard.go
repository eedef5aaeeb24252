package agentmq

import "sync/atomic"

// guard keeps a handle alive while calls are inside, and has the last one out free it: a close may come at any time, from
// any goroutine.
//
// Invariant: leave answers true once, after close, with nobody inside; nobody enters afterwards.
type guard struct {
	calls atomic.Int64 // how many are inside, and closing
}

const closing = int64(1) << 62

// enter answers false once it is closed. Who got true must leave.
func (g *guard) enter() bool {
	for {
		calls := g.calls.Load()
		if calls&closing != 0 {
			return false
		}
		if g.calls.CompareAndSwap(calls, calls+1) {
			return true
		}
	}
}

// leave answers whether the handle is to be freed.
func (g *guard) leave() bool { return g.calls.Add(-1) == closing }

// close lets nobody in any more. Who got true was the first: it is inside, to wake the others, and must leave.
func (g *guard) close() bool {
	for {
		calls := g.calls.Load()
		if calls&closing != 0 {
			return false
		}
		if g.calls.CompareAndSwap(calls, (calls+1)|closing) {
			return true
		}
	}
}

func (g *guard) closed() bool { return g.calls.Load()&closing != 0 }

// Package agentmq is a message bus for agents, over Redis, Valkey or an embedded store.
//
//	bus, err := agentmq.Open(ctx, "redis://localhost", nil)
//	err = bus.Publish(ctx, "jobs", &agentmq.Message{Target: "worker", Payload: []byte("hello")})
//
//	sub, err := bus.Subscribe("jobs", "worker", nil)
//	err = sub.Consume(ctx, func(ctx context.Context, m *agentmq.Message) error {
//		return work(m.Payload) // nil acknowledges, an error brings the message again
//	}, agentmq.ConsumeOptions{Concurrency: 8})
//
// Delivery is at least once: see docs/guarantees.md of the project for what each answer means, docs/settings.md for the
// names of settings and filters.
//
// # Waiting
//
// What may wait takes a context, and answers an error that is ctx.Err() to [errors.Is] when that ends. A goroutine that
// waits for messages holds no thread. Calls without a context are one question to the server, bounded by the setting
// command_timeout.
//
// # Errors
//
// Failures are [*Error], with a [Status] and a sentence. Each status has a sentinel: errors.Is(err, agentmq.ErrFull).
//
// # Ownership and threads
//
// A [Bus] and a [Subscription] may be used by any number of goroutines, and closed by any of them, more than once;
// closing ends what waits, with [ErrClosed]. A [Message] is plain memory of Go's, for one goroutine at a time; it need
// not be closed, and it outlives its bus.
//
// # Texts
//
// All texts are UTF-8. U+0000 and invalid UTF-8 are refused, with [ErrInvalid], before anything is sent. Payloads are
// any bytes.
package agentmq

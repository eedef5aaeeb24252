package agentmq

import (
	"context"
	"encoding/json"
	"runtime"
	"time"

	"agentmq.dev/go/internal/native"
)

// Direct is the channel of direct inboxes: what SendTo publishes on.
const Direct = ""

// Any stands for "any channel" or "any agent" where a function says so. No name is like it.
const Any = native.Null

// Bus is an open bus: one backend, one key prefix, one namespace. Any number of goroutines may use it. Messages and
// subscriptions may outlive it.
type Bus struct {
	guard        guard
	handle       uintptr
	closeTimeout time.Duration
	publishes    gatherer[*publishing]
	acks         gatherer[*acking]
}

// Open opens a bus. The URL is memory://name, redis://[user:password@]host[:port][/db], redis+unix:///path[?db=n],
// redis-sentinel://[user:password@]sentinel[:port],.../master[/db], or redis-cluster://host:port,host:port...; rediss,
// rediss-sentinel and rediss-cluster are over TLS, and it is the same with valkey. Settings may stand in its query, and
// count more than those passed. An empty one is $AGENTMQ_URL, or else redis://localhost:6379/0. Settings may be nil.
//
// It tries to reach the server for the setting open_timeout; a context that ends earlier leaves the attempt to end by
// itself. A bus does not work in the child of a fork.
//
// Errors: ErrInvalid, ErrUnavailable, ErrAuth, ErrUnsupported, ctx.Err().
func Open(ctx context.Context, url string, settings Settings) (*Bus, error) {
	if err := checkText("the URL", url); err != nil {
		return nil, err
	}
	where := url
	if where == "" {
		where = native.Null
	}
	return openWithin(ctx, where, settings, func(config uintptr, bus *uintptr) error {
		return native.AgentmqOpen(where, config, bus)
	})
}

// OpenCluster opens a bus on a Redis Cluster or Valkey Cluster, by some of its nodes, each "host:port" or "[::1]:port":
// one that answers tells of all. The same as Open with "redis-cluster://" and the nodes.
//
// Errors: as of Open.
func OpenCluster(ctx context.Context, nodes []string, settings Settings) (*Bus, error) {
	var texts []byte
	for _, node := range nodes {
		if err := checkText("a node", node); err != nil {
			return nil, err
		}
		texts = append(append(texts, node...), 0)
	}
	return openWithin(ctx, "", settings, func(config uintptr, bus *uintptr) error {
		return native.MqsOpenCluster(texts, config, bus)
	})
}

type opening func(config uintptr, bus *uintptr) error

// openWithin opens as long as the context allows.
func openWithin(ctx context.Context, url string, settings Settings, call opening) (*Bus, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if ctx.Done() == nil {
		return open(url, settings, call)
	}
	type opened struct {
		bus *Bus
		err error
	}
	result := make(chan opened, 1)
	go func() {
		bus, err := open(url, settings, call)
		result <- opened{bus, err}
	}()
	select {
	case r := <-result:
		return r.bus, r.err
	case <-ctx.Done():
		go func() {
			if r := <-result; r.bus != nil {
				_ = r.bus.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// open makes the bus of a handle. The URL, if any, says settings that the face goes by too.
func open(url string, settings Settings, call opening) (*Bus, error) {
	b := &Bus{}
	var handle uintptr // C is not shown memory that holds pointers of Go's
	err := withConfig(settings, func(config uintptr) error {
		if err := call(config, &handle); err != nil {
			return err
		}
		b.closeTimeout = time.Duration(native.MqsBusSetting(url, config, "close_timeout")) * time.Millisecond
		b.publishes.limit = int(native.MqsBusSetting(url, config, "async_max"))
		return nil
	})
	if err != nil {
		return nil, err
	}
	b.handle = handle
	b.acks.limit = 10000
	runtime.SetFinalizer(b, func(b *Bus) { go b.Close() })
	return b, nil
}

// Close ends the bus. It takes no more asynchronous publishes and acks, waits at most the setting close_timeout for those
// taken, and then ends whatever still waits, with ErrClosed. It may be called from any goroutine, more than once.
//
// Errors: ErrPartial where some asynchronous publishes or acks were not sent; the bus is closed all the same.
func (b *Bus) Close() error {
	if b.guard.closed() {
		return nil
	}
	b.publishes.close()
	b.acks.close()
	ctx, cancel := context.WithTimeout(context.Background(), b.closeTimeout)
	defer cancel()
	err := b.gathered(ctx)
	if !b.guard.close() {
		return nil
	}
	runtime.SetFinalizer(b, nil)
	_ = native.MqShutdown(b.handle)
	b.leave()
	if err != nil {
		return &Error{Status: StatusPartial, Message: "some asynchronous publishes or acks were not sent"}
	}
	return nil
}

// Shutdown ends every call that waits, now and later, with ErrClosed. The bus is still to be closed.
func (b *Bus) Shutdown() error {
	return b.with(func() error { return native.MqShutdown(b.handle) })
}

// Configure sets a channel's own limits, settings of kind "channel". They are kept on the server and hold for every
// process; others notice within 10 seconds. Those not named return to the defaults of each bus. The channel may be
// Direct.
//
// Errors: ErrInvalid, ErrUnavailable, ErrUnknown, ErrClosed.
func (b *Bus) Configure(channel string, settings Settings) error {
	if settings == nil {
		settings = Settings{}
	}
	return b.withText("channel", channel, func() error {
		return withConfig(settings, func(config uintptr) error { return native.MqConfigure(b.handle, channel, config) })
	})
}

// Stats are the numbers of each queue and group of a channel, or of Any, as JSON: see docs/operations.md.
func (b *Bus) Stats(channel string) (json.RawMessage, error) {
	if err := checkMaybe("channel", channel); err != nil {
		return nil, err
	}
	return b.jsonOf(func(text *uintptr) error { return native.MqStats(b.handle, channel, text) })
}

// HealthState is how a bus is.
type HealthState int32

// The states of health.
const (
	Healthy   HealthState = 0
	Degraded  HealthState = 1
	Unhealthy HealthState = 2
)

// String is "healthy", "degraded" or "unhealthy".
func (s HealthState) String() string {
	switch s {
	case Healthy:
		return "healthy"
	case Degraded:
		return "degraded"
	}
	return "unhealthy"
}

// Health asks the server how it is, writes and reads back, and sends a message round. It answers a state and a report as
// JSON; a bus that is unhealthy is no error.
func (b *Bus) Health() (HealthState, json.RawMessage, error) {
	state := int32(Unhealthy)
	var text uintptr
	err := b.with(func() error { return native.MqHealth(b.handle, &state, &text) })
	return HealthState(state), json.RawMessage(native.Text(text)), err
}

// NextLog waits for the next log event, as JSON. Events are kept from the first call on, the newest 1,000. Unlike waiting
// for messages this holds a thread.
//
// Errors: ctx.Err(), ErrClosed.
func (b *Bus) NextLog(ctx context.Context) (json.RawMessage, error) {
	var text uintptr
	err := b.with(func() error {
		return interruptible(ctx, func(token uintptr) error { return native.MqNextLogWith(b.handle, -1, token, &text) })
	})
	if err != nil {
		return nil, err
	}
	return json.RawMessage(native.Text(text)), nil
}

// with makes a call while the handle is alive.
func (b *Bus) with(call func() error) error {
	if !b.guard.enter() {
		return closed("bus")
	}
	defer b.leave()
	return errorOf(call())
}

func (b *Bus) leave() {
	if b.guard.leave() {
		_ = native.AgentmqClose(b.handle)
	}
}

// withText also checks a text that crosses.
func (b *Bus) withText(name, text string, call func() error) error {
	if err := checkText(name, text); err != nil {
		return err
	}
	return b.with(call)
}

// withMaybe also takes Any.
func (b *Bus) withMaybe(name, text string, call func() error) error {
	if err := checkMaybe(name, text); err != nil {
		return err
	}
	return b.with(call)
}

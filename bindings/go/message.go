package agentmq

import (
	"encoding/json"
	"time"
)

// Priorities; any from 1 to 255 may be used, the greater goes first.
const (
	PriorityLowest = -1 // below all others; what the other languages call 0
	PriorityLow    = 1
	PriorityNormal = 5 // what a message has that says nothing
	PriorityHigh   = 9
	PriorityUrgent = 10
)

// Types that programs share; any other word may be one too.
const (
	TypeTaskRequest  = "task_request" // work to be done
	TypeTaskResult   = "task_result"  // what came of it
	TypeEvent        = "event"        // something happened
	TypeRequest      = "request"      // a question: what Request sends where no type is set
	TypeResponse     = "response"     // the answer: what Reply sends where no type is set
	TypeNotification = "notification" // something for somebody to know
	TypeCommand      = "command"      // an order, without an answer
)

// Forever as a TTL: the message never expires, whatever its channel says.
const Forever time.Duration = -1

// NoReplicas as MinReplicas: publishing waits for none, whatever the bus says.
const NoReplicas = -1

// Fsync is whether publishing waits for the disk, the server's and those of MinReplicas replicas.
type Fsync int

// What a message says of that.
const (
	FsyncAsBus Fsync = 0 // the setting `fsync` of the bus
	FsyncOn    Fsync = 1 // it waits
	FsyncOff   Fsync = 2 // it does not
)

// Mode is what publishing does with a message.
type Mode int

// The modes.
const (
	ModeQueue  Mode = 0 // it is stored until it is acknowledged
	ModePubSub Mode = 1 // whoever listens at the moment is told, and nothing is kept
	ModeBoth   Mode = 2 // it is stored, and then listeners are told at once
)

// State is where a message stands.
type State int32

// The states.
const (
	StateQueued    State = 0 // waits to be delivered
	StateScheduled State = 1 // waits for its time
	StateReserved  State = 2 // in a consumer's hand
	StateRetrying  State = 3 // failed, waits for its next attempt
	StateAcked     State = 4 // settled
	StateDead      State = 5 // among the dead letters
	StateExpired   State = 6 // its TTL ended before it was delivered
	StateDeleted   State = 7 // deleted
)

// String is the name of a state, as filters take it: "queued".
func (s State) String() string {
	names := [...]string{"queued", "scheduled", "reserved", "retrying", "acked", "dead", "expired", "deleted"}
	if s < 0 || int(s) >= len(names) {
		return "unknown"
	}
	return names[s]
}

// Header is one header of a message, of the application's own.
type Header struct {
	Name  string // at most 256 bytes without control characters
	Value string // at most 64 KiB
}

// Message is a message, to be published or received. It is plain memory; one goroutine at a time may use it. Small ones
// that were fetched together share blocks of memory, of 8 KiB at most.
type Message struct {
	// What a sender sets; all of it may stay empty.

	Payload       []byte        // any bytes, at most max_payload
	Target        string        // which agent it is for; empty: everyone on the channel
	Source        string        // who sends it; empty: the setting `source` of the bus
	Type          string        // what kind of message it is: TypeEvent and so on, or the application's own word
	CorrelationID string        // what it belongs to
	ReplyTo       string        // which agent wants the answer
	ContentType   string        // the payload's media type
	Headers       []Header      // in order; of a name that comes twice the last value counts
	Priority      int           // 1 to 255, or PriorityLowest; 0: PriorityNormal
	TTL           time.Duration // how long it may wait, 1 ms or more; 0: the channel's `ttl`; or Forever; see Expires
	Delay         time.Duration // when it is due: so long after it was stored; 0: at once
	MinReplicas   int           // how many replicas it waits for, 1 to 100, or NoReplicas; 0: the bus' `min_replicas`
	Fsync         Fsync         // whether it waits for the disk
	DedupKey      string        // what makes a repeat known: see docs/guarantees.md; while `dedup_window` lasts it is not stored again
	Mode          Mode          // whether it is stored, told to listeners, or both; what is only told can't wait for replicas or disk

	// What publishing sets on the sender's message; but for the last three a received one has it too.

	ID        string    // unique in the namespace
	Timestamp time.Time // when it was published, by the server's clock
	Expires   time.Time // when it expires; zero: never
	Due       time.Time // when it is due, of one that waits for that: scheduled, or for another attempt; zero: it does not
	Status    Status    // of one in a batch: what became of it; of a dead letter: why
	Replicas  int       // how many replicas are known to have it (with Fsync on their disks), where it waited for some
	Fsynced   bool      // whether it is known to be on the server's disk, where it waited for that
	Receivers int       // how many were told, where it was, as the server counts: a bus with one pattern is one to it

	// What only a received message has.

	Channel       string    // where it was published; Direct: in the inbox of its target
	Agent         string    // which agent it was delivered to, is pending for, or that gave it up
	Receipt       string    // settles this delivery, from any process; empty where it was not delivered to the caller
	Deliveries    int       // how often it was delivered: 1 on the first
	State         State     // where it stood when it was read
	Reason        string    // why the last attempt failed, of a retry or a dead letter
	ReservedUntil time.Time // until when this delivery is reserved, as far as was known; zero: it is not
	SignedBy      string    // the id of the key that vouches for it; empty: not signed, or not looked at
	SignedAt      time.Time // when it was signed, by the publisher's clock

	// The attempts that failed, of a dead letter or of one that is tried again: a JSON array of {"when" (Unix ms), "agent",
	// "consumer", "kind", "reason"}, the oldest first, 16 at most; nil where there are none. Kinds: failure, permanent,
	// lapse, crash, suspect, refused.
	History json.RawMessage

	heard bool // by a listener: there is nothing to settle
}

// NewJSON makes a message whose payload is a value as JSON, with that content type.
func NewJSON(value any) (*Message, error) {
	payload, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return &Message{Payload: payload, ContentType: "application/json"}, nil
}

// DecodeJSON reads the payload as JSON into a value, which is passed as a pointer.
func (m *Message) DecodeJSON(value any) error {
	return json.Unmarshal(m.Payload, value)
}

// Header answers a header's value, and whether there is one of that name.
func (m *Message) Header(name string) (string, bool) {
	for i := len(m.Headers) - 1; i >= 0; i-- {
		if m.Headers[i].Name == name {
			return m.Headers[i].Value, true
		}
	}
	return "", false
}

// SetHeader sets a header; a repeated name replaces.
func (m *Message) SetHeader(name, value string) {
	for i := range m.Headers {
		if m.Headers[i].Name == name {
			m.Headers[i].Value = value
			return
		}
	}
	m.Headers = append(m.Headers, Header{name, value})
}

// Copy makes a message of its own with what a sender sets, to be changed and published. It has no id and no receipt.
func (m *Message) Copy() *Message {
	return &Message{
		Payload: append([]byte(nil), m.Payload...), Target: m.Target, Source: m.Source, Type: m.Type,
		CorrelationID: m.CorrelationID, ReplyTo: m.ReplyTo, ContentType: m.ContentType,
		Headers: append([]Header(nil), m.Headers...), Priority: m.Priority, TTL: m.TTL,
		Delay: m.Delay, MinReplicas: m.MinReplicas, Fsync: m.Fsync, Mode: m.Mode, DedupKey: m.DedupKey,
	}
}

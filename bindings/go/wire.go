package agentmq

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
	"unsafe"

	"agentmq.dev/go/internal/native"
)

// Messages cross as the flat lists of docs/encoding.md; the numbers below are its offsets.
const (
	listVersion = 1
	listHead    = 16
	messageHead = 136
	messageTail = 16 // delay and due, of messages that have one of them, or more behind them
	messageMore = 24 // the head of that: of what few messages have

	atStatus     = 4
	atTimestamp  = 8
	atExpires    = 16
	atTTL        = 24
	atReserved   = 32
	atPriority   = 40
	atDeliveries = 44
	atState      = 48
	atHeaders    = 52
	atTexts      = 56 // the sizes of eleven texts
	atHeaderSize = 100
	atPayload    = 104
	atReplicas   = 112 // that publishing waits for
	atFsync      = 116
	atReached    = 120 // the replicas that have it
	atFsynced    = 124
	atMode       = 128
	atReceivers  = 132

	unsetTTL = math.MinInt64
)

var wire = binary.LittleEndian

// Buffers for lists, in both directions. One that became large is left to the collector.
const (
	bufferSize    = 64 << 10
	keptBufferMax = 1 << 20
)

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, bufferSize)} }}

type buffer struct{ bytes []byte }

func takeBuffer() *buffer { return buffers.Get().(*buffer) }

// room is all of it, for a native call to write a list into.
func (b *buffer) room() []byte { return b.bytes[:cap(b.bytes)] }

func (b *buffer) giveBack() {
	if cap(b.bytes) <= keptBufferMax {
		b.bytes = b.room()
		buffers.Put(b)
	}
}

// list is what a native call wrote into the room, or kept because it did not fit: then the buffer grows. Empty where
// there was none.
func (b *buffer) list() ([]byte, error) {
	bytes := b.room()
	size := wire.Uint64(bytes[8:])
	if size > 0 && wire.Uint32(bytes) == 0 {
		kept := uintptr(wire.Uint64(bytes[listHead:]))
		bytes = make([]byte, size)
		b.bytes = bytes
		if err := native.MqsListFlat(kept, bytes); err != nil {
			return nil, errorOf(err)
		}
	}
	return bytes[:size], nil
}

// put writes messages as a list.
func (b *buffer) put(messages ...*Message) error {
	list := beginList(b.bytes[:0])
	for i, message := range messages {
		if message == nil {
			return invalid("message %d is nil", i)
		}
		var err error
		if list, err = appendMessage(list, message); err != nil {
			return err
		}
	}
	endList(list, len(messages))
	b.bytes = list
	return nil
}

// checkText refuses what can't cross: a NUL would cut the text in C.
func checkText(name, text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalid("%s must not contain U+0000", name)
	}
	if !utf8.ValidString(text) {
		return invalid("%s is not valid UTF-8", name)
	}
	return nil
}

// checkMaybe also takes Any.
func checkMaybe(name, text string) error {
	if text == Any {
		return nil
	}
	return checkText(name, text)
}

// checkTexts takes names and texts in turn.
func checkTexts(pairs ...string) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := checkText(pairs[i], pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

// beginList leaves room for the head of a list in an empty buffer; endList fills it in.
func beginList(buffer []byte) []byte {
	var head [listHead]byte
	return append(buffer, head[:]...)
}

func endList(list []byte, count int) {
	wire.PutUint32(list, listVersion)
	wire.PutUint32(list[4:], uint32(count))
	wire.PutUint64(list[8:], uint64(len(list)))
}

// The texts that a sender sets.
var textNames = [...]string{"target", "source", "type", "correlation id", "reply to", "content type"}

func appendMessage(buffer []byte, m *Message) ([]byte, error) {
	begin := len(buffer)
	texts := [...]*string{&m.Target, &m.Source, &m.Type, &m.CorrelationID, &m.ReplyTo, &m.ContentType}
	var head [messageHead]byte
	buffer = append(buffer, head[:]...)
	for i, text := range texts {
		if len(*text) == 0 {
			continue
		}
		if err := checkText(textNames[i], *text); err != nil {
			return nil, err
		}
		wire.PutUint32(head[atTexts+4*i:], uint32(len(*text)))
		buffer = append(buffer, *text...)
	}
	headers := len(buffer)
	for _, header := range m.Headers {
		if err := checkTexts("the name of a header", header.Name, "the value of a header", header.Value); err != nil {
			return nil, err
		}
		buffer = wire.AppendUint32(buffer, uint32(len(header.Name)))
		buffer = wire.AppendUint32(buffer, uint32(len(header.Value)))
		buffer = append(buffer, header.Name...)
		buffer = append(buffer, header.Value...)
	}
	wire.PutUint32(head[atHeaderSize:], uint32(len(buffer)-headers))
	wire.PutUint32(head[atHeaders:], uint32(len(m.Headers)))
	wire.PutUint64(head[atPayload:], uint64(len(m.Payload)))
	buffer = append(buffer, m.Payload...)
	var padding [8]byte
	buffer = append(buffer, padding[:(8-(len(buffer)-begin)%8)%8]...)
	if m.Delay != 0 || m.DedupKey != "" {
		buffer = wire.AppendUint64(buffer, uint64(milliseconds(m.Delay)))
		buffer = wire.AppendUint64(buffer, 0)
	}
	if m.DedupKey != "" {
		if err := checkText("dedup key", m.DedupKey); err != nil {
			return nil, err
		}
		var more [messageMore]byte
		wire.PutUint32(more[:], uint32(len(m.DedupKey)))
		buffer = append(append(buffer, more[:]...), m.DedupKey...)
		buffer = append(buffer, padding[:(8-(len(buffer)-begin)%8)%8]...)
	}
	if int64(len(buffer)-begin) > math.MaxUint32 {
		return nil, &Error{Status: StatusTooLarge, Message: "a message must be smaller than 4 GiB"}
	}
	wire.PutUint32(head[:], uint32(len(buffer)-begin))
	wire.PutUint64(head[atTTL:], uint64(ttlToWire(m.TTL)))
	priority, err := priorityToWire(m.Priority)
	if err != nil {
		return nil, err
	}
	wire.PutUint32(head[atPriority:], uint32(priority))
	replicas, err := replicasToWire(m.MinReplicas)
	if err != nil {
		return nil, err
	}
	wire.PutUint32(head[atReplicas:], uint32(replicas))
	fsync, err := fsyncToWire(m.Fsync)
	if err != nil {
		return nil, err
	}
	wire.PutUint32(head[atFsync:], uint32(fsync))
	if m.Mode < ModeQueue || m.Mode > ModeBoth {
		return nil, invalid("mode must be ModeQueue, ModePubSub or ModeBoth, got %d", int(m.Mode))
	}
	wire.PutUint32(head[atMode:], uint32(m.Mode))
	copy(buffer[begin:], head[:])
	return buffer, nil
}

// A literal that names no priority means the normal one, so that 0 can't say the lowest.
func priorityToWire(priority int) (int32, error) {
	switch {
	case priority == 0:
		return PriorityNormal, nil
	case priority == PriorityLowest:
		return 0, nil
	case priority < 0 || priority > 255:
		return 0, invalid("priority must be between 1 and 255, or PriorityLowest, got %d", priority)
	}
	return int32(priority), nil
}

func priorityFromWire(priority int32) int {
	if priority == 0 {
		return PriorityLowest
	}
	return int(priority)
}

// A literal that says nothing of durability leaves it to the bus: on the wire that is -1.
func replicasToWire(replicas int) (int32, error) {
	switch {
	case replicas == 0:
		return -1, nil
	case replicas == NoReplicas:
		return 0, nil
	case replicas < 0 || replicas > 100:
		return 0, invalid("min replicas must be between 1 and 100, or NoReplicas, got %d", replicas)
	}
	return int32(replicas), nil
}

func fsyncToWire(fsync Fsync) (int32, error) {
	switch fsync {
	case FsyncAsBus:
		return -1, nil
	case FsyncOff:
		return 0, nil
	case FsyncOn:
		return 1, nil
	}
	return 0, invalid("fsync must be FsyncAsBus, FsyncOn or FsyncOff, got %d", int(fsync))
}

func ttlToWire(ttl time.Duration) int64 {
	if ttl == 0 {
		return unsetTTL
	}
	return milliseconds(ttl)
}

func ttlFromWire(ttl int64) time.Duration {
	switch {
	case ttl == unsetTTL:
		return 0
	case ttl < 0:
		return Forever
	}
	return time.Duration(ttl) * time.Millisecond
}

// milliseconds rounds up, so that a short duration does not become none; below 0 it is -1.
func milliseconds(duration time.Duration) int64 {
	if duration < 0 {
		return -1
	}
	return int64((duration + time.Millisecond - 1) / time.Millisecond)
}

func timeFromWire(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// countOf is how many messages a list has.
func countOf(list []byte) (int, error) {
	if len(list) == 0 {
		return 0, nil
	}
	if version := wire.Uint32(list); version != listVersion {
		return 0, &Error{Status: StatusUnsupported, Message: "the installed libagentmq encodes messages in another way"}
	}
	return int(wire.Uint32(list[4:])), nil
}

// Small messages that came together lie side by side, so that the collector has fewer things to look after: who keeps
// one of them keeps no more than this.
const (
	messagesTogether = 16
	bytesTogether    = 8 << 10
)

// decodeList copies: nothing of the buffer is kept.
func decodeList(list []byte) ([]*Message, error) {
	count, err := countOf(list)
	if count == 0 {
		return nil, err
	}
	all := make([]*Message, 0, count)
	for left := list[listHead:]; len(all) < count; {
		together, size := 1, int(wire.Uint32(left))
		for together < messagesTogether && len(all)+together < count {
			next := int(wire.Uint32(left[size:]))
			if size+next > bytesTogether {
				break
			}
			together, size = together+1, size+next
		}
		bytes := append([]byte(nil), left[:size]...)
		messages := make([]Message, together)
		for i := range messages {
			size := int(wire.Uint32(bytes))
			messages[i].decode(bytes[:size:size])
			bytes = bytes[size:]
			all = append(all, &messages[i])
		}
		left = left[size:]
	}
	return all, nil
}

// decode reads a message, which keeps the bytes: its texts and its payload are parts of them.
func (m *Message) decode(bytes []byte) {
	m.Status = Status(wire.Uint32(bytes[atStatus:]))
	m.Timestamp = timeFromWire(int64(wire.Uint64(bytes[atTimestamp:])))
	m.Expires = timeFromWire(int64(wire.Uint64(bytes[atExpires:])))
	m.TTL = ttlFromWire(int64(wire.Uint64(bytes[atTTL:])))
	m.ReservedUntil = timeFromWire(int64(wire.Uint64(bytes[atReserved:])))
	m.Priority = priorityFromWire(int32(wire.Uint32(bytes[atPriority:])))
	m.Deliveries = int(int32(wire.Uint32(bytes[atDeliveries:])))
	m.State = State(wire.Uint32(bytes[atState:]))
	m.heard = Mode(wire.Uint32(bytes[atMode:])) == ModePubSub
	at := messageHead
	fields := [...]*string{&m.Target, &m.Source, &m.Type, &m.CorrelationID, &m.ReplyTo, &m.ContentType, &m.ID,
		&m.Channel, &m.Receipt, &m.Agent, &m.Reason}
	for i, field := range fields {
		if size := int(wire.Uint32(bytes[atTexts+4*i:])); size > 0 {
			*field = textOf(bytes[at : at+size])
			at += size
		}
	}
	if count := wire.Uint32(bytes[atHeaders:]); count > 0 {
		m.Headers = make([]Header, count)
		for i := range m.Headers {
			name, value := int(wire.Uint32(bytes[at:])), int(wire.Uint32(bytes[at+4:]))
			at += 8
			m.Headers[i] = Header{textOf(bytes[at : at+name]), textOf(bytes[at+name : at+name+value])}
			at += name + value
		}
	}
	end := at + int(wire.Uint64(bytes[atPayload:]))
	m.Payload = bytes[at:end:end] // what is appended to it goes elsewhere
	if tail := (end + 7) &^ 7; len(bytes) >= tail+messageTail {
		m.decodeTail(bytes[tail:])
	}
}

// decodeTail reads what stands behind the payload.
func (m *Message) decodeTail(tail []byte) {
	m.Due = timeFromWire(int64(wire.Uint64(tail[8:])))
	if len(tail) < messageTail+messageMore {
		return
	}
	head, texts := tail[messageTail:], tail[messageTail+messageMore:]
	next := func(size uint32) []byte {
		text := texts[:size:size]
		texts = texts[size:]
		return text
	}
	m.DedupKey = textOf(next(wire.Uint32(head)))
	m.SignedBy = textOf(next(wire.Uint32(head[4:])))
	m.SignedAt = timeFromWire(int64(wire.Uint64(head[8:])))
	if size := wire.Uint32(head[16:]); size > 0 {
		m.History = json.RawMessage(next(size))
	}
}

// textOf is bytes that nobody changes any more, as a text.
func textOf(bytes []byte) string { return *(*string)(unsafe.Pointer(&bytes)) }

// idOf is the id alone of an encoded message: the seventh text.
func idOf(bytes []byte) []byte {
	at := uint32(messageHead)
	for i := 0; i < 6; i++ {
		at += wire.Uint32(bytes[atTexts+4*i:])
	}
	return bytes[at : at+wire.Uint32(bytes[atTexts+4*6:])]
}

// listOf copies the messages of a native list and frees it.
func listOf(list uintptr) ([]*Message, error) {
	buffer := takeBuffer()
	defer buffer.giveBack()
	if err := native.MqsListFlat(list, buffer.room()); err != nil {
		return nil, errorOf(err)
	}
	bytes, err := buffer.list()
	if err != nil {
		return nil, err
	}
	return decodeList(bytes)
}

package agentmq

import (
	"encoding/binary"
	"math"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"agentmq.dev/go/internal/native"
)

// Messages cross as the flat lists of docs/encoding.md; the numbers below are its offsets.
const (
	listVersion = 1
	listHead    = 16
	messageHead = 112

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

	unsetTTL = math.MinInt64
)

var wire = binary.LittleEndian

// Buffers for lists, in both directions. One that became large is left to the collector.
const (
	bufferSize    = 64 << 10
	keptBufferMax = 1 << 20
)

var buffers = sync.Pool{New: func() any {
	buffer := make([]byte, bufferSize)
	return &buffer
}}

func returnBuffer(buffer *[]byte) {
	if cap(*buffer) <= keptBufferMax {
		*buffer = (*buffer)[:cap(*buffer)]
		buffers.Put(buffer)
	}
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

func appendMessage(buffer []byte, m *Message) ([]byte, error) {
	begin := len(buffer)
	texts := [...]struct{ name, text string }{
		{"target", m.Target}, {"source", m.Source}, {"type", m.Type}, {"correlation id", m.CorrelationID},
		{"reply to", m.ReplyTo}, {"content type", m.ContentType},
	}
	var head [messageHead]byte
	buffer = append(buffer, head[:]...)
	for i, one := range texts {
		if err := checkText(one.name, one.text); err != nil {
			return nil, err
		}
		wire.PutUint32(head[atTexts+4*i:], uint32(len(one.text)))
		buffer = append(buffer, one.text...)
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
	for (len(buffer)-begin)%8 != 0 {
		buffer = append(buffer, 0)
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

// each calls visit with the bytes of each message of a list.
func each(list []byte, visit func(i int, message []byte)) error {
	if len(list) == 0 {
		return nil
	}
	if version := wire.Uint32(list); version != listVersion {
		return &Error{Status: StatusUnsupported, Message: "the installed libagentmq encodes messages in another way"}
	}
	count := int(wire.Uint32(list[4:]))
	list = list[listHead:]
	for i := 0; i < count; i++ {
		size := wire.Uint32(list)
		visit(i, list[:size])
		list = list[size:]
	}
	return nil
}

// decodeList copies: nothing of the buffer is kept.
func decodeList(list []byte) ([]*Message, error) {
	if len(list) == 0 {
		return nil, nil
	}
	all := make([]*Message, wire.Uint32(list[4:]))
	err := each(list, func(i int, message []byte) { all[i] = decodeMessage(message) })
	return all, err
}

func decodeMessage(bytes []byte) *Message {
	m := &Message{
		Status:        Status(wire.Uint32(bytes[atStatus:])),
		Timestamp:     timeFromWire(int64(wire.Uint64(bytes[atTimestamp:]))),
		Expires:       timeFromWire(int64(wire.Uint64(bytes[atExpires:]))),
		TTL:           ttlFromWire(int64(wire.Uint64(bytes[atTTL:]))),
		ReservedUntil: timeFromWire(int64(wire.Uint64(bytes[atReserved:]))),
		Priority:      priorityFromWire(int32(wire.Uint32(bytes[atPriority:]))),
		Deliveries:    int(int32(wire.Uint32(bytes[atDeliveries:]))),
		State:         State(wire.Uint32(bytes[atState:])),
	}
	payload := wire.Uint64(bytes[atPayload:])
	size := messageHead + int(wire.Uint32(bytes[atHeaderSize:]))
	fields := [...]*string{&m.Target, &m.Source, &m.Type, &m.CorrelationID, &m.ReplyTo, &m.ContentType, &m.ID,
		&m.Channel, &m.Receipt, &m.Agent, &m.Reason}
	for i := range fields {
		size += int(wire.Uint32(bytes[atTexts+4*i:]))
	}
	texts := string(bytes[messageHead:size]) // one allocation for all texts
	for i, field := range fields {
		length := wire.Uint32(bytes[atTexts+4*i:])
		*field, texts = texts[:length], texts[length:]
	}
	if count := wire.Uint32(bytes[atHeaders:]); count > 0 {
		m.Headers = make([]Header, count)
		headers := bytes[size-len(texts):]
		for i := range m.Headers {
			name, value := wire.Uint32(headers), wire.Uint32(headers[4:])
			m.Headers[i] = Header{texts[8 : 8+name], texts[8+name : 8+name+value]}
			headers, texts = headers[8+name+value:], texts[8+name+value:]
		}
	}
	m.Payload = append([]byte{}, bytes[size:size+int(payload)]...)
	return m
}

// idOf is the id alone of an encoded message: the seventh text.
func idOf(bytes []byte) string {
	at := uint32(messageHead)
	for i := 0; i < 6; i++ {
		at += wire.Uint32(bytes[atTexts+4*i:])
	}
	return string(bytes[at : at+wire.Uint32(bytes[atTexts+4*6:])])
}

// listOf copies the messages of a native list and frees it.
func listOf(list uintptr) ([]*Message, error) {
	buffer := buffers.Get().(*[]byte)
	defer returnBuffer(buffer)
	var size, rest uintptr
	if err := native.MqsListFlat(list, *buffer, &size, &rest); err != nil {
		return nil, errorOf(err)
	}
	bytes, err := restOf(buffer, size, rest)
	if err != nil {
		return nil, err
	}
	return decodeList(bytes)
}

// restOf is what a native call wrote into a buffer, or kept back because it did not fit: then the buffer grows.
func restOf(buffer *[]byte, size, rest uintptr) ([]byte, error) {
	if rest != 0 {
		*buffer = make([]byte, size)
		if err := native.MqsListFlat(rest, *buffer, &size, &rest); err != nil {
			return nil, errorOf(err)
		}
	}
	return (*buffer)[:size], nil
}

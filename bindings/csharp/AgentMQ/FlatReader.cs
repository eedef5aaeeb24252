using System.Buffers;
using System.Buffers.Binary;
using AgentMQ.Interop;

namespace AgentMQ;

// Reads the flat lists that the library writes (docs/encoding.md).
internal static class FlatReader
{
    // What native calls write into at first; what is larger comes in a second call.
    internal const int Room = 64 * 1024;

    internal static Message[] Messages(ReadOnlySpan<byte> list)
    {
        var messages = new Message[Count(list)];
        var at = FlatWriter.ListHead;
        for (var i = 0; i < messages.Length; i++) messages[i] = ReadMessage(Entry(list, ref at));
        return messages;
    }

    internal static Published[] Answers(ReadOnlySpan<byte> list)
    {
        var answers = new Published[Count(list)];
        var at = FlatWriter.ListHead;
        for (var i = 0; i < answers.Length; i++) answers[i] = ReadAnswer(Entry(list, ref at));
        return answers;
    }

    // The messages of a list that the library made; ends the list.
    internal static Message[] Messages(IntPtr list)
    {
        using var bytes = new FlatBuffer();
        Native.mqs_list_flat(list, bytes.Bytes, bytes.Capacity, out var size, out var rest);
        return Messages(bytes.Fill(size, rest));
    }

    private static int Count(ReadOnlySpan<byte> list)
    {
        if (list.IsEmpty) return 0;
        if (Number(list, 0) == 1) return Number(list, 4);
        throw new AgentMQException(Status.Internal, $"lists of version {Number(list, 0)} are not known here");
    }

    private static ReadOnlySpan<byte> Entry(ReadOnlySpan<byte> list, ref int at)
    {
        var entry = list.Slice(at, Number(list, at));
        at += entry.Length;
        return entry;
    }

    private static int Number(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);

    private static long Long(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private static Published ReadAnswer(ReadOnlySpan<byte> entry)
    {
        var before = FlatWriter.EntryHead;
        for (var size = 56; size < 80; size += 4) before += Number(entry, size);
        var id = Text.Utf8.GetString(entry.Slice(before, Number(entry, 80)));
        return new((Status)Number(entry, 4), id, Time.Of(Long(entry, 8)), Time.Of(Long(entry, 16)));
    }

    private static Message ReadMessage(ReadOnlySpan<byte> entry)
    {
        var texts = new Texts(entry);
        var ttl = Long(entry, 24);
        // In the order in which they lie there.
        return new Message(ReadOnlyMemory<byte>.Empty)
        {
            Status = (Status)Number(entry, 4),
            Timestamp = Time.Of(Long(entry, 8)),
            Expires = Time.Of(Long(entry, 16)),
            TimeToLive = ttl == FlatWriter.NoTimeToLive ? null : Time.Span(ttl),
            ReservedUntil = Time.Of(Long(entry, 32)),
            Priority = Number(entry, 40),
            Deliveries = Number(entry, 44),
            State = (MessageState)Number(entry, 48),
            Target = texts.Next(),
            Source = texts.Next(),
            Type = texts.Next(),
            CorrelationId = texts.Next(),
            ReplyTo = texts.Next(),
            ContentType = texts.Next(),
            Id = texts.Next(),
            Channel = texts.Next(),
            Receipt = texts.Next(),
            Agent = texts.Next(),
            Reason = texts.Next(),
            Headers = texts.Headers(),
            Payload = texts.Payload(),
        };
    }

    private ref struct Texts(ReadOnlySpan<byte> entry)
    {
        private readonly ReadOnlySpan<byte> _entry = entry;
        private int _size = 56;
        private int _at = FlatWriter.EntryHead;

        internal string Next()
        {
            var text = Take(Number(_entry, _size));
            _size += 4;
            return text;
        }

        internal IReadOnlyDictionary<string, string> Headers()
        {
            var count = Number(_entry, 52);
            if (count == 0) return System.Collections.ObjectModel.ReadOnlyDictionary<string, string>.Empty;
            var headers = new Dictionary<string, string>(count);
            for (var i = 0; i < count; i++)
            {
                var (name, value) = (Number(_entry, _at), Number(_entry, _at + 4));
                _at += 8;
                headers[Take(name)] = Take(value);
            }
            return headers;
        }

        internal byte[] Payload() => _entry.Slice(_at, checked((int)Long(_entry, 104))).ToArray();

        private string Take(int size)
        {
            if (size == 0) return "";
            var text = System.Text.Encoding.UTF8.GetString(_entry.Slice(_at, size));
            _at += size;
            return text;
        }
    }
}

// A rented buffer that native calls write into.
internal sealed class FlatBuffer : IDisposable
{
    internal byte[] Bytes { get; private set; } = ArrayPool<byte>.Shared.Rent(FlatReader.Room);

    internal nuint Capacity => (nuint)Bytes.Length;

    // What was written; where it did not fit it is fetched now, from the list that keeps it.
    internal ReadOnlySpan<byte> Fill(nuint size, IntPtr rest)
    {
        if (rest == 0) return Bytes.AsSpan(0, (int)size);
        try
        {
            Grow(size);
        }
        catch
        {
            Native.mq_list_free(rest);
            throw;
        }
        Native.mqs_list_flat(rest, Bytes, Capacity, out size, out _);
        return Bytes.AsSpan(0, (int)size);
    }

    internal void Grow(nuint size)
    {
        if (size > (nuint)Array.MaxLength) throw Errors.Of(Status.TooLarge, FlatWriter.TooLarge);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = [];
        Bytes = ArrayPool<byte>.Shared.Rent((int)size);
    }

    public void Dispose()
    {
        if (Bytes.Length > 0) ArrayPool<byte>.Shared.Return(Bytes);
    }
}

using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using AgentMQ.Interop;

namespace AgentMQ;

// Texts on their way across: strict UTF-8, and never with a U+0000, where C would end them.
internal static class Text
{
    internal static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    internal static void Check(string text, string what)
    {
        if (text.Contains('\0')) throw new ArgumentException($"{what} contains U+0000");
    }

    // With a NUL behind it; null stays null.
    internal static byte[]? Bytes(string? text)
    {
        if (text == null) return null;
        Check(text, "the text");
        var bytes = new byte[Utf8.GetByteCount(text) + 1];
        Utf8.GetBytes(text, bytes);
        return bytes;
    }

    // A borrowed text.
    internal static string Of(IntPtr text) => Marshal.PtrToStringUTF8(text) ?? "";

    // A text that is the caller's: read and freed.
    internal static string Take(IntPtr text)
    {
        try
        {
            return Of(text);
        }
        finally
        {
            Native.mq_free(text);
        }
    }
}

// Texts with a NUL behind each, one behind the other.
internal sealed class TextList : IDisposable
{
    internal byte[] Bytes { get; private set; } = ArrayPool<byte>.Shared.Rent(1024);

    internal int Length { get; private set; }

    internal void Add(string text, string what)
    {
        ArgumentNullException.ThrowIfNull(text, what);
        Text.Check(text, what);
        var size = Text.Utf8.GetByteCount(text) + 1;
        if (Bytes.Length - Length < size) Grow(size);
        Length += Text.Utf8.GetBytes(text, Bytes.AsSpan(Length));
        Bytes[Length++] = 0;
    }

    // One that came from the library.
    internal void Add(ReadOnlySpan<byte> text)
    {
        if (Bytes.Length - Length < text.Length + 1) Grow(text.Length + 1);
        text.CopyTo(Bytes.AsSpan(Length));
        Length += text.Length;
        Bytes[Length++] = 0;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(Bytes);

    private void Grow(int size)
    {
        var larger = ArrayPool<byte>.Shared.Rent(checked(Math.Max(Length + size, Bytes.Length * 2)));
        Bytes.AsSpan(0, Length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(Bytes);
        Bytes = larger;
    }
}

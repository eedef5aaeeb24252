using System.Runtime.CompilerServices;
using AgentMQ.Interop;

namespace AgentMQ;

/// <summary>One agent's reader of one or several channels, or a listener. Thread-safe; callers share its messages.
/// <para>The calls that end in <c>Async</c> hold no thread while they wait; from the first of them on up to
/// <c>prefetch</c> messages are reserved ahead. The others wait on the caller's thread.</para>
/// <para>Disposing ends it: who waits gets <see cref="ObjectDisposedException"/>, messages that nobody saw go back at
/// once, and what was handed out can still be settled. Twice is fine.</para></summary>
public sealed partial class Subscription : IDisposable, IAsyncDisposable
{
    // How often a wait without end looks for itself, to learn of what does not mend, like a password that changed.
    private static readonly TimeSpan LongestSlice = TimeSpan.FromSeconds(30);

    private readonly SubscriptionHandle _handle;

    internal Subscription(Bus bus, SubscriptionHandle handle, string agent)
    {
        Bus = bus;
        Agent = agent;
        _handle = handle;
    }

    /// <summary>The bus that it reads, and that settles its messages.</summary>
    public Bus Bus { get; }

    /// <summary>Who reads; empty of a listener.</summary>
    public string Agent { get; }

    private SubscriptionHandle Live
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle;
        }
    }

    /// <summary>Reads another channel too, in priority order over all of them. Twice is fine.</summary>
    /// <param name="channel">The channel.</param>
    /// <exception cref="AgentMQException">A wrong name, or the server can't be reached.</exception>
    public void Add(string channel) => Native.mq_subscription_add(Live, channel);

    /// <summary>Reads a channel no longer; its unseen messages go back.</summary>
    /// <param name="channel">The channel.</param>
    /// <exception cref="MessageNotFoundException">It was not read.</exception>
    public void Remove(string channel) => Native.mq_subscription_remove(Live, channel);

    /// <summary>Has its broadcasts begin anew, at another place: those that are there and those that the channel keeps (its
    /// settings <c>retain</c> and <c>retain_count</c>) come again from there on, as to a new agent. It is the place of the
    /// agent, for all its consumers; other agents are not disturbed. What its consumers have in hand is theirs no
    /// more.</summary>
    /// <param name="position">"all", "new", a time (RFC 3339, Unix milliseconds, "-1h"), or the id of a broadcast, which is
    /// then the first.</param>
    /// <exception cref="AgentMQException">A wrong position, a listener, or one that reads no broadcasts; or the server can't be
    /// reached.</exception>
    public void Seek(string position) => Native.mq_seek(Live, position);

    /// <summary>What a listener missed so far.</summary>
    /// <exception cref="AgentMQException">It is no listener.</exception>
    public Losses Lost
    {
        get
        {
            Native.mq_subscription_lost(Live, out var dropped, out var gaps);
            return new(dropped, gaps);
        }
    }

    /// <summary>Takes the next message. Waits on the caller's thread, and waits out an outage of the server.</summary>
    /// <param name="timeout">How long; zero looks once, <see cref="Timeout.InfiniteTimeSpan"/> waits without end.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The message, to be settled; null when none came in time.</returns>
    /// <exception cref="BusUnavailableException">There was no connection at the end.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; no message is lost by that.</exception>
    /// <exception cref="ObjectDisposedException">The subscription or its bus has ended.</exception>
    public Message? Fetch(TimeSpan timeout, CancellationToken cancellation = default) =>
        First(FetchBatch(1, timeout, cancellation));

    /// <summary>Takes messages as soon as there is one. As <see cref="Fetch"/> otherwise.</summary>
    /// <param name="max">How many at most: 1 to 1,000.</param>
    /// <param name="timeout">As of <see cref="Fetch"/>.</param>
    /// <param name="cancellation">As of <see cref="Fetch"/>.</param>
    /// <returns>The messages, each to be settled; empty when none came in time.</returns>
    public IReadOnlyList<Message> FetchBatch(int max, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        var handle = Live;
        var milliseconds = Time.Milliseconds(timeout);
        using var wait = new Wait(cancellation);
        using var bytes = new FlatBuffer();
        nuint size;
        IntPtr rest;
        try
        {
            Native.mqs_fetch_flat(handle, (nuint)max, milliseconds, wait.Cancel, bytes.Bytes, bytes.Capacity, out size,
                out rest);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, cancellation);
        }
        return FlatReader.Messages(bytes.Fill(size, rest));
    }

    /// <summary>As <see cref="Fetch"/>, without holding a thread.</summary>
    /// <param name="timeout">As of <see cref="Fetch"/>.</param>
    /// <param name="cancellation">As of <see cref="Fetch"/>.</param>
    /// <returns>The message, to be settled; null when none came in time.</returns>
    public async ValueTask<Message?> FetchAsync(TimeSpan timeout, CancellationToken cancellation = default) =>
        First(await FetchBatchAsync(1, timeout, cancellation).ConfigureAwait(false));

    /// <summary>As <see cref="FetchBatch"/>, without holding a thread.</summary>
    /// <param name="max">How many at most: 1 to 1,000.</param>
    /// <param name="timeout">As of <see cref="Fetch"/>.</param>
    /// <param name="cancellation">As of <see cref="Fetch"/>.</param>
    /// <returns>The messages, each to be settled; empty when none came in time.</returns>
    public async ValueTask<IReadOnlyList<Message>> FetchBatchAsync(int max, TimeSpan timeout,
        CancellationToken cancellation = default)
    {
        cancellation.ThrowIfCancellationRequested();
        var deadline = new Deadline(timeout);
        var held = false;
        try
        {
            Live.DangerousAddRef(ref held); // its descriptor stays open while it is polled
            var fd = Native.mq_subscription_fd(_handle);
            if (fd < 0) throw Errors.Of(Status.Internal);
            for (var look = deadline.Expired; ;)
            {
                if (look || Poller.IsReadable(fd))
                {
                    var batch = Look(max, deadline);
                    if (batch.Count > 0 || deadline.Expired) return batch;
                }
                look = !await Poller.Readable(fd, Slice(deadline), cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            if (held) _handle.DangerousRelease();
        }
    }

    /// <summary>The messages as they come, each to be settled. Ends when the subscription or its bus does. Breaking off
    /// loses nothing.</summary>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    public async IAsyncEnumerable<Message> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        _ = Live;
        while (await NextOrEnd(cancellation).ConfigureAwait(false) is { } message) yield return message;
    }

    /// <summary>Ends the subscription: who waits gets <see cref="ObjectDisposedException"/>, unseen messages go back. It
    /// is still to be disposed.</summary>
    public void Unsubscribe() => Native.mq_unsubscribe(Live);

    /// <summary>Ends and frees it. Handlers that run go on, and what they answer still counts; <see cref="DrainAsync"/>
    /// waits for them.</summary>
    public void Dispose()
    {
        try
        {
            Native.mq_unsubscribe(_handle);
        }
        catch (ObjectDisposedException)
        {
            return;
        }
        _handle.Dispose();
    }

    /// <summary>As <see cref="Dispose"/>; does not wait either.</summary>
    public ValueTask DisposeAsync()
    {
        Dispose();
        return ValueTask.CompletedTask;
    }

    private static Message? First(IReadOnlyList<Message> batch) => batch.Count == 0 ? null : batch[0];

    private static TimeSpan Slice(Deadline deadline)
    {
        var remaining = deadline.Remaining;
        return remaining == Timeout.InfiniteTimeSpan || remaining > LongestSlice ? LongestSlice : remaining;
    }

    // An outage is waited out, as long as there is time.
    private IReadOnlyList<Message> Look(int max, Deadline deadline)
    {
        try
        {
            return FetchBatch(max, TimeSpan.Zero);
        }
        catch (BusUnavailableException) when (!deadline.Expired)
        {
            return [];
        }
    }

    private async ValueTask<Message?> NextOrEnd(CancellationToken cancellation)
    {
        try
        {
            return await FetchAsync(Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            return null;
        }
    }
}

using AgentMQ.Interop;

namespace AgentMQ;

public sealed partial class Bus
{
    /// <summary>Publishes a message: to its target on the channel, or to everyone there. It is stored when this
    /// returns; with <see cref="Status.Partial"/> on fewer replicas or disks than <see cref="Message.MinReplicas"/> and
    /// <see cref="Message.Fsync"/> ask for.</summary>
    /// <param name="channel">The channel; <see cref="Direct"/> needs a target.</param>
    /// <param name="message">The message; it stays as it is.</param>
    /// <param name="cancellation">Ends the wait for room or for the server.</param>
    /// <returns>Its id and times.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Full"/>, <see cref="Status.TooLarge"/>,
    /// <see cref="Status.Invalid"/>; <see cref="Status.Unknown"/>: it may have been stored.</exception>
    /// <exception cref="BusUnavailableException">Certainly not stored.</exception>
    /// <exception cref="OperationCanceledException">The text says whether it may have been stored.</exception>
    /// <exception cref="ArgumentException">A text contains U+0000; nothing was sent.</exception>
    public Published Publish(string channel, Message message, CancellationToken cancellation = default)
    {
        using var messages = new FlatWriter();
        messages.Add(message);
        return Send(Live, channel, messages, cancellation)[0];
    }

    /// <summary>Publishes many messages. For each queue all or nothing up to 1,000 messages and 1 MiB, in steps of that
    /// above.</summary>
    /// <param name="channel">The channel of all.</param>
    /// <param name="messages">The messages.</param>
    /// <param name="cancellation">Ends the wait for room or for the server.</param>
    /// <returns>What became of each: look at their status, some may not have been stored.</returns>
    /// <exception cref="AgentMQException">None was stored; as of <see cref="Publish"/>.</exception>
    public IReadOnlyList<Published> PublishBatch(string channel, IEnumerable<Message> messages,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using var all = new FlatWriter();
        foreach (var message in messages) all.Add(message);
        return Send(Live, channel, all, cancellation);
    }

    /// <summary>Publishes one message to many agents, a message of its own for each.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="message">The message; its own target is left aside.</param>
    /// <param name="targets">The agents.</param>
    /// <param name="cancellation">Ends the wait for room or for the server.</param>
    /// <returns>What became of each, in the order of the targets.</returns>
    /// <exception cref="AgentMQException">None was stored; as of <see cref="Publish"/>.</exception>
    public IReadOnlyList<Published> PublishMany(string channel, Message message, IEnumerable<string> targets,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(targets);
        using var all = new FlatWriter();
        foreach (var target in targets) all.Add(message, target);
        return Send(Live, channel, all, cancellation);
    }

    /// <summary>Publishes to an agent's direct inbox.</summary>
    /// <param name="target">The agent.</param>
    /// <param name="message">The message; its own target is left aside.</param>
    /// <param name="cancellation">Ends the wait for room or for the server.</param>
    /// <returns>Its id and times.</returns>
    /// <exception cref="AgentMQException">As of <see cref="Publish"/>.</exception>
    public Published SendTo(string target, Message message, CancellationToken cancellation = default) =>
        PublishMany(Direct, message, [target], cancellation)[0];

    /// <summary>Publishes without holding a thread. Messages of many callers share round trips, in the order of the calls
    /// for each queue. Where <c>async_max</c> of them and of acknowledgements wait the call waits for room.</summary>
    /// <param name="channel">The channel; <see cref="Direct"/> needs a target.</param>
    /// <param name="message">The message; leave its payload alone until the task has ended.</param>
    /// <param name="cancellation">Takes the message back where it was not sent yet; then it is certainly not
    /// stored. Once it is on its way the token counts no longer.</param>
    /// <returns>Ends when the message is stored, with its id and times; fails as <see cref="Publish"/> does. Need not be
    /// awaited: <see cref="FlushAsync"/> tells of failures too.</returns>
    public Task<Published> PublishAsync(string channel, Message message, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(message);
        return _outbox.Add(new Outbox.Publishing(channel, message), cancellation);
    }

    /// <summary>As <see cref="PublishAsync"/>, to an agent's direct inbox.</summary>
    /// <param name="target">The agent.</param>
    /// <param name="message">The message; its own target is left aside.</param>
    /// <param name="cancellation">As of <see cref="PublishAsync"/>.</param>
    /// <returns>As of <see cref="PublishAsync"/>.</returns>
    public Task<Published> SendToAsync(string target, Message message, CancellationToken cancellation = default) =>
        PublishAsync(Direct, message with { Target = target }, cancellation);

    /// <summary>Waits until what <see cref="PublishAsync"/> and <see cref="AckAsync"/> were given so far is done, and with the
    /// setting <c>audit</c> until the records of what was done so far are written.</summary>
    /// <param name="timeout">How long; <see cref="Timeout.InfiniteTimeSpan"/>: without end.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>False where it was not done in time.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Partial"/>: one since the last flush failed.</exception>
    public async Task<bool> FlushAsync(TimeSpan timeout, CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
        var deadline = new Deadline(timeout);
        if (!await _outbox.Flush(timeout, cancellation).ConfigureAwait(false)) return false;
        // Most often there is nothing to wait for.
        return FlushNative(TimeSpan.Zero, cancellation) || (!deadline.Expired &&
            await Waiting(() => FlushNative(deadline.Remaining, cancellation), cancellation).ConfigureAwait(false));
    }

    /// <inheritdoc cref="FlushAsync"/>
    public bool Flush(TimeSpan timeout, CancellationToken cancellation = default) =>
        FlushAsync(timeout, cancellation).GetAwaiter().GetResult();

    private bool FlushNative(TimeSpan timeout, CancellationToken cancellation)
    {
        using var wait = new Wait(cancellation);
        try
        {
            var status = Native.mq_flush_with(Live, Time.Milliseconds(timeout), wait.Cancel);
            if (status == Status.Partial) Errors.Whole(status);
            return status == Status.Ok;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, cancellation);
        }
    }

    internal static Published[] Send(BusHandle bus, string channel, FlatWriter messages, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(channel);
        messages.End();
        using var wait = new Wait(cancellation);
        using var answers = new FlatBuffer();
        nuint size;
        IntPtr rest;
        TimeSpan? retryAfter;
        try
        {
            var status = Native.mqs_publish_flat(bus, channel, messages.Bytes, (nuint)messages.Length, wait.Cancel,
                answers.Bytes, answers.Capacity, out size, out rest);
            retryAfter = status == Status.Partial ? Errors.RetryAfter() : null;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, cancellation);
        }
        return FlatReader.Answers(answers.Fill(size, rest), retryAfter);
    }
}

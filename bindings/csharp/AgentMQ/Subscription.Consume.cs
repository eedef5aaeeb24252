using AgentMQ.Interop;

namespace AgentMQ;

public sealed partial class Subscription
{
    private const int LongestReason = 10_000;
    private readonly CancellationTokenSource _draining = new();
    private readonly Lock _guard = new();
    private Task _consuming = Task.CompletedTask;

    /// <summary>Has messages worked on by a handler, up to so many at a time, until it is stopped. The verdict settles
    /// each; an exception is <see cref="Verdict.Retry"/>, with its text as reason.</summary>
    /// <param name="handler">Works on a message, on the thread pool. Its token is that of the stop: it may heed it to
    /// hurry. It may publish and settle, but not wait for <see cref="DrainAsync"/>.</param>
    /// <param name="concurrency">How many handlers run at a time at most.</param>
    /// <param name="stop">Stops it in good order: nothing new is taken, running handlers are waited for.</param>
    /// <returns>Ends when it was stopped, by the token, by <see cref="DrainAsync"/> or with the subscription, after the
    /// last handler's message was settled. Fails where messages can't be fetched any more for a reason that does not mend
    /// by itself.</returns>
    /// <exception cref="ObjectDisposedException">The subscription had ended before.</exception>
    public Task ConsumeAsync(Func<Message, CancellationToken, Task<Verdict>> handler, int concurrency = 1,
        CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfLessThan(concurrency, 1);
        _ = Live;
        lock (_guard)
        {
            var consuming = Task.Run(() => Consume(handler, concurrency, stop), CancellationToken.None);
            _consuming = Task.WhenAll(_consuming, consuming);
            return consuming;
        }
    }

    /// <inheritdoc cref="ConsumeAsync(Func{Message, CancellationToken, Task{Verdict}}, int, CancellationToken)"/>
    public Task ConsumeAsync(Func<Message, Verdict> handler, int concurrency = 1, CancellationToken stop = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return ConsumeAsync((message, _) => Task.FromResult(handler(message)), concurrency, stop);
    }

    /// <summary>Takes nothing new, waits for handlers and gathered acknowledgements, and gives unseen messages back. The
    /// subscription is ended then, and still to be disposed.</summary>
    /// <param name="timeout">How long to wait; <see cref="Timeout.InfiniteTimeSpan"/>: without end.</param>
    /// <returns>False where handlers still run; it may be called again.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Partial"/>: an acknowledgement failed.</exception>
    public async Task<bool> DrainAsync(TimeSpan timeout)
    {
        var deadline = new Deadline(timeout);
        Task consuming;
        lock (_guard) consuming = _consuming;
        await _draining.CancelAsync().ConfigureAwait(false);
        // Who consumes hears of its failure; here it has ended, or not.
        await consuming.WaitAsync(deadline.Remaining).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!consuming.IsCompleted) return false;
        if (!await Bus.FlushAsync(deadline.Remaining).ConfigureAwait(false)) return false;
        var status = Native.mq_drain(Live, Time.Milliseconds(deadline.Remaining));
        if (status == Status.Timeout) return false;
        Errors.Whole(status);
        return true;
    }

    private async Task Consume(Func<Message, CancellationToken, Task<Verdict>> handler, int concurrency,
        CancellationToken stop)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stop, _draining.Token);
        using var slots = new SemaphoreSlim(concurrency);
        try
        {
            for (;;)
            {
                await slots.WaitAsync(stopping.Token).ConfigureAwait(false);
                var free = 1;
                while (free < 1000 && slots.Wait(0, CancellationToken.None)) free++;
                IReadOnlyList<Message> batch = [];
                try
                {
                    batch = await FetchBatchAsync(free, Timeout.InfiniteTimeSpan, stopping.Token).ConfigureAwait(false);
                }
                finally
                {
                    if (free > batch.Count) slots.Release(free - batch.Count);
                }
                foreach (var message in batch) _ = Task.Run(() => Work(message), CancellationToken.None);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
        catch (ObjectDisposedException)
        {
        }
        finally
        {
            for (var i = 0; i < concurrency; i++) await slots.WaitAsync(CancellationToken.None).ConfigureAwait(false);
            await AcksSent().ConfigureAwait(false);
        }

        async Task Work(Message message)
        {
            try
            {
                await Settle(message, handler, stopping.Token).ConfigureAwait(false);
            }
            finally
            {
                slots.Release();
            }
        }
    }

    private async Task Settle(Message message, Func<Message, CancellationToken, Task<Verdict>> handler,
        CancellationToken stopping)
    {
        var verdict = Verdict.Retry;
        string? reason = null;
        try
        {
            verdict = await handler(message, stopping).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            reason = ReasonOf(e);
        }
        if (message.IsHeard) return; // whatever it says: nothing was kept
        try
        {
            if (verdict == Verdict.Ack) _ = Bus.AckAsync(message);
            else if (verdict == Verdict.Reject) Bus.Nack(message, Failure.Permanent);
            else if (verdict != Verdict.Settled) Bus.Nack(message, Failure.Transient, reason: reason);
        }
        catch (Exception e) when (e is AgentMQException or ObjectDisposedException)
        {
            // Its reservation is gone, or lapses: either way the message comes again, or is somebody else's.
        }
    }

    private async Task AcksSent()
    {
        try
        {
            await Bus.Outbox.Settled(Timeout.InfiniteTimeSpan, CancellationToken.None).ConfigureAwait(false);
        }
        catch (ObjectDisposedException)
        {
            // Closing the bus sends them.
        }
    }

    // Fit to be sent: short, valid, without U+0000.
    private static string ReasonOf(Exception e)
    {
        var text = e.Message.Length > LongestReason ? e.Message[..LongestReason] : e.Message;
        var valid = System.Text.Encoding.UTF8.GetString(System.Text.Encoding.UTF8.GetBytes(text)).Replace('\0', '\uFFFD');
        return valid.Length == 0 ? e.GetType().Name : valid;
    }
}

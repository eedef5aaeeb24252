using AgentMQ.Interop;

namespace AgentMQ;

public sealed partial class Bus
{
    private delegate void Asking(CancelHandle cancel, FlatBuffer answers, out nuint size, out IntPtr rest);

    /// <summary>Asks an agent: sends a message to its direct inbox and waits for the reply, on the caller's thread. Both are
    /// stored, so that neither is lost when one of the two restarts. Who asks is <see cref="Message.ReplyTo"/>, else
    /// <see cref="Message.Source"/>, else the setting <c>source</c>, else nobody by name. Give the message a
    /// <see cref="Message.CorrelationId"/> where a reply that comes too late is to be collected.</summary>
    /// <param name="target">The agent to ask.</param>
    /// <param name="message">The request; its own target is left aside.</param>
    /// <param name="timeout">How long to wait for the reply; <see cref="Timeout.InfiniteTimeSpan"/>: without end, zero only
    /// sends.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The reply, acknowledged; null where none came in time: <see cref="Collect"/> has it when it comes.</returns>
    /// <exception cref="AgentMQException">As of <see cref="Publish"/>; with <see cref="Status.Unknown"/>: no reply came, and
    /// it is not known whether the request was sent; with <see cref="Status.Invalid"/> also where a call waits for that
    /// correlation id already.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, also after it was sent.</exception>
    public Message? Request(string target, Message message, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(target);
        using var request = new FlatWriter();
        request.Add(message);
        request.End();
        var milliseconds = Time.Milliseconds(timeout);
        var both = Ask(cancellation, FlatReader.Messages, (CancelHandle cancel, FlatBuffer answers, out nuint size, out IntPtr rest) =>
            Native.mqs_request_flat(Live, target, request.Bytes, (nuint)request.Length, milliseconds, cancel, answers.Bytes,
                answers.Capacity, out size, out rest));
        return both.Length < 2 ? null : both[1];
    }

    /// <summary>As <see cref="Request"/>, on a thread of its own, which waits for the reply.</summary>
    /// <param name="target">As of <see cref="Request"/>.</param>
    /// <param name="message">As of <see cref="Request"/>.</param>
    /// <param name="timeout">As of <see cref="Request"/>.</param>
    /// <param name="cancellation">As of <see cref="Request"/>.</param>
    /// <returns>As of <see cref="Request"/>.</returns>
    public Task<Message?> RequestAsync(string target, Message message, TimeSpan timeout,
        CancellationToken cancellation = default) =>
        Waiting(() => Request(target, message, timeout, cancellation), cancellation);

    /// <summary>Asks many agents at once, and gathers their replies, on the caller's thread. All requests have the message's
    /// correlation id, or else a new one.</summary>
    /// <param name="targets">The agents, one at least.</param>
    /// <param name="message">The request; its own target is left aside.</param>
    /// <param name="timeout">As of <see cref="Request"/>.</param>
    /// <param name="wanted">How many replies to wait for; 0: one of each.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The replies that came in time, acknowledged, in their order: fewer than wanted where no more came, or where not
    /// all requests could be sent. Those that come later can be collected.</returns>
    /// <exception cref="AgentMQException">None was sent; as of <see cref="Request"/>.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled, also after they were sent.</exception>
    public IReadOnlyList<Message> RequestMany(IEnumerable<string> targets, Message message, TimeSpan timeout, int wanted = 0,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(targets);
        using var agents = new TextList();
        foreach (var target in targets) agents.Add(target, "a target");
        using var request = new FlatWriter();
        request.Add(message);
        request.End();
        var (replies, milliseconds) = (Size(wanted), Time.Milliseconds(timeout));
        return Ask(cancellation, FlatReader.Messages, (CancelHandle cancel, FlatBuffer answers, out nuint size, out IntPtr rest) =>
            Native.mqs_request_many_flat(Live, agents.Bytes, (nuint)agents.Length, request.Bytes, (nuint)request.Length,
                replies, milliseconds, cancel, answers.Bytes, answers.Capacity, out size, out rest));
    }

    /// <summary>As <see cref="RequestMany"/>, on a thread of its own, which waits for the replies.</summary>
    /// <param name="targets">As of <see cref="RequestMany"/>.</param>
    /// <param name="message">As of <see cref="RequestMany"/>.</param>
    /// <param name="timeout">As of <see cref="RequestMany"/>.</param>
    /// <param name="wanted">As of <see cref="RequestMany"/>.</param>
    /// <param name="cancellation">As of <see cref="RequestMany"/>.</param>
    /// <returns>As of <see cref="RequestMany"/>.</returns>
    public Task<IReadOnlyList<Message>> RequestManyAsync(IEnumerable<string> targets, Message message, TimeSpan timeout,
        int wanted = 0, CancellationToken cancellation = default) =>
        Waiting(() => RequestMany(targets, message, timeout, wanted, cancellation), cancellation);

    /// <summary>Answers a request: sends the reply to the agent or inbox that its <see cref="Message.ReplyTo"/> names, with its
    /// correlation id, and within its trace. The request is settled as any message, best afterwards. A second reply comes too
    /// late, and can be collected.</summary>
    /// <param name="request">A message with a <see cref="Message.ReplyTo"/>.</param>
    /// <param name="reply">The reply; its own target is left aside.</param>
    /// <returns>Its id and times.</returns>
    /// <exception cref="AgentMQException">As of <see cref="Publish"/>; with <see cref="Status.Invalid"/> also where the request
    /// has no <see cref="Message.ReplyTo"/>.</exception>
    public Published Reply(Message request, Message reply)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var both = new FlatWriter();
        both.Add(request with { Payload = default });
        both.Add(reply);
        both.End();
        return Ask(CancellationToken.None, list => FlatReader.Answers(list, null)[0],
            (CancelHandle _, FlatBuffer answers, out nuint size, out IntPtr rest) => Native.mqs_reply_flat(Live, request.Id,
                both.Bytes, (nuint)both.Length, answers.Bytes, answers.Capacity, out size, out rest));
    }

    /// <summary>Takes a reply that no call waited for: that came too late, or to a process that is gone. Waits for it on the
    /// caller's thread.</summary>
    /// <param name="agent">Who asked; or a request's <see cref="Message.ReplyTo"/>, where nobody was named.</param>
    /// <param name="correlationId">The request's.</param>
    /// <param name="timeout">How long; zero looks once, <see cref="Timeout.InfiniteTimeSpan"/> waits without end.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The reply, acknowledged; null where none came in time.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Invalid"/> also where a call waits for that correlation id
    /// already.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Message? Collect(string agent, string correlationId, TimeSpan timeout, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(agent);
        ArgumentNullException.ThrowIfNull(correlationId);
        var milliseconds = Time.Milliseconds(timeout);
        var one = Ask(cancellation, FlatReader.Messages, (CancelHandle cancel, FlatBuffer answers, out nuint size, out IntPtr rest) =>
            Native.mqs_collect_flat(Live, agent, correlationId, milliseconds, cancel, answers.Bytes, answers.Capacity, out size,
                out rest));
        return one.Length == 0 ? null : one[0];
    }

    /// <summary>As <see cref="Collect"/>, on a thread of its own, which waits for the reply.</summary>
    /// <param name="agent">As of <see cref="Collect"/>.</param>
    /// <param name="correlationId">As of <see cref="Collect"/>.</param>
    /// <param name="timeout">As of <see cref="Collect"/>.</param>
    /// <param name="cancellation">As of <see cref="Collect"/>.</param>
    /// <returns>As of <see cref="Collect"/>.</returns>
    public Task<Message?> CollectAsync(string agent, string correlationId, TimeSpan timeout,
        CancellationToken cancellation = default) =>
        Waiting(() => Collect(agent, correlationId, timeout, cancellation), cancellation);

    // Reads what a call wrote; where it failed nothing of that is kept.
    private static T Ask<T>(CancellationToken cancellation, Func<ReadOnlySpan<byte>, T> read, Asking call)
    {
        using var wait = new Wait(cancellation);
        using var answers = new FlatBuffer();
        nuint size = 0;
        IntPtr rest = 0;
        try
        {
            call(wait.Cancel, answers, out size, out rest);
        }
        catch (Exception e)
        {
            if (rest != 0) Native.mq_list_free(rest);
            if (e is OperationCanceledException) throw new OperationCanceledException(e.Message, cancellation);
            throw;
        }
        return read(answers.Fill(size, rest));
    }

    // A thread of its own: one of the pool would keep others waiting.
    private static Task<T> Waiting<T>(Func<T> call, CancellationToken cancellation) =>
        Task.Factory.StartNew(call, cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}

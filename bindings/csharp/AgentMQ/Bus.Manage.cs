using AgentMQ.Interop;

namespace AgentMQ;

using Filter = IEnumerable<KeyValuePair<string, string>>;

public sealed partial class Bus
{
    /// <summary>What an agent has not acknowledged, by priority, delivered or not. Looks, takes nothing;
    /// <see cref="Ack"/> settles each.</summary>
    /// <param name="channel">The channel; null: any.</param>
    /// <param name="agent">The agent; null: any.</param>
    /// <param name="limit">How many at most: 1 to 10,000.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public IReadOnlyList<Message> GetPending(string? channel, string? agent, int limit = 1000)
    {
        Native.mq_get_pending(Live, channel, agent, Size(limit), out var list);
        return FlatReader.Messages(list);
    }

    /// <summary>A message by its id; null where there is none.</summary>
    /// <param name="id">The id, of a dead letter too.</param>
    /// <exception cref="AgentMQException">A wrong id, or the server can't be reached.</exception>
    public Message? Get(string id)
    {
        using var bytes = new FlatBuffer();
        nuint size = 0;
        for (var read = false; !read;)
        {
            try
            {
                Native.mqs_get_flat(Live, id, bytes.Bytes, bytes.Capacity, out size);
                read = true;
            }
            catch (AgentMQException e) when (e.Status == Status.TooLarge && size > bytes.Capacity)
            {
                bytes.Grow(size);
            }
        }
        return size == 0 ? null : FlatReader.Messages(bytes.Bytes.AsSpan(0, (int)size))[0];
    }

    /// <summary>Messages that fit a filter, oldest first in each queue. Looks at every message of the queues in
    /// question.</summary>
    /// <param name="filter">channel, source, target, type, agent, status, state, since, until; null: all.</param>
    /// <param name="limit">How many at most: 1 to 10,000.</param>
    /// <param name="offset">How many to pass over first.</param>
    /// <exception cref="AgentMQException">A wrong filter, or the server can't be reached.</exception>
    public IReadOnlyList<Message> Find(Filter? filter = null, int limit = 1000, int offset = 0)
    {
        IntPtr list = 0;
        With(filter, config => Native.mq_find(Live, config, Size(limit), Size(offset), out list));
        return FlatReader.Messages(list);
    }

    /// <summary>How many messages fit a filter.</summary>
    /// <param name="filter">As of <see cref="Find"/>.</param>
    /// <exception cref="AgentMQException">A wrong filter, or the server can't be reached.</exception>
    public long Count(Filter? filter = null)
    {
        long count = 0;
        With(filter, config => Native.mq_count(Live, config, out count));
        return count;
    }

    /// <summary>Removes a message, waiting, scheduled or in hand. Whoever has it learns it by <see cref="IsDeleted"/>, and
    /// gets <see cref="MessageNotFoundException"/> from its acknowledgement.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="MessageNotFoundException">There is none.</exception>
    /// <exception cref="AgentMQException">A wrong id, or the server can't be reached.</exception>
    public void Delete(string id) => Native.mq_delete(Live, id);

    /// <summary>Whether a message was deleted while in somebody's hand, so that there is no use in working on. Asks the
    /// server each time.</summary>
    /// <param name="id">The id.</param>
    /// <exception cref="AgentMQException">A wrong id, or the server can't be reached.</exception>
    public bool IsDeleted(string id)
    {
        Native.mq_is_deleted(Live, id, out var deleted);
        return deleted != 0;
    }

    /// <summary>Removes all messages and dead letters of a channel.</summary>
    /// <param name="channel">The channel; "*" and only that: the whole namespace.</param>
    /// <returns>How many messages there were.</returns>
    /// <exception cref="AgentMQException">The server can't be reached.</exception>
    public long Clear(string channel)
    {
        Native.mq_clear(Live, channel, out var removed);
        return removed;
    }

    /// <summary>Puts lapsed reservations, of dead consumers or past their deadline, back into their queues now.</summary>
    /// <param name="agent">Of this agent; null: of all.</param>
    /// <returns>How many.</returns>
    /// <exception cref="AgentMQException">The server can't be reached.</exception>
    public long RecoverPending(string? agent = null)
    {
        Native.mq_recover_pending(Live, agent, out var recovered);
        return recovered;
    }

    /// <summary>Dead letters that fit a filter, newest first, with status, reason, deliveries and agent.</summary>
    /// <param name="filter">As of <see cref="Find"/>.</param>
    /// <param name="limit">How many at most: 1 to 10,000.</param>
    /// <param name="offset">How many to pass over first.</param>
    /// <exception cref="AgentMQException">A wrong filter, or the server can't be reached.</exception>
    public IReadOnlyList<Message> DeadLetters(Filter? filter = null, int limit = 1000, int offset = 0)
    {
        IntPtr list = 0;
        With(filter, config => Native.mq_dead_letters(Live, config, Size(limit), Size(offset), out list));
        return FlatReader.Messages(list);
    }

    /// <summary>Sends a dead letter back to the group that gave it up, as a new message with new attempts.</summary>
    /// <param name="id">The dead letter's id.</param>
    /// <returns>The new message's id.</returns>
    /// <exception cref="MessageNotFoundException">There is none.</exception>
    /// <exception cref="AgentMQException">With <see cref="Status.Full"/> or <see cref="Status.Corrupt"/>, or the server
    /// can't be reached.</exception>
    public string Replay(string id)
    {
        Native.mq_replay(Live, id, out var newId);
        return Text.Take(newId);
    }

    /// <summary>Sends back all dead letters that fit a filter, the oldest first.</summary>
    /// <param name="filter">As of <see cref="Find"/>, and how: rate (so many a second at most), limit, keep_attempts, dry_run
    /// (changes nothing); null: all, at once.</param>
    /// <returns>How many; in a dry run how many would be.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Partial"/>: not all of them; else as of
    /// <see cref="Replay"/>.</exception>
    public long ReplayAll(Filter? filter = null)
    {
        long replayed = 0;
        With(filter, config => Errors.Whole(Native.mq_replay_all(Live, config, out replayed)));
        return replayed;
    }

    /// <summary>Removes the dead letters that fit a filter.</summary>
    /// <param name="filter">As of <see cref="Find"/>.</param>
    /// <returns>How many.</returns>
    /// <exception cref="AgentMQException">A wrong filter, or the server can't be reached.</exception>
    public long PurgeDeadLetters(Filter? filter = null)
    {
        long purged = 0;
        With(filter, config => Native.mq_purge_dead_letters(Live, config, out purged));
        return purged;
    }

    /// <summary>Numbers of each queue and group, as JSON.</summary>
    /// <param name="channel">The channel; null: all.</param>
    /// <exception cref="AgentMQException">The server can't be reached.</exception>
    public string Stats(string? channel = null)
    {
        Native.mq_stats(Live, channel, out var json);
        return Text.Take(json);
    }

    /// <summary>What there is, as JSON: the channels that have queues, or are paused, with numbers of their queues, as of
    /// <c>mq_channels()</c> in <c>agentmq.h</c>.</summary>
    /// <exception cref="AgentMQException">The server can't be reached.</exception>
    public string Channels()
    {
        Native.mq_channels(Live, out var json);
        return Text.Take(json);
    }

    /// <summary>Who reads, as JSON: an object for each group, with its numbers and its consumers, as of <c>mq_groups()</c> in
    /// <c>agentmq.h</c>.</summary>
    /// <param name="channel">The channel; null: all.</param>
    /// <exception cref="AgentMQException">The server can't be reached.</exception>
    public string Groups(string? channel = null)
    {
        Native.mq_groups(Live, channel, out var json);
        return Text.Take(json);
    }

    /// <summary>Stops deliveries until <see cref="Resume"/>. Publishing goes on, and what was handed out may be settled; what
    /// was read ahead goes back. Kept on the server, for every process and over restarts.</summary>
    /// <param name="channel">The channel.</param>
    /// <param name="agent">Those to that agent; null: all of the channel.</param>
    /// <param name="reason">Why, in a sentence; null: none. Pausing again replaces it.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached: some queues may be paused
    /// already.</exception>
    public void Pause(string channel, string? agent = null, string? reason = null) =>
        Native.mq_pause(Live, channel, agent, reason);

    /// <summary>Goes on with what <see cref="Pause"/> stopped: whoever waits is woken at once.</summary>
    /// <param name="channel">As of <see cref="Pause"/>.</param>
    /// <param name="agent">As of <see cref="Pause"/>.</param>
    /// <exception cref="MessageNotFoundException">It was not paused.</exception>
    /// <exception cref="AgentMQException">As of <see cref="Pause"/>.</exception>
    public void Resume(string channel, string? agent = null) => Native.mq_resume(Live, channel, agent);

    /// <summary>Who is alive, as JSON: an object for each agent that is announced, or for which somebody reads, as of
    /// <c>mq_agents()</c> in <c>agentmq.h</c>.</summary>
    /// <param name="pattern">As of <see cref="Listen"/>; null: all.</param>
    /// <exception cref="AgentMQException">A wrong pattern, or the server can't be reached.</exception>
    public string Agents(string? pattern = null)
    {
        Native.mq_agents(Live, pattern, out var json);
        return Text.Take(json);
    }

    /// <summary>Says that an agent is there. The bus renews it for as long as it is open, and withdraws it when it is closed;
    /// where its process dies the agent is gone when the lease ends. Announcing again replaces both.</summary>
    /// <param name="agent">The agent.</param>
    /// <param name="lease">A second at least; zero withdraws it.</param>
    /// <param name="description">A text for <see cref="Agents"/>; null: none.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public void Announce(string agent, TimeSpan lease, string? description = null) =>
        Native.mq_announce(Live, agent, description, Time.Milliseconds(lease));

    /// <summary>Waits for what becomes of a message, on the caller's thread.</summary>
    /// <param name="id">The id.</param>
    /// <param name="state"><see cref="MessageState.Queued"/>: it is stored; <see cref="MessageState.Reserved"/>: it was
    /// delivered; <see cref="MessageState.Acked"/>: it is acknowledged, a broadcast by all agents that had to;
    /// <see cref="MessageState.Dead"/>, <see cref="MessageState.Expired"/>, <see cref="MessageState.Deleted"/>: it ended so;
    /// <see cref="MessageState.Scheduled"/>, <see cref="MessageState.Retrying"/>: it is so at the moment.</param>
    /// <param name="timeout">How long; zero looks once, <see cref="Timeout.InfiniteTimeSpan"/> waits until it is
    /// decided.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>How that ended.</returns>
    /// <exception cref="AgentMQException">A wrong id, or the server can't be reached.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public Awaited Await(string id, MessageState state, TimeSpan timeout, CancellationToken cancellation = default)
    {
        using var wait = new Wait(cancellation);
        var reached = 0;
        try
        {
            var status = Native.mq_await_with(Live, id, state, Time.Milliseconds(timeout), wait.Cancel, out reached);
            return new(status, (MessageState)reached);
        }
        catch (MessageNotFoundException)
        {
            return new(Status.NotFound, (MessageState)reached);
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, cancellation);
        }
    }

    /// <summary>As <see cref="Await"/>, on a thread of its own, which waits.</summary>
    /// <param name="id">As of <see cref="Await"/>.</param>
    /// <param name="state">As of <see cref="Await"/>.</param>
    /// <param name="timeout">As of <see cref="Await"/>.</param>
    /// <param name="cancellation">As of <see cref="Await"/>.</param>
    /// <returns>As of <see cref="Await"/>.</returns>
    public Task<Awaited> AwaitAsync(string id, MessageState state, TimeSpan timeout,
        CancellationToken cancellation = default) =>
        Waiting(() => Await(id, state, timeout, cancellation), cancellation);

    /// <summary>Where a message is, why it is not delivered, and what happens next: a JSON object, as of <c>mq_explain()</c> in
    /// <c>agentmq.h</c>, also where nothing is known of it.</summary>
    /// <param name="id">The id, of a dead letter too.</param>
    /// <exception cref="AgentMQException">A wrong id, or the server can't be reached.</exception>
    public string Explain(string id)
    {
        Native.mq_explain(Live, id, out var json);
        return Text.Take(json);
    }

    /// <summary>Adds a record to an audit trail of the application's own: decisions, say. A trail is a chain of hashes through
    /// all processes that add to it, and keeps the newest <c>audit_max</c> records.</summary>
    /// <param name="kind">The trail, a name.</param>
    /// <param name="json">What: any JSON of at most 64 KiB.</param>
    /// <param name="actor">Who did it, a name; null: nobody in particular.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public void Audit(string kind, string json, string? actor = null) => Native.mq_audit(Live, kind, actor, json);

    /// <summary>Reads an audit trail, oldest first: {"kind", "records": [{"id", "n", "hash", "record"}], "next"}; next is the
    /// <paramref name="after"/> of the next call.</summary>
    /// <param name="kind">The trail; "messages" is the library's own, with the setting <c>audit</c>.</param>
    /// <param name="after">The id of a record: from behind it; a time: from then on; null: from the oldest that is kept.</param>
    /// <param name="limit">How many at most: 1 to 10,000.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public string AuditRead(string kind, string? after = null, int limit = 1000)
    {
        Native.mq_audit_read(Live, kind, after, Size(limit), out var json);
        return Text.Take(json);
    }

    /// <summary>Verifies an audit trail: whether each record is as it was added, behind the one that it was added to: {"kind",
    /// "intact", "records", "trimmed", "newest", "breaks": [{"id", "n", "why"}]}.</summary>
    /// <param name="kind">The trail.</param>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public string AuditVerify(string kind)
    {
        Native.mq_audit_verify(Live, kind, out var json);
        return Text.Take(json);
    }

    /// <summary>How the bus is: asks the server, writes and reads back, sends a message round. An unhealthy bus is an
    /// answer, not an exception.</summary>
    public HealthReport Health()
    {
        Native.mq_health(Live, out var state, out var json);
        return new((HealthState)state, Text.Take(json));
    }

    /// <summary>The next log event as one line of JSON; null when none came. Events are kept from the first call on, the
    /// newest 1,000.</summary>
    /// <param name="timeout">How long to wait, on the caller's thread; <see cref="Timeout.InfiniteTimeSpan"/>: without
    /// end.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public string? NextLog(TimeSpan timeout, CancellationToken cancellation = default)
    {
        using var wait = new Wait(cancellation);
        try
        {
            var status = Native.mq_next_log_with(Live, Time.Milliseconds(timeout), wait.Cancel, out var json);
            return status == Status.Ok ? Text.Take(json) : null;
        }
        catch (OperationCanceledException e)
        {
            throw new OperationCanceledException(e.Message, cancellation);
        }
    }

    private static nuint Size(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return (nuint)count;
    }
}

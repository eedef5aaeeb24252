using AgentMQ.Interop;

namespace AgentMQ;

public sealed partial class Bus
{
    /// <summary>Acknowledges a message: it is done and leaves the queue.</summary>
    /// <param name="message">One that was fetched; or one of <see cref="GetPending"/> or <see cref="Find"/>, which is
    /// settled for its agent, whoever holds it.</param>
    /// <exception cref="StaleReservationException">It was given to another consumer meanwhile; nothing
    /// changed.</exception>
    /// <exception cref="MessageNotFoundException">It was settled or deleted before.</exception>
    /// <exception cref="AgentMQException">The server can't be reached, or did not answer.</exception>
    public void Ack(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (message.IsHeard)
        {
            throw Errors.Of(Status.Invalid,
                "a listener heard the message, which keeps nothing: there is nothing to settle");
        }
        var receipt = message.ReceiptBytes;
        if (receipt.IsEmpty)
        {
            AckId(message.Agent.Length == 0 ? null : message.Agent, message.Id);
            return;
        }
        using var receipts = new TextList();
        receipts.Add(receipt);
        Acknowledge(Live, receipts, new int[1]);
    }

    /// <summary>Acknowledges many messages in few round trips.</summary>
    /// <param name="messages">Messages that were fetched.</param>
    /// <returns>What became of each, in their order.</returns>
    /// <exception cref="AgentMQException">None was acknowledged; as of <see cref="Ack"/>.</exception>
    public IReadOnlyList<Status> AckBatch(IEnumerable<Message> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        using var receipts = new TextList();
        var count = 0;
        foreach (var message in messages)
        {
            receipts.Add(message.ReceiptBytes);
            count++;
        }
        return Statuses(receipts, count);
    }

    /// <summary>Acknowledges by receipts, of this process or another.</summary>
    /// <param name="receipts">The <see cref="Message.Receipt"/> of each.</param>
    /// <returns>What became of each, in their order.</returns>
    /// <exception cref="AgentMQException">None was acknowledged; as of <see cref="Ack"/>.</exception>
    public IReadOnlyList<Status> AckReceipts(IEnumerable<string> receipts)
    {
        ArgumentNullException.ThrowIfNull(receipts);
        using var texts = new TextList();
        var count = 0;
        foreach (var receipt in receipts)
        {
            texts.Add(receipt, "the receipt");
            count++;
        }
        return Statuses(texts, count);
    }

    /// <summary>Acknowledges a message by its id for an agent, whoever holds it, delivered or not.</summary>
    /// <param name="agent">The agent; null: the message's target.</param>
    /// <param name="id">The message's id.</param>
    /// <exception cref="MessageNotFoundException">There is no such message for that agent.</exception>
    /// <exception cref="AgentMQException">A wrong argument, or the server can't be reached.</exception>
    public void AckId(string? agent, string id) => Native.mq_ack_id(Live, agent, id);

    /// <summary>Acknowledges without holding a thread: acknowledgements are gathered, many in a round trip.</summary>
    /// <param name="message">One that was fetched.</param>
    /// <returns>Ends when it is settled; fails as <see cref="Ack"/> does. Need not be awaited:
    /// <see cref="FlushAsync"/> tells of failures too.</returns>
    public Task AckAsync(Message message)
    {
        ArgumentNullException.ThrowIfNull(message);
        return _outbox.Add(new Outbox.Acknowledging(message), CancellationToken.None);
    }

    /// <summary>Gives a message back.</summary>
    /// <param name="message">One that was fetched.</param>
    /// <param name="failure"><see cref="Failure.Permanent"/>, or out of attempts: to the dead letters.</param>
    /// <param name="delay">Until the next attempt; null: the back-off of its subscription.</param>
    /// <param name="reason">Why, in a sentence; null: none.</param>
    /// <exception cref="AgentMQException">As of <see cref="Ack"/>.</exception>
    public void Nack(Message message, Failure failure = Failure.Transient, TimeSpan? delay = null, string? reason = null)
    {
        ArgumentNullException.ThrowIfNull(message);
        NackReceipt(message.Receipt, failure, delay, reason);
    }

    /// <summary>As <see cref="Nack"/>, by receipt, of this process or another.</summary>
    /// <param name="receipt">The <see cref="Message.Receipt"/>.</param>
    /// <param name="failure">As of <see cref="Nack"/>.</param>
    /// <param name="delay">As of <see cref="Nack"/>.</param>
    /// <param name="reason">As of <see cref="Nack"/>.</param>
    /// <exception cref="AgentMQException">As of <see cref="Ack"/>.</exception>
    public void NackReceipt(string receipt, Failure failure = Failure.Transient, TimeSpan? delay = null,
        string? reason = null) =>
        Native.mq_nack_receipt(Live, receipt, failure, delay is { } time ? Time.Milliseconds(time) : -1, reason);

    /// <summary>Reserves a message anew from now on; that deadline counts then.</summary>
    /// <param name="message">One that was fetched.</param>
    /// <param name="visibilityTimeout">For how long.</param>
    /// <exception cref="AgentMQException">As of <see cref="Ack"/>.</exception>
    public void Extend(Message message, TimeSpan visibilityTimeout)
    {
        ArgumentNullException.ThrowIfNull(message);
        ExtendReceipt(message.Receipt, visibilityTimeout);
    }

    /// <summary>As <see cref="Extend"/>, by receipt, of this process or another.</summary>
    /// <param name="receipt">The <see cref="Message.Receipt"/>.</param>
    /// <param name="visibilityTimeout">For how long.</param>
    /// <exception cref="AgentMQException">As of <see cref="Ack"/>.</exception>
    public void ExtendReceipt(string receipt, TimeSpan visibilityTimeout) =>
        Native.mq_extend_receipt(Live, receipt, Time.Milliseconds(visibilityTimeout));

    // What became of each goes to the results, of which there is one for each.
    internal static void Acknowledge(BusHandle bus, TextList receipts, int[] results)
    {
        if (results.Length == 0) return;
        Native.mqs_ack_flat(bus, receipts.Bytes, (nuint)receipts.Length, results, (nuint)results.Length, out _);
    }

    private Status[] Statuses(TextList receipts, int count)
    {
        var results = new int[count];
        Acknowledge(Live, receipts, results);
        return Array.ConvertAll(results, static result => (Status)result);
    }
}

using System.Threading.Channels;

namespace AgentMQ;

// What is published and acknowledged without waiting: taken in order, gathered and sent by one thread, which starts with
// the first item. It knows the native bus only, so that a Bus that is dropped can be collected and end it.
internal sealed class Outbox(BusHandle bus, int most)
{
    private const int MostInOne = 1_000;
    private const int MostBytesInOne = 1 << 20;

    private readonly Channel<Item> _items =
        Channel.CreateBounded<Item>(new BoundedChannelOptions(most) { SingleReader = true });
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _started;
    private int _failed;
    private volatile Exception? _lastFailure;

    // One thing to do. Whoever takes it decides: the thread, or its token before.
    internal abstract class Item
    {
        private int _taken;

        internal CancellationTokenRegistration Registration { get; set; }

        internal bool TryTake() => Interlocked.Exchange(ref _taken, 1) == 0;

        internal abstract void Cancel(CancellationToken cancellation);

        internal abstract void Fail(Exception failure);
    }

    internal abstract class Item<T> : Item
    {
        private readonly TaskCompletionSource<T> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal Task<T> Task => _result.Task;

        internal void Done(T result) => _result.SetResult(result);

        internal override void Cancel(CancellationToken cancellation)
        {
            if (TryTake()) _result.SetCanceled(cancellation);
        }

        internal override void Fail(Exception failure) => _result.SetException(failure);
    }

    internal sealed class Publishing(string channel, Message message) : Item<Published>
    {
        internal string Channel => channel;

        internal Message Message => message;
    }

    internal sealed class Acknowledging(Message message) : Item<bool>
    {
        internal Message Message => message;
    }

    private sealed class Marker : Item<bool>;

    internal Task<T> Add<T>(Item<T> item, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested) return Task.FromCanceled<T>(cancellation);
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            new Thread(Run) { IsBackground = true, Name = "AgentMQ outbox" }.Start();
        }
        item.Registration = cancellation.UnsafeRegister((state, token) => ((Item)state!).Cancel(token), item);
        return _items.Writer.TryWrite(item) ? item.Task : AddWhenThereIsRoom(item, cancellation);
    }

    // Waits until what was added so far is done, whatever became of it. False: not in time.
    internal async Task<bool> Settled(TimeSpan timeout, CancellationToken cancellation)
    {
        if (Volatile.Read(ref _started) == 0) return true;
        try
        {
            await Add(new Marker(), CancellationToken.None).WaitAsync(timeout, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    internal async Task<bool> Flush(TimeSpan timeout, CancellationToken cancellation)
    {
        if (!await Settled(timeout, cancellation).ConfigureAwait(false)) return false;
        var failed = Interlocked.Exchange(ref _failed, 0);
        if (failed == 0) return true;
        throw new AgentMQException(Status.Partial,
            $"{failed} publishes and acknowledgements since the last flush failed, the last one: {_lastFailure?.Message}");
    }

    // Takes nothing more; the thread ends when it has sent what it has.
    internal void Complete() => _items.Writer.TryComplete();

    // False: not all was sent in time.
    internal async Task<bool> End(TimeSpan timeout)
    {
        Complete();
        if (Volatile.Read(ref _started) == 0) return true;
        try
        {
            await _ended.Task.WaitAsync(timeout).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private async Task<T> AddWhenThereIsRoom<T>(Item<T> item, CancellationToken cancellation)
    {
        try
        {
            await _items.Writer.WriteAsync(item, cancellation).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            item.Registration.Dispose();
            throw new ObjectDisposedException(nameof(Bus));
        }
        return await item.Task.ConfigureAwait(false);
    }

    private void Run()
    {
        var some = new List<Item>();
        while (_items.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            Gather(some);
            var publishing = some.OfType<Publishing>().GroupBy(item => item.Channel);
            foreach (var channel in publishing) Publish(channel.Key, [.. channel]);
            Acknowledge([.. some.OfType<Acknowledging>()]);
            foreach (var marker in some.OfType<Marker>()) marker.Done(true);
            some.Clear();
        }
        _ended.SetResult();
    }

    private void Gather(List<Item> some)
    {
        for (var bytes = 0L; some.Count < MostInOne && bytes < MostBytesInOne && _items.Reader.TryRead(out var item);)
        {
            if (!item.TryTake()) continue;
            item.Registration.Dispose();
            some.Add(item);
            if (item is Publishing publishing) bytes += publishing.Message.Payload.Length;
        }
    }

    private void Publish(string channel, List<Publishing> items)
    {
        using var messages = new FlatWriter();
        var sent = items.FindAll(item => Did(item, () => messages.Add(item.Message)));
        if (sent.Count == 0) return;
        try
        {
            var answers = Bus.Send(bus, channel, messages, CancellationToken.None);
            for (var i = 0; i < sent.Count; i++)
            {
                if (answers[i].IsStored) sent[i].Done(answers[i]);
                else Fail(sent[i], Errors.Of(answers[i].Status, "publishing to", $"'{channel}'", answers[i].RetryAfter));
            }
        }
        catch (AgentMQException e) when (sent.Count > 1 && e.Status is Status.Invalid or Status.TooLarge)
        {
            // One of them is wrong, and nothing was stored: the others are not to suffer.
            foreach (var item in sent) Publish(channel, [item]);
        }
        catch (Exception e)
        {
            foreach (var item in sent) Fail(item, e);
        }
    }

    private void Acknowledge(List<Acknowledging> items)
    {
        if (items.Count == 0) return;
        const int untouched = -1;
        var results = new int[items.Count];
        Array.Fill(results, untouched);
        Exception? failure = null;
        try
        {
            using var receipts = new TextList();
            foreach (var item in items) receipts.Add(item.Message.ReceiptBytes);
            Bus.Acknowledge(bus, receipts, results);
        }
        catch (Exception e)
        {
            failure = e;
        }
        for (var i = 0; i < items.Count; i++)
        {
            var status = (Status)results[i];
            if (status == Status.Ok) items[i].Done(true);
            else if (results[i] != untouched) Fail(items[i], Errors.Of(status, "acknowledging", items[i].Message.Id));
            else Fail(items[i], failure ?? Errors.Of(Status.Internal, "acknowledging", items[i].Message.Id));
        }
    }

    private bool Did(Item item, Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception e)
        {
            Fail(item, e);
            return false;
        }
    }

    private void Fail(Item item, Exception failure)
    {
        _lastFailure = failure;
        Interlocked.Increment(ref _failed);
        item.Fail(failure);
    }
}

using System.Runtime.InteropServices;

namespace AgentMQ;

// Waits for all descriptors that somebody awaits, on one thread of the process, so that a wait costs no thread.
internal static partial class Poller
{
    private const short PollIn = 1;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;

    private static readonly Lock Guard = new();
    private static readonly List<Waiter> Waiters = [];
    private static int _wake = -1;

    internal static unsafe bool IsReadable(int fd)
    {
        var one = new PollFd { Fd = fd, Events = PollIn };
        return poll(&one, 1, 0) > 0;
    }

    // False: not within the timeout. The descriptor must stay open until this has ended.
    internal static async Task<bool> Readable(int fd, TimeSpan timeout, CancellationToken cancellation)
    {
        var waiter = new Waiter(fd);
        lock (Guard)
        {
            if (_wake < 0) Start();
            Waiters.Add(waiter);
        }
        Wake();
        try
        {
            await waiter.Task.WaitAsync(timeout, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
        finally
        {
            lock (Guard) Waiters.Remove(waiter);
        }
    }

    private static void Start()
    {
        _wake = eventfd(0, CloseOnExec | NonBlocking);
        if (_wake < 0) throw new AgentMQException(Status.NoMemory, "no more file descriptors");
        new Thread(Run) { IsBackground = true, Name = "AgentMQ poller" }.Start();
    }

    private static unsafe void Wake()
    {
        var one = 1L;
        _ = write(_wake, &one, sizeof(long));
    }

    private static unsafe void Run()
    {
        var waiting = new List<Waiter>();
        var fds = new PollFd[64];
        for (;;)
        {
            lock (Guard) waiting.AddRange(Waiters);
            if (fds.Length <= waiting.Count) fds = new PollFd[2 * waiting.Count];
            fds[0] = new PollFd { Fd = _wake, Events = PollIn };
            for (var i = 0; i < waiting.Count; i++) fds[i + 1] = new PollFd { Fd = waiting[i].Fd, Events = PollIn };
            fixed (PollFd* first = fds) _ = poll(first, (nuint)waiting.Count + 1, -1);
            if (fds[0].Found != 0)
            {
                long count;
                _ = read(_wake, &count, sizeof(long));
            }
            for (var i = 0; i < waiting.Count; i++)
            {
                if (fds[i + 1].Found == 0) continue;
                lock (Guard) Waiters.Remove(waiting[i]);
                waiting[i].TrySetResult();
            }
            waiting.Clear();
        }
    }

    private sealed class Waiter(int fd) : TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)
    {
        internal int Fd => fd;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollFd
    {
        internal int Fd;
        internal short Events;
        internal short Found;
    }

    [LibraryImport("libc")]
    private static unsafe partial int poll(PollFd* fds, nuint count, int timeout);

    [LibraryImport("libc")]
    private static partial int eventfd(uint value, int flags);

    [LibraryImport("libc")]
    private static unsafe partial nint read(int fd, void* bytes, nuint size);

    [LibraryImport("libc")]
    private static unsafe partial nint write(int fd, void* bytes, nuint size);
}

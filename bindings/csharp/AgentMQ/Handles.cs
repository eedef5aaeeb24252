using System.Runtime.InteropServices;
using AgentMQ.Interop;

namespace AgentMQ;

// The marshaller holds a handle during each call that takes it, so that the last call that leaves a disposed one frees
// it. A handle of zero is the NULL of an optional argument.
internal abstract class Handle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;
}

internal sealed class BusHandle : Handle
{
    // Without a check: nobody could catch what it throws.
    protected override bool ReleaseHandle() => NativePINVOKE.agentmq_close(handle) == 0;
}

internal sealed class SubscriptionHandle : Handle
{
    protected override bool ReleaseHandle()
    {
        Native.mq_subscription_free(handle);
        return true;
    }
}

internal sealed class ConfigHandle : Handle
{
    internal static readonly ConfigHandle None = new();

    // Null: none. What the library refuses throws, with the nearest known name in its text.
    internal static ConfigHandle Of(IEnumerable<KeyValuePair<string, string>>? settings)
    {
        if (settings == null) return None;
        using var texts = new TextList();
        foreach (var (name, value) in settings)
        {
            texts.Add(name, "the name of a setting");
            texts.Add(value, $"the setting '{name}'");
        }
        Native.mqs_config_of(texts.Bytes, (nuint)texts.Length, out var config);
        return config;
    }

    // Has nothing to end where it is none.
    internal void End()
    {
        if (this != None) Dispose();
    }

    protected override bool ReleaseHandle()
    {
        Native.mq_config_free(handle);
        return true;
    }
}

internal sealed class CancelHandle : Handle
{
    internal static readonly CancelHandle None = new();

    protected override bool ReleaseHandle()
    {
        Native.mq_cancel_free(handle);
        return true;
    }
}

// Ends one native wait when a CancellationToken is cancelled. Disposing waits for a callback that runs, so that the
// native token is not freed below it.
internal readonly struct Wait : IDisposable
{
    private readonly CancellationTokenRegistration _registration;

    internal Wait(CancellationToken cancellation)
    {
        Cancel = CancelHandle.None;
        cancellation.ThrowIfCancellationRequested();
        if (!cancellation.CanBeCanceled) return;
        Cancel = Native.mq_cancel_new();
        if (Cancel.IsInvalid) throw Errors.Of(Status.NoMemory);
        _registration = cancellation.UnsafeRegister(static token => Native.mq_cancel_fire((CancelHandle)token!), Cancel);
    }

    internal CancelHandle Cancel { get; }

    public void Dispose()
    {
        _registration.Dispose();
        if (Cancel != CancelHandle.None) Cancel.Dispose();
    }
}

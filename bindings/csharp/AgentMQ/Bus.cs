using AgentMQ.Interop;

namespace AgentMQ;

/// <summary>An open bus: one backend, one key prefix, one namespace. Thread-safe.
/// <para>Calls without <c>Async</c> in their name talk to the server on the caller's thread.
/// <see cref="PublishAsync"/> and <see cref="AckAsync"/> are gathered and sent by one thread of the bus, many in a round
/// trip.</para>
/// <para>Disposing ends it: waiting calls and later ones throw <see cref="ObjectDisposedException"/>, on any thread.
/// Twice is fine. Subscriptions may be disposed before or after.</para>
/// <para>Settings and filters are names with values as text, like
/// <c>new Dictionary&lt;string, string&gt; { ["prefetch"] = "8", ["visibility_timeout"] = "30s" }</c>;
/// <see cref="SettingsJson"/> lists them.</para></summary>
public sealed partial class Bus : IDisposable, IAsyncDisposable
{
    /// <summary>The channel of direct inboxes: what <see cref="SendTo"/> publishes on.</summary>
    public const string Direct = "";

    private readonly BusHandle _handle;
    private readonly Outbox _outbox;
    private readonly TimeSpan _closeTimeout;

    private Bus(BusHandle handle, int asyncMax, TimeSpan closeTimeout)
    {
        _handle = handle;
        _outbox = new Outbox(handle, asyncMax);
        _closeTimeout = closeTimeout;
    }

    // The net for a bus that was dropped: its thread ends, and then nothing holds the handle.
    /// <summary>Ends what was dropped without being disposed, sooner or later.</summary>
    ~Bus() => _outbox?.Complete();

    /// <summary>The version of the native library, like "1.2.3".</summary>
    public static string Version => Text.Of(Native.mq_version());

    /// <summary>The table of settings: a JSON array of {name, kind, type, default, min, max, help}.</summary>
    public static string SettingsJson
    {
        get
        {
            Native.mq_settings(out var json);
            return Text.Take(json);
        }
    }

    internal BusHandle Live
    {
        get
        {
            ObjectDisposedException.ThrowIf(_handle.IsClosed, this);
            return _handle;
        }
    }

    internal Outbox Outbox => _outbox;

    /// <summary>Opens a bus. Waits for the server at most <c>open_timeout</c>; 0 connects later.</summary>
    /// <param name="url"><c>memory://name</c>, <c>redis://[user:password@]host[:port][/db]</c>, <c>rediss://...</c>
    /// over TLS, <c>redis+unix:///path[?db=n]</c>,
    /// <c>redis-sentinel://[user:password@]sentinel[:port],.../master[/db]</c>,
    /// <c>redis-cluster://host:port,host:port...</c>; settings may stand in the query. Null: <c>$AGENTMQ_URL</c>, else
    /// <c>redis://localhost:6379/0</c>.</param>
    /// <param name="settings">Settings of a bus, and defaults of its channels and subscriptions; null: none.</param>
    /// <returns>The caller's, to be disposed.</returns>
    /// <exception cref="AgentMQException">With <see cref="Status.Invalid"/> for a wrong URL or setting, and
    /// <see cref="Status.Auth"/>, <see cref="Status.Tls"/>, <see cref="Status.Unsupported"/>.</exception>
    /// <exception cref="BusUnavailableException">The server can't be reached.</exception>
    public static Bus Open(string? url = null, IEnumerable<KeyValuePair<string, string>>? settings = null) =>
        Made(url, settings, config =>
        {
            Native.agentmq_open(url, config, out var handle);
            return handle;
        });

    /// <summary>Opens a bus on a Redis Cluster or Valkey Cluster. The same as <see cref="Open"/> with
    /// <c>redis-cluster://</c> and the nodes.</summary>
    /// <param name="nodes">Some of its nodes, each <c>host:port</c> or <c>[::1]:port</c>; one that answers tells of
    /// all.</param>
    /// <param name="settings">Settings of a bus, and defaults of its channels and subscriptions; null: none.</param>
    /// <returns>The caller's, to be disposed.</returns>
    /// <exception cref="AgentMQException">As of <see cref="Open"/>.</exception>
    public static Bus OpenCluster(
        IEnumerable<string> nodes, IEnumerable<KeyValuePair<string, string>>? settings = null)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        using var texts = new TextList();
        foreach (var node in nodes) texts.Add(node, "a node");
        return Made("", settings, config =>
        {
            Native.mqs_open_cluster(texts.Bytes, (nuint)texts.Length, config, out var handle);
            return handle;
        });
    }

    // The URL's settings are those that the face goes by too; an empty one has none.
    private static Bus Made(string? url, IEnumerable<KeyValuePair<string, string>>? settings,
        Func<ConfigHandle, BusHandle> open)
    {
        var config = ConfigHandle.Of(settings);
        try
        {
            return new Bus(open(config), (int)Native.mqs_bus_setting(url, config, "async_max"),
                Time.Span(Native.mqs_bus_setting(url, config, "close_timeout")));
        }
        finally
        {
            config.End();
        }
    }

    /// <summary>Sets a channel's own limits. They are kept on the server and hold for every process; others notice within
    /// 10 s. What is not set returns to the defaults of each bus.</summary>
    /// <param name="channel">The channel; <see cref="Direct"/>: the direct inboxes.</param>
    /// <param name="settings">Settings of kind "channel".</param>
    /// <exception cref="AgentMQException">A wrong setting, or the server can't be reached.</exception>
    public void Configure(string channel, IEnumerable<KeyValuePair<string, string>> settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        With(settings, config => Native.mq_configure(Live, channel, config));
    }

    /// <summary>Reads what is published on a channel for an agent: what is targeted at it, and the channel's broadcasts.
    /// An agent <c>type:instance</c> also competes for what is targeted at <c>type</c>.</summary>
    /// <param name="channel">The channel; <see cref="Direct"/>: the agent's direct inbox.</param>
    /// <param name="agent">Who reads.</param>
    /// <param name="settings">Settings of kind "subscription".</param>
    /// <returns>The caller's, to be disposed.</returns>
    /// <exception cref="AgentMQException">A wrong argument or setting, or the server can't be reached.</exception>
    public Subscription Subscribe(string channel, string agent, IEnumerable<KeyValuePair<string, string>>? settings = null)
    {
        SubscriptionHandle? handle = null;
        With(settings, config => Native.mq_subscribe(Live, channel, agent, config, out handle));
        return new Subscription(this, handle!, agent);
    }

    /// <summary>Hears what is published with <see cref="Mode.PubSub"/> or <see cref="Mode.Both"/>, from now on, on the
    /// channels that fit a pattern. Nothing is kept for a listener that is not there. There is nothing to settle: that fails,
    /// and what a handler answers changes nothing. It has one pattern, channels can't be added or removed.</summary>
    /// <param name="pattern">Of channels: <c>*</c> is any run of characters, <c>?</c> any one, <c>[abc]</c> and
    /// <c>[a-z]</c> one of these, <c>[^a-z]</c> one that is not, a backslash takes the next one as it is.</param>
    /// <param name="settings">Settings of kind "subscription": <c>listen_buffer</c> and <c>listen_buffer_bytes</c> say how
    /// much waits to be fetched until the oldest make room; see <see cref="Subscription.Lost"/>.</param>
    /// <returns>The caller's, to be disposed.</returns>
    /// <exception cref="AgentMQException">A wrong argument or setting, or the server can't be reached.</exception>
    public Subscription Listen(string pattern, IEnumerable<KeyValuePair<string, string>>? settings = null)
    {
        SubscriptionHandle? handle = null;
        With(settings, config => Native.mq_listen(Live, pattern, config, out handle));
        return new Subscription(this, handle!, "");
    }

    /// <summary>Ends every waiting call of this bus and its subscriptions with <see cref="ObjectDisposedException"/>, now
    /// and later. It is still to be disposed.</summary>
    public void Shutdown() => Native.mq_shutdown(Live);

    /// <summary>Ends the bus: sends what <see cref="PublishAsync"/> and <see cref="AckAsync"/> still have, then wakes all
    /// who wait.</summary>
    /// <param name="timeout">How long to wait for that; what was not sent then fails with
    /// <see cref="ObjectDisposedException"/>.</param>
    /// <returns>Whether all was sent in time.</returns>
    public bool Close(TimeSpan timeout)
    {
        var sent = _outbox.End(timeout).GetAwaiter().GetResult();
        Release();
        return sent;
    }

    /// <inheritdoc cref="Close"/>
    public async Task<bool> CloseAsync(TimeSpan timeout)
    {
        var sent = await _outbox.End(timeout).ConfigureAwait(false);
        Release();
        return sent;
    }

    /// <summary>As <see cref="Close"/>, with the setting <c>close_timeout</c>.</summary>
    public void Dispose() => Close(_closeTimeout);

    /// <summary>As <see cref="CloseAsync"/>, with the setting <c>close_timeout</c>.</summary>
    public async ValueTask DisposeAsync() => await CloseAsync(_closeTimeout).ConfigureAwait(false);

    private static void With(IEnumerable<KeyValuePair<string, string>>? settings, Action<ConfigHandle> call)
    {
        var config = ConfigHandle.Of(settings);
        try
        {
            call(config);
        }
        finally
        {
            config.End();
        }
    }

    // The last call that leaves frees the handle: here, where none is inside.
    private void Release()
    {
        GC.SuppressFinalize(this);
        try
        {
            Native.mq_shutdown(_handle);
        }
        catch (ObjectDisposedException)
        {
            return;
        }
        _handle.Dispose();
    }
}

using System.Diagnostics;
using System.Net.Sockets;

namespace AgentMQ.Tests;

// A redis-server of one's own, on a unix socket in a directory that goes with it.
public sealed class RedisServer : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("agentmq-").FullName;
    private readonly bool _appendOnly;
    private Process? _process;

    public RedisServer() : this(appendOnly: false)
    {
    }

    internal RedisServer(bool appendOnly)
    {
        _appendOnly = appendOnly;
        Start();
    }

    // The one that most tests share, each in a namespace of its own. It ends with the process of the tests.
    internal static RedisServer Shared => OnlyOne.Value;

    internal string Url => $"redis+unix://{Socket}";

    private string Socket => Path.Combine(_directory, "redis.sock");

    private static Lazy<RedisServer> OnlyOne { get; } = new(() =>
    {
        var server = new RedisServer();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => server.Dispose();
        return server;
    });

    internal void Restart()
    {
        Stop();
        Start();
    }

    public void Dispose()
    {
        Stop();
        Directory.Delete(_directory, recursive: true);
    }

    private void Start()
    {
        var start = new ProcessStartInfo("redis-server")
        {
            ArgumentList =
            {
                "--port", "0", "--unixsocket", Socket, "--dir", _directory, "--save", "", "--logfile", "log",
                "--appendonly", _appendOnly ? "yes" : "no", "--pidfile", Path.Combine(_directory, "redis.pid"),
            },
        };
        _process = Process.Start(start) ?? throw new InvalidOperationException("redis-server did not start");
        Eventually.Holds(Answers, "redis-server answers");
    }

    internal void Stop()
    {
        if (_process == null) return;
        using (var kill = Process.Start("kill", ["-TERM", $"{_process.Id}"])) kill.WaitForExit();
        if (!_process.WaitForExit(10_000)) _process.Kill();
        _process.Dispose();
        _process = null;
    }

    private bool Answers()
    {
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            socket.Connect(new UnixDomainSocketEndPoint(Socket));
            socket.Send("PING\r\n"u8);
            var answer = new byte[16];
            return socket.Receive(answer) > 0 && answer[0] == '+';
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

internal static class Eventually
{
    internal static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    // Looks until it holds, with a deadline.
    internal static void Holds(Func<bool> condition, string what)
    {
        for (var watch = Stopwatch.StartNew(); !condition(); Thread.Sleep(5))
        {
            Assert.True(watch.Elapsed < Patience, $"not in time: {what}");
        }
    }
}

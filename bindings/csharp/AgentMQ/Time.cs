namespace AgentMQ;

// Durations are milliseconds across the boundary and TimeSpan here; times are Unix milliseconds, 0: none.
internal static class Time
{
    // Rounded up, so that a wait is not cut to nothing; -1 for Timeout.InfiniteTimeSpan.
    internal static long Milliseconds(TimeSpan span)
    {
        if (span == Timeout.InfiniteTimeSpan) return -1;
        ArgumentOutOfRangeException.ThrowIfLessThan(span, TimeSpan.Zero);
        return span.Ticks / TimeSpan.TicksPerMillisecond + (span.Ticks % TimeSpan.TicksPerMillisecond == 0 ? 0 : 1);
    }

    internal static TimeSpan Span(long milliseconds) =>
        milliseconds < 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(milliseconds);

    internal static DateTimeOffset? Of(long milliseconds) =>
        milliseconds == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(milliseconds);
}

// Until when a call may wait.
internal readonly struct Deadline(TimeSpan timeout)
{
    private readonly long _at = timeout == Timeout.InfiniteTimeSpan
        ? long.MaxValue
        : Environment.TickCount64 + Math.Min(Time.Milliseconds(timeout), int.MaxValue);

    internal bool Expired => _at != long.MaxValue && Environment.TickCount64 >= _at;

    internal TimeSpan Remaining => _at == long.MaxValue
        ? Timeout.InfiniteTimeSpan
        : TimeSpan.FromMilliseconds(Math.Max(0, _at - Environment.TickCount64));
}

using System.Net.Sockets;

namespace AgentMQ.Tests;

public sealed class ClusterTest : BusTest
{
    private const int Queues = 50;

    [Fact]
    public void ABusIsOpenedByNodesOfACluster()
    {
        var named = Environment.GetEnvironmentVariable("AGENTMQ_TEST_CLUSTER");
        Assert.True(named != null, "bindings/tests/with_cluster.sh starts a cluster");
        var nodes = named.Split(',');
        Assert.Equal(3, nodes.Length);
        var settings = Settings(("namespace", "csharp"));
        var bus = Ends(Bus.OpenCluster(nodes[1..2], settings)); // one tells of all
        for (var i = 0; i < Queues; i++) bus.Publish($"c{i}", To("a", $"{i}"));
        Assert.All(nodes, node => Assert.True(KeysAt(node) > 0, $"there is nothing at {node}"));
        var other = Ends(Bus.OpenCluster(nodes, settings));
        for (var i = 0; i < Queues; i++)
        {
            var message = Next(Subscribe(other, $"c{i}", "a"));
            Assert.Equal($"{i}", message.PayloadText);
            other.Ack(message);
        }
        Assert.Equal(0, bus.Count());
    }

    [Fact]
    public void AClusterNeedsNodes()
    {
        var soon = Settings(("open_timeout", "1ms"));
        string[][] wrong = [[], [""], ["localhost:1?prefix=x"], ["a:1,b:2"], ["user@localhost:1"]];
        Assert.All(wrong, nodes =>
            Assert.Equal(Status.Invalid, Assert.Throws<AgentMQException>(() => Bus.OpenCluster(nodes, soon)).Status));
        Assert.Throws<ArgumentException>(() => Bus.OpenCluster(["a\0:1"], soon));
        Assert.Throws<BusUnavailableException>(() => Bus.OpenCluster(["127.0.0.1:1"], soon));
    }

    private static int KeysAt(string node)
    {
        var parts = node.Split(':');
        using var client = new TcpClient(parts[0], int.Parse(parts[1]));
        client.GetStream().Write("DBSIZE\r\n"u8);
        using var reader = new StreamReader(client.GetStream());
        return int.Parse(reader.ReadLine()![1..]);
    }
}

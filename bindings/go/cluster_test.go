package agentmq_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	agentmq "agentmq.dev/go"
)

// keysAt is how many keys a node has.
func keysAt(t *testing.T, node string) int {
	t.Helper()
	connection, err := net.Dial("tcp", node)
	must(t, err)
	defer connection.Close()
	_, err = connection.Write([]byte("DBSIZE\r\n"))
	must(t, err)
	var keys int
	_, err = fmt.Fscanf(connection, ":%d\r\n", &keys)
	must(t, err)
	return keys
}

func TestABusOnACluster(t *testing.T) {
	nodes := strings.Split(os.Getenv("AGENTMQ_TEST_CLUSTER"), ",")
	if len(nodes) != 3 {
		t.Fatal("AGENTMQ_TEST_CLUSTER names no cluster: bindings/tests/with_cluster.sh starts one")
	}
	const queues = 50
	bus, err := agentmq.OpenCluster(within(t), nodes[1:2], agentmq.Settings{"namespace": "go"}) // one tells of all
	must(t, err)
	t.Cleanup(func() { _ = bus.Close() })
	for i := 0; i < queues; i++ {
		put(t, bus, fmt.Sprint("c", i), "a", fmt.Sprint(i))
	}
	for _, node := range nodes {
		if keysAt(t, node) == 0 {
			t.Fatalf("there is nothing at %s", node)
		}
	}
	other, err := agentmq.OpenCluster(within(t), nodes, agentmq.Settings{"namespace": "go"})
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	for i := 0; i < queues; i++ {
		m := next(t, subscribe(t, other, fmt.Sprint("c", i), "a", nil))
		equal(t, string(m.Payload), fmt.Sprint(i))
		must(t, other.Ack(m))
	}
	count, err := bus.Count(nil)
	must(t, err)
	equal(t, count, 0)
}

func TestAClusterNeedsNodes(t *testing.T) {
	for _, nodes := range [][]string{nil, {""}, {"localhost:1?prefix=x"}, {"a:1,b:2"}, {"user@localhost:1"}, {"a\x00:1"}} {
		_, err := agentmq.OpenCluster(within(t), nodes, agentmq.Settings{"open_timeout": "1ms"})
		is(t, err, agentmq.ErrInvalid)
	}
	_, err := agentmq.OpenCluster(within(t), []string{"127.0.0.1:1"}, agentmq.Settings{"open_timeout": "1ms"})
	is(t, err, agentmq.ErrUnavailable)
}

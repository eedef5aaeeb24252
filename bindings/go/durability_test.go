package agentmq_test

import (
	"errors"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

func TestAMessageSaysWhatItsPublishWaitsFor(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"durability_timeout": "10ms", "min_replicas": "1"})
		publish := func(replicas int, fsync agentmq.Fsync, partial string) {
			t.Helper()
			m := &agentmq.Message{Target: "a", MinReplicas: replicas, Fsync: fsync}
			err := bus.Publish(within(t), "c", m)
			if partial == "" {
				must(t, err)
			} else {
				is(t, err, agentmq.ErrPartial)
				contains(t, err.Error(), partial)
			}
			equal(t, m.Status, agentmq.StatusOf(err))
			equal(t, m.Replicas, 0)
			equal(t, m.Fsynced, false)
			found, err := bus.Get(m.ID) // it is stored, whatever was reached
			must(t, err)
			equal(t, found.ID, m.ID)
		}
		publish(0, agentmq.FsyncAsBus, "0 of 1 replicas")
		publish(2, agentmq.FsyncAsBus, "0 of 2 replicas")
		publish(agentmq.NoReplicas, agentmq.FsyncAsBus, "")
		publish(agentmq.NoReplicas, agentmq.FsyncOn, "disk")
		publish(agentmq.NoReplicas, agentmq.FsyncOff, "")

		batch := []*agentmq.Message{{Target: "a", MinReplicas: agentmq.NoReplicas}, {Target: "a", MinReplicas: 3}}
		is(t, bus.PublishBatch(within(t), "c", batch), agentmq.ErrPartial)
		equal(t, batch[0].Status, agentmq.StatusOK)
		equal(t, batch[1].Status, agentmq.StatusPartial)
		publication, err := bus.PublishAsync(within(t), "c", &agentmq.Message{Target: "a"})
		must(t, err)
		is(t, publication.Wait(within(t)), agentmq.ErrPartial)
		copies, err := bus.PublishMany(within(t), "c", batch[1], []string{"b"})
		is(t, err, agentmq.ErrPartial)
		for _, m := range append(copies, batch[0], batch[1], publication.Message()) {
			_, err := bus.Get(m.ID)
			must(t, err)
		}

		is(t, bus.Publish(within(t), "c", &agentmq.Message{MinReplicas: 101}), agentmq.ErrInvalid)
		is(t, bus.Publish(within(t), "c", &agentmq.Message{MinReplicas: -2}), agentmq.ErrInvalid)
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Fsync: 3}), agentmq.ErrInvalid)
	})
}

func TestTheFsyncOfABusHoldsUnlessAMessageSaysOtherwise(t *testing.T) {
	onEvery(t, func(t *testing.T, url string) {
		bus := open(t, url, agentmq.Settings{"durability_timeout": "10ms", "fsync": "true"})
		is(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a"}), agentmq.ErrPartial)
		must(t, bus.Publish(within(t), "c", &agentmq.Message{Target: "a", Fsync: agentmq.FsyncOff}))
	})
}

func TestWhatAReplicaHasIsTold(t *testing.T) {
	port := reservePort(t)
	master, err := startServer("--port", port, "--repl-diskless-sync-delay", "0")
	must(t, err)
	t.Cleanup(master.end)
	replica, err := startServer("--replicaof", "127.0.0.1", port)
	must(t, err)
	t.Cleanup(replica.end)
	bus := open(t, master.url(), agentmq.Settings{"durability_timeout": "2s"})
	m := &agentmq.Message{Target: "a", MinReplicas: 1}
	eventually(t, "the replica follows", func() bool { return bus.Publish(within(t), "c", m) == nil })
	equal(t, m.Replicas, 1)
	equal(t, m.Fsynced, false)
	m.MinReplicas = 2
	is(t, bus.Publish(within(t), "c", m), agentmq.ErrPartial)
	equal(t, m.Replicas, 1)
}

func TestAnOpenCircuitBreakerSaysWhenToComeBack(t *testing.T) {
	s, err := startServer()
	must(t, err)
	t.Cleanup(s.end)
	bus := open(t, s.url(), agentmq.Settings{
		"breaker_failures": "2", "breaker_reset": "60s", "reconnect_base": "1ms", "reconnect_max": "5ms",
	})
	put(t, bus, "c", "a", "x")
	s.stop()
	var failed *agentmq.Error
	eventually(t, "the breaker opens", func() bool {
		err := bus.Publish(within(t), "c", &agentmq.Message{Target: "a"})
		return errors.As(err, &failed) && failed.RetryAfter > 0
	})
	is(t, failed, agentmq.ErrUnavailable)
	equal(t, failed.RetryAfter <= time.Minute, true)
	if !errors.As(bus.Configure("c", agentmq.Settings{"nonsense": "1"}), &failed) {
		t.Fatal("that is no setting")
	}
	is(t, failed, agentmq.ErrInvalid)
	equal(t, failed.RetryAfter, 0)
}

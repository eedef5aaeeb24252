package agentmq_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	agentmq "agentmq.dev/go"
)

// How long a test waits for what must come.
const patience = 20 * time.Second

// server is a Redis of the tests' own, on a socket in a folder of its own.
type server struct {
	folder  string
	options []string
	process *exec.Cmd
}

func startServer(options ...string) (*server, error) {
	folder, err := os.MkdirTemp("", "agentmq-go-")
	if err != nil {
		return nil, err
	}
	s := &server{folder: folder, options: options}
	return s, s.start()
}

func (s *server) socket() string { return filepath.Join(s.folder, "redis.sock") }

func (s *server) url() string { return "redis+unix://" + s.socket() }

func (s *server) start() error {
	arguments := []string{"--port", "0", "--unixsocket", s.socket(), "--dir", s.folder, "--save", ""}
	s.process = exec.Command("redis-server", append(arguments, s.options...)...)
	if err := s.process.Start(); err != nil {
		return err
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		connection, err := net.Dial("unix", s.socket())
		if err != nil {
			continue
		}
		_, _ = connection.Write([]byte("PING\r\n"))
		answer := make([]byte, 5)
		_, err = connection.Read(answer)
		_ = connection.Close()
		if err == nil && string(answer) == "+PONG" {
			return nil
		}
	}
	return errors.New("the server did not start")
}

func (s *server) stop() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}

func (s *server) end() {
	s.stop()
	_ = os.RemoveAll(s.folder)
}

// reservePort returns a loopback port that is given to nobody else until the test ends: the socket that stays bound to
// it never listens, which leaves it to a server that sets SO_REUSEADDR, as Redis does.
func reservePort(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = syscall.Close(fd) })
	must(t, syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1))
	must(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	address, err := syscall.Getsockname(fd)
	must(t, err)
	return strconv.Itoa(address.(*syscall.SockaddrInet4).Port)
}

var redis *server

func TestMain(m *testing.M) {
	var err error
	if redis, err = startServer(); err != nil {
		fmt.Fprintln(os.Stderr, "redis-server:", err)
		os.Exit(1)
	}
	code := m.Run()
	redis.end()
	os.Exit(code)
}

var places atomic.Int64

// onEvery runs a test on each store, in a place of its own.
func onEvery(t *testing.T, test func(t *testing.T, url string)) {
	place := fmt.Sprintf("t%d", places.Add(1))
	t.Run("memory", func(t *testing.T) { test(t, "memory://"+place) })
	t.Run("redis", func(t *testing.T) { test(t, redis.url()+"?namespace="+place) })
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func open(t *testing.T, url string, settings agentmq.Settings) *agentmq.Bus {
	t.Helper()
	bus, err := agentmq.Open(within(t), url, settings)
	must(t, err)
	t.Cleanup(func() { _ = bus.Close() })
	return bus
}

func subscribe(t *testing.T, bus *agentmq.Bus, channel, agent string, settings agentmq.Settings) *agentmq.Subscription {
	t.Helper()
	s, err := bus.Subscribe(channel, agent, settings)
	must(t, err)
	t.Cleanup(func() { _ = s.Unsubscribe() })
	return s
}

// put publishes a text to an agent.
func put(t *testing.T, bus *agentmq.Bus, channel, target, text string) *agentmq.Message {
	t.Helper()
	m := &agentmq.Message{Target: target, Payload: []byte(text)}
	must(t, bus.Publish(within(t), channel, m))
	return m
}

func next(t *testing.T, s *agentmq.Subscription) *agentmq.Message {
	t.Helper()
	m, err := s.Fetch(within(t))
	must(t, err)
	return m
}

// empty tells that nothing is there.
func empty(t *testing.T, s *agentmq.Subscription) {
	t.Helper()
	messages, err := s.TryFetchBatch(10)
	must(t, err)
	if len(messages) != 0 {
		t.Fatalf("got %q, want nothing", messages[0].Payload)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func contains(t *testing.T, text, part string) {
	t.Helper()
	if !strings.Contains(text, part) {
		t.Fatalf("%.200q does not contain %.200q", text, part)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("in vain: " + what)
}

#!/usr/bin/env bash
# Tests the Go binding against a build tree: test.sh SOURCE BUILD. Its last line is "N passed, M failed".
set -euo pipefail

source=$(realpath "$1")
build=$(realpath "$2")
out=$build/bindings/go
PATH=$PATH:$source/build/deps/bin

"$source/bindings/go/build.sh" "$source" "$build"
# shellcheck source=bindings/go/environment.sh
. "$source/bindings/go/environment.sh"
cd "$source/bindings/go"

passed=0
failed=0
folder=$(mktemp -d)
server=
end() {
  if [[ -n $server ]]; then
    kill "$server" || true
    wait "$server" || true
  fi
  rm -rf "$folder"
}
trap end EXIT

# check NAME COMMAND...: passes where the command does, and says nothing then.
check() {
  local name=$1
  shift
  if "$@" >"$folder/log" 2>&1; then
    passed=$((passed + 1))
    echo "ok: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
    cat "$folder/log"
  fi
}

# tests NAME COMMAND...: adds up what "go test -v" answers.
tests() {
  local name=$1 code=0
  shift
  "$@" >"$folder/log" 2>&1 || code=$?
  local good bad
  good=$(grep -c -- '--- PASS:' "$folder/log" || true)
  bad=$(grep -c -- '--- FAIL:' "$folder/log" || true)
  if [[ $code != 0 && $bad == 0 ]]; then bad=1; fi # it did not build, or died
  passed=$((passed + good))
  failed=$((failed + bad))
  echo "$name: $good passed, $bad failed"
  if [[ $code != 0 ]]; then cat "$folder/log"; fi
}

formatted() { [[ -z $(gofmt -l . | tee /dev/stderr) ]]; }

# What is checked in is what SWIG makes; another version of it makes something else.
current() {
  mkdir "$folder/native"
  internal/native/generate.sh "$folder/native"
  local file
  for file in native.go native_wrap.cxx shim.hpp; do diff -u "internal/native/$file" "$folder/native/$file"; done
}
version() { sed -n 's/.*[Vv]ersion \([0-9.]*\).*/\1/p' | head -1; }

# Nothing of the shared library is asked for by a program that was linked with the archive.
static() {
  nice go build -p 2 -tags agentmq_static -o "$folder/peer" ./cmd/peer
  if ldd "$folder/peer" | grep agentmq; then return 1; fi
}

# snippet NUMBER: that piece of Go in the README.
snippet() { awk -v wanted="$1" '/^```/ { inside = 0 } inside; /^```go$/ { inside = ++n == wanted }' README.md; }

# What the README shows compiles: a program, and two pieces of one, of which the one that asks is run.
readme() {
  mkdir "$folder/worker" "$folder/asking" "$folder/errors"
  snippet 1 >"$folder/worker/main.go"
  cat >"$folder/asking/main.go" <<GO
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	agentmq "agentmq.dev/go"
)

func main() {
	ctx := context.Background()
	bus, err := agentmq.Open(ctx, "memory://asking", nil)
	if err == nil {
		err = ask(ctx, bus)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func ask(ctx context.Context, bus *agentmq.Bus) error {
$(snippet 2)
	return nil
}
GO
  cat >"$folder/errors/main.go" <<GO
package main

import (
	"context"
	"errors"

	agentmq "agentmq.dev/go"
)

func main() { publish(context.Background(), nil, nil) }

func publish(ctx context.Context, bus *agentmq.Bus, m *agentmq.Message) {
$(snippet 3)
}
GO
  [[ -z $(snippet 4) ]]
  local program
  for program in worker asking errors; do nice go vet "$folder/$program/main.go"; done
  [[ $(nice go run "$folder/asking/main.go" | tee /dev/stderr) == HELLO ]]
}

bench() { [[ $(nice "$out/bench" "$1" 500 | grep -c "ns per message") == 4 ]]; }
wordcount() { [[ $(nice "$out/wordcount" "$1" "$source/examples/data/sonnets.md" | tee /dev/stderr | head -c 6) == right: ]]; }
peer() { [[ $("$out/peer" publish "$1" 300) == 300 && $("$out/peer" work "$1" one) == 300 ]]; }

# How to have Go check every pointer that crosses: the older way ends with Go 1.20.
pointers=GOEXPERIMENT=cgocheck2
if [[ $(go env GOVERSION) =~ ^go1\.(1[0-9]|20)(\.|$) ]]; then pointers=GODEBUG=cgocheck=2; fi

check "gofmt" formatted
check "go vet" nice go vet -tags memory ./...
if command -v swig >/dev/null && [[ $(swig -version | version) == $(version <internal/native/native.go) ]]; then
  check "the generated files are current" current
else
  echo "skipped: the generated files are of SWIG $(version <internal/native/native.go), which is not installed"
fi
with_cluster=$source/bindings/tests/with_cluster.sh
tests "race detector" "$with_cluster" nice go test -p 2 -race -count=1 -timeout 170s -v .
check "the README" readme
check "static link" static
tests "static link, pointers checked" "$with_cluster" env "$pointers" nice go test -p 2 -tags agentmq_static -count=1 \
  -timeout 170s -v .
tests "memory" nice go test -tags memory -count=1 -timeout 170s -run 'MemoryStays' -v .

redis-server --port 0 --unixsocket "$folder/redis.sock" --dir "$folder" --save "" >/dev/null &
server=$!
for ((i = 0; i < 1000; i++)); do
  if [[ -S $folder/redis.sock ]]; then break; fi
  sleep 0.01
done
for url in memory://programs "redis+unix://$folder/redis.sock"; do
  check "wordcount on ${url%%:*}" wordcount "$url"
  check "bench on ${url%%:*}" bench "$url"
done
check "peer" peer "redis+unix://$folder/redis.sock"

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]

#!/usr/bin/env bash
# with_cluster.sh COMMAND...: runs the command while there is a Redis Cluster of three nodes, which AGENTMQ_TEST_CLUSTER
# names: host:port,host:port,host:port. Answers what the command answers.
set -euo pipefail

dir=$(mktemp -d)
pids=()
ports=()
stop() {
  for pid in "${pids[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}
trap stop EXIT

ask() { redis-cli -h 127.0.0.1 -p "$@"; }

# await WHAT COMMAND...: until the command succeeds.
await() {
  local what=$1
  shift
  for _ in {1..600}; do
    if "$@"; then return; fi
    sleep 0.05
  done
  echo "with_cluster: in vain: $what" >&2
  cat "$dir"/*/log >&2
  exit 1
}

# Below the ports that the system hands out by itself. Where one is taken the server ends, and others are tried.
start_node() {
  local folder=$dir/$1 port pid
  mkdir "$folder"
  while true; do
    port=$((10000 + RANDOM % 20000))
    redis-server --port "$port" --bind 127.0.0.1 --cluster-enabled yes --cluster-port $((port + 1)) --dir "$folder" \
      --cluster-config-file nodes.conf --save "" --logfile log &
    pid=$!
    await "node $1 answers" answers_or_ended "$port" "$pid"
    if kill -0 "$pid" 2>/dev/null && [[ $(process_at "$port") == "$pid" ]]; then break; fi
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    rm -f "$folder/nodes.conf"
  done
  pids+=("$pid")
  ports+=("$port")
}
process_at() { ask "$1" INFO server 2>/dev/null | sed -n 's/^process_id:\([0-9]*\).*/\1/p'; }
answers_or_ended() { [[ $(process_at "$1") ]] || ! kill -0 "$2" 2>/dev/null; }

knows() { ask "$1" CLUSTER INFO | grep -q "^$2"; }

for node in 0 1 2; do start_node "$node"; done
for node in 0 1 2; do
  ask "${ports[node]}" CLUSTER SET-CONFIG-EPOCH $((node + 1)) >/dev/null
  ask "${ports[node]}" CLUSTER ADDSLOTSRANGE $((16384 * node / 3)) $((16384 * (node + 1) / 3 - 1)) >/dev/null
done
for node in 1 2; do ask "${ports[0]}" CLUSTER MEET 127.0.0.1 "${ports[node]}" $((ports[node] + 1)) >/dev/null; done
for port in "${ports[@]}"; do
  await "$port knows the others" knows "$port" cluster_known_nodes:3
  await "$port serves all slots" knows "$port" cluster_slots_ok:16384
  await "$port is well" knows "$port" cluster_state:ok
done

export AGENTMQ_TEST_CLUSTER="127.0.0.1:${ports[0]},127.0.0.1:${ports[1]},127.0.0.1:${ports[2]}"
"$@"

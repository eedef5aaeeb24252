#!/usr/bin/env bash
# mixed.sh <source> <build>: a team of all languages on one Redis. The publisher is Go, workers are Java and C#, the
# collector is C; one worker is killed. Every message is accounted for, bytes and headers equal. Languages that are not
# built stand in for each other; with fewer than two there is nothing to show.
set -euo pipefail

source=$1
build=$2
messages=3000
PATH=$PATH:$source/build/deps/bin
dir=$(mktemp -d)
pids=()
stop() {
  for pid in "${pids[@]}"; do
    pkill -9 -P "$pid" 2>/dev/null || true # what a launcher started
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$dir"
}
trap stop EXIT

peers=()
for language in go java csharp; do
  [[ ! -x $build/bindings/$language/peer ]] || peers+=("$build/bindings/$language/peer")
done
if [[ ${#peers[@]} -lt 2 ]]; then
  echo "skipped: fewer than two languages are built"
  exit 77
fi
publisher=${peers[0]}
second=${peers[-1]}
first=${peers[-2]}

"${CC:-cc}" -O1 -Wall -Wextra -Werror -I"$source/include" -I"$build/include" "$source/bindings/tests/collector.c" \
  -o "$dir/collector" -L"$build" -lagentmq -Wl,-rpath,"$build"
redis-server --port 0 --unixsocket "$dir/redis.sock" --save "" --dir "$dir" >"$dir/redis.log" &
pids+=($!)
url=redis+unix://$dir/redis.sock
for _ in {1..100}; do
  [[ ! -S $dir/redis.sock ]] || break
  sleep 0.05
done

"$publisher" publish "$url" "$messages"
"$first" work "$url" victim >"$dir/victim.log" 2>&1 &
victim=$!
pids+=("$victim")
"$dir/collector" "$url" "$messages" >"$dir/collected" 2>"$dir/collector.log" &
collector=$!
pids+=("$collector")
# Killed in the middle of its work, when some of it has arrived.
for _ in {1..600}; do
  [[ $(wc -l <"$dir/collected") -lt 20 ]] || break
  sleep 0.05
done
pkill -9 -P "$victim" 2>/dev/null || true
kill -9 "$victim" 2>/dev/null || true
# A worker ends when nothing comes for a while; what the killed one had comes after that, so another one follows it.
keep_working() {
  while kill -0 "$collector" 2>/dev/null; do "$1" work "$url" "$2" >>"$dir/$2.log" 2>&1 || true; done
}
keep_working "$first" first &
pids+=($!)
keep_working "$second" second &
pids+=($!)
if ! wait "$collector"; then
  cat "$dir"/*.log
  exit 1
fi
cat "$dir/collector.log"
sort "$dir/collected" | uniq -c

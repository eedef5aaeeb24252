#!/usr/bin/env bash
# cost.sh <source> <build> [COUNT]: what a message costs in each language against C, on both stores, in one run: the best
# of three each. Languages that are not built are left out. Each program makes and publishes COUNT messages, and fetches,
# reads and acknowledges them, 31 times, so that some of those rounds are not disturbed; on Redis a quarter as many.
set -euo pipefail

source=$1
build=$2
count=${3:-5000}
PATH=$PATH:$source/build/deps/bin
dir=$(mktemp -d)
server=
stop() {
  [[ -z $server ]] || kill -9 "$server" 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT
"${CC:-cc}" -O2 -Wall -Wextra -Werror -I"$source/include" -I"$build/include" "$source/bindings/tests/cost.c" \
  -o "$dir/c" -L"$build" -lagentmq -Wl,-rpath,"$build"
redis-server --port 0 --unixsocket "$dir/redis.sock" --save "" --dir "$dir" >"$dir/redis.log" &
server=$!
for _ in {1..100}; do
  [[ ! -S $dir/redis.sock ]] || break
  sleep 0.05
done

# figures <url> <count> <program>...: its four figures, in ns, the best of three runs each.
figures() {
  local url=$1 count=$2
  shift 2
  for _ in 1 2 3; do
    "$@" "$url" "$count" | head -n 4 | sed -E 's/.*[^0-9]([0-9]+) ns.*/\1/' | tr '\n' ' '
    echo
  done | awk '{ for (i = 1; i <= 4; i++) if (NR == 1 || $i < best[i]) best[i] = $i }
              END { print best[1], best[2], best[3], best[4] }'
}

for url in memory://cost "redis+unix://$dir/redis.sock"; do
  [[ $url == memory:* ]] || count=$((count / 4))
  echo "== ${url%%:*}, ns per message"
  printf '%-8s %22s %22s %22s %22s\n' "" "publish, 1" "fetch+ack, 1" "publish, 100" "fetch+ack, 100"
  read -ra c <<<"$(figures "$url" "$count" "$dir/c")"
  printf '%-8s %22s %22s %22s %22s\n' c "${c[@]}"
  for language in go java csharp; do
    [[ -x $build/bindings/$language/bench ]] || continue
    read -ra own <<<"$(figures "$url" "$count" "$build/bindings/$language/bench")"
    printf '%-8s' "$language"
    for i in 0 1 2 3; do
      printf ' %22s' "$(awk -v o="${own[i]}" -v c="${c[i]}" 'BEGIN { printf "%d (%.2f x C)", o, c / o }')"
    done
    echo
  done
done

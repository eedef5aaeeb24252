#!/usr/bin/env bash
# What the code calls things is in the documents: log events, numbers, keys and fields on the server, threads.
# shellcheck disable=SC2016  # the backticks are those of Markdown
# shellcheck source-path=SCRIPTDIR source=../abi/common.sh
. "$(dirname "$0")/../abi/common.sh"
cd "$source"

# enough <least> <what> <list>: an extraction that finds little is broken itself.
enough() {
  local count
  count=$(grep -c . <<<"$3" || true)
  [[ $count -ge $1 ]] || fail "only $count $2 were found in the sources: is the search right?"
  echo "$count $2"
}

# missing <document> <pattern with NAME in it>: those of stdin that the document does not match.
missing() {
  local document=$1 pattern=$2 name
  while read -r name; do
    grep -qE -- "${pattern//NAME/$name}" "$document" || echo "$name"
  done
}

# Log events: the words in quotes before the details of each Write(...) and events(...).
code() { find src -name '*.cpp' -print0 | sort -z | xargs -0 cat | sed 's|//.*||' | tr '\n' ' '; }
events=$(code | grep -oE '(\bWrite|\bevents_?)\([^;{]*[{;]' | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u)
enough 15 "log events" "$events"
refuse "log events that docs/operations.md does not list" "$(missing docs/operations.md '^\| `NAME` \| ' <<<"$events")"
listed=$(awk '/^## / { inside = $0 == "## Log events" } inside' docs/operations.md |
  sed -nE 's/^\| `([a-z_]+)` \| .*/\1/p' | sort -u)
refuse "events in docs/operations.md that nothing tells" "$(comm -13 <(echo "$events") <(echo "$listed"))"

# The fields of mq_stats and mq_health.
fields=$(grep -ohE '\{"[a-z_]+",|Note\("[a-z_]+"|json\["[a-z_]+"\]|whole\{\{"[a-z_]+"|one\["[a-z_]+"\]' src/core/stats.cpp src/core/health.cpp |
  grep -oE '[a-z_]+"' | tr -d '"' | sort -u)
enough 30 "fields of numbers and health" "$fields"
refuse "fields that docs/operations.md does not explain" "$(missing docs/operations.md '`NAME`' <<<"$fields")"

# Keys: of queues and groups (keys.cpp, keys.hpp), of the namespace (whatever begins with Prefix()).
keys=$(sed -nE '/kNames = \{/,/\};/p' src/redis/keys.cpp | grep -oE '"[a-z][a-z:]*"' | tr -d '"' | sort -u)
keys+=$'\n'$(grep -ohE '((prefix|tag) \+ |control\.append\()"[a-z]+:"' src/redis/keys.[ch]pp | grep -oE '[a-z]+:"' | tr -d '"' | sort -u)
enough 18 "kinds of keys of queues and groups" "$keys"
refuse "keys that docs/wire-format.md does not list" \
  "$(missing docs/wire-format.md '^\| `T:(<group>:)?NAME[`<]' <<<"$keys")"
keys=$(grep -rhoE 'Prefix\(\) \+ "[a-z]+:"' src/redis | grep -oE '[a-z]+:"' | tr -d '"' | sort -u)
enough 3 "kinds of keys of a namespace" "$keys"
refuse "keys that docs/wire-format.md does not list" "$(missing docs/wire-format.md '^\| `P:NAME<' <<<"$keys")"

# Fields of T:meta: what scripts quote beside META, and everything quoted that ends in ':' or begins with 'c:'.
scripts=(src/redis/scripts/*.lua src/redis/scripts/lib/*.lua)
fields=$({
  grep -hE '\bMETA\b' "${scripts[@]}" | sed 's/--.*//' | grep -oE "'[a-z_]+'"
  grep -ohE "'[a-z]+:'|'c:[a-z_]+'" "${scripts[@]}"
} | tr -d "'" | sort -u | grep -vxE 'blob:')
enough 20 "fields of T:meta" "$fields"
refuse "fields of T:meta that docs/wire-format.md does not list" \
  "$(missing docs/wire-format.md '^\| .*`NAME[`<]' <<<"$fields")"

# Threads.
threads=$(grep -rhoE '"amq-[a-z]+"' --include='*.cpp' src | tr -d '"' | sort -u)
enough 4 "names of threads" "$threads"
refuse "threads that docs/architecture.md does not list" "$(missing docs/architecture.md '^\| `NAME` \| ' <<<"$threads")"
echo "the documents name what the code names"

#!/usr/bin/env bash
# docs/features.md claims nothing that is not there: each test that it names exists, each call, setting, field and file, and
# its figures are those that were kept.
# shellcheck disable=SC2016  # the backticks are those of Markdown
# shellcheck source-path=SCRIPTDIR source=../abi/common.sh
. "$(dirname "$0")/../abi/common.sh"
cd "$source"
document=docs/features.md
figures=tests/benchmark/figures.json

# tests <name of the set> <begin of the path> <end of the path> <sed script that prints the tests' names>
tests() {
  local file part
  for file in "$2"*"$3"; do
    part=${file#"$2"}
    sed -nE "$4" "$file" | sed "s|^|$1/${part%"$3"}:|"
  done
}

# What there is, one name a line.
{
  for folder in conformance integration unit; do
    tests "$folder" "tests/$folder/" _test.cpp 's/^TEST(_[FP])?\([A-Za-z]+, ([A-Za-z0-9]+)\).*/\2/p'
  done
  tests go bindings/go/ _test.go 's/^func (Test[A-Za-z0-9]+)\(.*/\1/p'
  tests java bindings/java/src/test/java/io/agentmq/ Test.java 's/^ *(public )?void ([A-Za-z0-9]+)\(.*/\2/p'
  tests csharp bindings/csharp/AgentMQ.Tests/ Test.cs 's/^ *public (void|async Task|Task) ([A-Za-z0-9]+)\(.*/\2/p'
  sed -nE 's/^ *\{"([a-z-]+)", ".*/chaos:\1/p' tests/chaos/faults.cpp
} | sort -u >"$scratch/tests"
{
  # Functions, enumerators, macros, types, schemes of URLs: declared, not only spoken of.
  sed -nE 's/^MQ_API .*\b((agent)?mq_[a-z_]+)\(.*/\1/p; s/^  (MQ_[A-Z_]+) = .*/\1/p; s/^#define (MQ_[A-Z_]+).*/\1/p
    s/^typedef (struct|enum) (mq_[a-z_]+) .*/\2/p' include/agentmq/agentmq.h
  grep -oE '\b[a-z-]+://' include/agentmq/agentmq.h
  grep -ohE '^\| `[^|]*\|' docs/settings.md docs/operations.md | grep -oE '`[a-z_]+`' | tr -d '`'
  # A setting with its default, or with one of the values of a choice.
  awk -F'|' '/^\| `/ {
    gsub(/[ `]/, "", $2)
    split($3 "," $4, values, ",")
    for (i in values) { gsub(/[ `]/, "", values[i]); print $2 "=" values[i] }
  }' docs/settings.md
  sed -nE 's/^ *"name": "(.*)",?$/\1/p' "$figures"
} | sort -u >"$scratch/names"
[[ $(wc -l <"$scratch/tests") -gt 500 && $(wc -l <"$scratch/names") -gt 300 ]] || fail "few tests and names were found: is the search right?"

declare -A known=()
while IFS= read -r name; do known[$name]=yes; done < <(cat "$scratch/tests" "$scratch/names")
# is_there <what stands in backticks>
is_there() { [[ -n ${known[$1]:-} || ($1 == */* && $1 != *://* && -e $1) ]]; }
# quoted <text>: what stands in backticks in it.
quoted() {
  local rest=$1
  while [[ $rest =~ \`([^\`]+)\`(.*) ]]; do
    printf '%s\n' "${BASH_REMATCH[1]}"
    rest=${BASH_REMATCH[2]}
  done
}

wrong=
unshown=0
rows=0
table=
while IFS= read -r line; do
  case $line in
    '| feature |'* | '| figure |'*) table=yes && continue ;;
    '|'*) ;;
    *) table= ;;
  esac
  [[ $line != '|---'* ]] || continue
  missing=
  if [[ -z $table ]]; then
    while read -r name; do
      is_there "$name" || missing+=" $name"
    done < <(quoted "$line")
    [[ -z $missing ]] || wrong+="there is no$missing: $line"$'\n'
    continue
  fi
  rows=$((rows + 1))
  IFS='|' read -r _ what call shown measured _ <<<"$line"
  if [[ $call == ' to come'* ]]; then
    while read -r name; do
      ! is_there "$name" || wrong+="has come: $name: $line"$'\n'
    done < <(quoted "${call%%;*}")
    continue
  fi
  while read -r name; do
    is_there "$name" || missing+=" $name"
  done < <(quoted "$call")
  while read -r name; do
    is_there "$name" || missing+=" $name"
  done < <(quoted "$what $shown $measured")
  [[ -z $missing ]] || wrong+="there is no$missing: $line"$'\n'
  [[ $shown != ' not shown'* ]] || unshown=$((unshown + 1))
  [[ $shown == *'`'* || $shown == ' not shown'* || $call == ' none'* || $call == " the application's"* ]] || wrong+="nothing shows it: $line"$'\n'
done <"$document"
refuse "docs/features.md says what is not so" "$wrong"
[[ $rows -gt 200 ]] || fail "only $rows rows were found: is the search right?"
echo "passed: $rows rows, $unshown that no test shows"

# Figures of the benchmark: 582 us (`latency p99, 100 B`).
stale=
compared=0
while read -r value unit name; do
  value=${value//,/}
  decimals=0
  [[ $value != *.* ]] || decimals=$(tr -d '\n' <<<"${value#*.}" | wc -c)
  kept=$(awk -v name="\"name\": \"$name\"," 'index($0, name) { inside = 1 }
    inside && /"unit"/ { gsub(/.*: "|",?$/, ""); unit = $0 }
    inside && /"agentmq"/ { gsub(/[^0-9.]/, ""); print $0, unit; exit }' "$figures")
  kept="$(printf "%.${decimals}f" "${kept%% *}") ${kept#* }"
  compared=$((compared + 1))
  [[ $kept == "$value $unit" ]] || stale+="$name: $value $unit, kept is $kept"$'\n'
done < <(grep -oE '[0-9][0-9,.]* [a-zA-Z/]+ \(`[^`]+`\)' "$document" | sed -E 's/ \(`(.*)`\)/ \1/')
refuse "figures that are not those of $figures" "$stale"
[[ $compared -gt 10 ]] || fail "only $compared figures were found: is the search right?"
echo "passed: $compared figures of the benchmark"

# Figures of the chaos run, from the table of its report.
faults() { grep -E '^\| [a-z-]+ +\| +[0-9]+ \|' docs/reliability.md | tr -d ' ' | sed 's/^|//'; }
# sum <pattern of faults> <"-v" for all others>: how many faults, their messages, the lost, those stored twice
sum() {
  faults | awk -F'|' -v pattern="$1" -v others="${2:-}" '($1 ~ pattern) == (others == "") {
    faults++; messages += $3; lost += $4; twice += $5
  } END { print faults, messages, lost, twice }'
}
# thousands: 53637 as 53,637
thousands() { sed -E ':more; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; t more'; }
# says <text>: the document has it
says() { grep -qF -- "$1" "$document" || fail "docs/features.md does not say '$1', as docs/reliability.md does"; }

read -r count messages lost twice < <(sum lossy -v)
says "$(thousands <<<"$messages") messages under $count faults, $lost lost, $twice stored twice"
says "$(thousands <<<"$messages") messages under $count faults, $lost lost |"
read -r _ messages lost _ < <(sum '^(cluster-)?failover$')
confirmed="$lost lost of $(thousands <<<"$messages")"
read -r _ messages lost _ < <(sum lossy)
says "$confirmed; without \`min_replicas\` $(thousands <<<"$lost") of $(thousands <<<"$messages") |"
says "$(faults | awk -F'|' '{ sub(/s$/, "", $10); if ($10 + 0 > most) most = $10 } END { print most }') s the longest of all faults"
echo "passed: the figures of docs/reliability.md"

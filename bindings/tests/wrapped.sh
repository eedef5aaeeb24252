#!/usr/bin/env bash
# wrapped.sh <source>: every public C function is wrapped, or left out with its reason, and has its row in
# docs/languages.md, with names that there are; what is wrapped is called by each language's face.
set -euo pipefail

cd "$1"
failed=0
say() {
  echo "$*"
  failed=1
}
functions=$(grep -oE '^MQ_API [^(]*\b(agent)?mq_[a-z_]+\(' include/agentmq/agentmq.h | grep -oE '(agent)?mq_[a-z_]+\($' | tr -d '(' | sort -u)
[[ $(wc -l <<<"$functions") -gt 80 ]] || say "few functions were found: is the search right?"
ignored=$(grep -oE '^%ignore mq_[a-z_]+' bindings/swig/left_out.i | sed 's/%ignore //' | sort -u)
stale=$(comm -13 <(echo "$functions") <(echo "$ignored"))
[[ -z $stale ]] || say "left out, and not in the header: $stale"
wrapped=$(comm -23 <(echo "$functions") <(echo "$ignored"))

while read -r function; do
  grep -q "^| \`$function\` |" docs/languages.md || say "docs/languages.md has no row for $function"
done <<<"$functions"

# What the flat calls of the shim stand for is reached by them; memory, settings and error texts are the typemaps' too.
# (mq_list_free() only where a list is given up.)
calls="$(grep -v mq_list_free <<<"$wrapped") $(grep -oE '\bmqs_[a-z_]+\(' bindings/swig/shim.hpp | tr -d '(' | sort -u)"
column=2 # of docs/languages.md, by the bars; the first is C
for language in go java csharp; do
  column=$((column + 1))
  code=$(find "bindings/$language" "bindings/swig/$language.i" \( -name '*.go' -o -name '*.java' -o -name '*.cs' -o -name '*.i' \
    -o -name '*.hpp' -o -name '*.h' \) -not -name '*_test.go' -not -name 'native.go' -not -name 'native_wrap.*' \
    -not -name 'shim.hpp' -not -path '*/test/*' -not -path '*.Tests/*' -print0 |
    xargs -0 cat)
  face=$(tr '[:upper:]' '[:lower:]' <<<"$code" | tr -d '_')
  for function in $calls; do
    grep -q "$(tr -d '_' <<<"$function")" <<<"$face" || say "bindings/$language never calls $function"
  done
  # shellcheck disable=SC2016  # the backticks are those of Markdown
  names=$(awk -F '|' -v column=$column '/^\| `(agentmq|mq)_/ { print $column }' docs/languages.md | grep -oE '`[^`]+`' |
    grep -oE '[A-Za-z]+' | sort -u)
  [[ $(wc -l <<<"$names") -gt 80 ]] || say "docs/languages.md has few names of $language: is the search right?"
  unknown=$(comm -23 <(echo "$names") <(grep -oE '[A-Za-z]+' <<<"$code" | sort -u))
  [[ -z $unknown ]] || say "docs/languages.md has names that bindings/$language does not: $unknown"
done
[[ $failed -eq 0 ]] && echo "$(wc -l <<<"$wrapped") wrapped, $(wc -l <<<"$ignored") left out with their reasons"
exit $failed

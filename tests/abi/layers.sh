#!/usr/bin/env bash
# The direction of includes in src/, and what may stand only in one place.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"
cd "$source"

# may_include <layer> <layer>...: its sources include no other layer than those named.
may_include() {
  local layer=$1 others
  shift
  [[ -d src/$layer ]] || return 0
  others=$(printf '%s\n' util core memory redis capi | grep -vxF "$(printf '%s\n' "$@")" | paste -sd'|' || true)
  [[ -n $others ]] || return 0
  refuse "src/$layer includes what it must not know" \
    "$(grep -rnE "^ *# *include +[\"<](src/)?($others)/" --include='*.[ch]pp' "src/$layer" || true)"
}

# only_in <folder pattern> <what> <grep pattern>: comments aside, it stands nowhere else in src/.
only_in() {
  refuse "$2 outside $1" \
    "$(grep -rnP "$3" --include='*.[ch]pp' src | grep -vE "^$1" | grep -vE '^[^:]*:[0-9]+: *(//|\*)' || true)"
}

may_include util util
may_include core util core
may_include memory util core memory
may_include redis util core redis
may_include capi util core memory redis capi

only_in 'src/redis/' "hiredis" '# *include +[<"]hiredis'
only_in 'src/(redis/tls|util/crypto)\.' "OpenSSL" '# *include +[<"]openssl'
only_in 'src/capi/' 'extern "C"' 'extern +"C"'
only_in 'src/util/thread\.' "a thread that is made" '\bstd::j?thread\b(?!::)|\bpthread_create\b|\bstd::async\b'
only_in 'src/util/thread\.' "<thread> to make threads" '\.detach\(\)'
refuse "an include that climbs out of its folder" "$(grep -rnE '# *include +"\.\.' src || true)"

outside=()
for folder in tests/conformance tests/integration tests/support tests/benchmark examples; do
  [[ ! -d $folder ]] || outside+=("$folder")
done
[[ ${#outside[@]} -eq 0 ]] || refuse "a user of the library that looks behind the public headers" \
  "$(grep -rnE '# *include +[<"](\.\./)*(src/)?(util|core|memory|redis|capi)/' "${outside[@]}" || true)"
echo "the layers hold"

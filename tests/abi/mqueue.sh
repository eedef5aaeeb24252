#!/usr/bin/env bash
# A program may use POSIX message queues and agentmq at once: each finds its own mq_open, whatever the
# order of linking, shared, static, preloaded, or in a plug-in.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

shared=("-L$build" "-Wl,-rpath,$build" "-Wl,--no-as-needed" -lagentmq)
read -r -a private <<<"$(sed -n 's/^Libs.private: //p' "$build/agentmq.pc")"
static=("$build/libagentmq.a" "${private[@]}")
strict=(-std=c99 -Wall -Wextra -Werror "${includes[@]}" -D_POSIX_C_SOURCE=200809L)

cd "$scratch"
for file in posix ours both plugin_host posix_main; do
  "$CC" "${strict[@]}" -fPIC -c "$here/mqueue/$file.c" -o "$file.o"
done
"$CC" "${strict[@]}" -DAGENTMQ_FIRST -c "$here/mqueue/both.c" -o both_reversed.o

# passes <name> <argument of the linker>...
passes() {
  local name=$1
  shift
  "$CC" -o program "$@" || fail "$name does not link"
  ./program || fail "$name"
  echo "passed: $name"
}

passes "shared, POSIX first" posix.o ours.o "${shared[@]}" -lrt
passes "shared, ours first" ours.o posix.o -lrt "${shared[@]}"
passes "shared, library before the objects" "${shared[@]}" posix.o ours.o
passes "static, POSIX first" posix.o ours.o "${static[@]}" -lrt
passes "static, ours first" ours.o posix.o -lrt "${static[@]}"
passes "both headers in one file" both.o posix.o "${shared[@]}"
passes "both headers in one file, agentmq first" both_reversed.o posix.o "${shared[@]}"
passes "both headers in one file, static" both.o posix.o "${static[@]}"

"$CC" -o posix_only posix_main.o posix.o -lrt
LD_PRELOAD=$build/libagentmq.so ./posix_only || fail "POSIX queues with libagentmq preloaded"
echo "passed: preloaded"

"$CC" "${strict[@]}" -Dmain=plugin_main -fPIC -shared "$here/mqueue/ours.c" posix.o -o plugin.so "${shared[@]}"
"$CC" -o plugin_host plugin_host.o posix.o -ldl -lrt
./plugin_host ./plugin.so || fail "a plug-in that uses agentmq"
echo "passed: plug-in"

if "$CC" -o program posix.o ours.o -lrt 2>/dev/null; then
  fail "a program that forgot -lagentmq links"
fi
if "$CC" "${strict[@]}" -UAGENTMQ_WITH_POSIX_MQUEUE -DFORGOTTEN -c "$here/mqueue/both.c" -o both.o 2>messages; then
  fail "<mqueue.h> before agentmq.h compiles without AGENTMQ_WITH_POSIX_MQUEUE"
fi
grep -q 'define AGENTMQ_WITH_POSIX_MQUEUE' messages || fail "the error does not name AGENTMQ_WITH_POSIX_MQUEUE"
echo "passed: mistakes are told at compile and link time"

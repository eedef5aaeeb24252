#!/usr/bin/env bash
# A C program outside the tree builds against an installed copy that was moved since, by pkg-config
# alone and by find_package, shared and static.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

cmake --install "$build" --prefix "$scratch/first" >/dev/null
prefix=$scratch/moved
mv "$scratch/first" "$prefix"
libdir=$(dirname "$(find "$prefix" -name libagentmq.so)")

refuse "installed files name the source or build folder" \
  "$(grep -rlF -e "$source" -e "$build" --include='*.cmake' --include='*.pc' --include='*.h' "$prefix" || true)"
version=$(sed -n 's/^#define MQ_VERSION_STRING "\(.*\)"/\1/p' "$prefix/include/agentmq/version.h")

export PKG_CONFIG_PATH=$libdir/pkgconfig
[[ $(pkg-config --modversion agentmq) == "$version" ]] || fail "pkg-config tells another version"

# answers <name> <program>: it runs, and speaks with the library of that version.
answers() {
  local answer
  answer=$("$2") || fail "$1 does not run"
  [[ $answer == "agentmq $version" ]] || fail "$1 answered '$answer'"
  echo "passed: $1"
}

cd "$scratch"
strict=(-std=c99 -Wall -Wextra -Wpedantic -Werror)
read -r -a flags <<<"$(pkg-config --cflags --libs agentmq)"
"$CC" "${strict[@]}" "$here/consumer/consumer.c" "${flags[@]}" -o shared
LD_LIBRARY_PATH=$libdir answers "pkg-config, shared" ./shared

read -r -a flags <<<"$(pkg-config --static --cflags --libs agentmq)"
"$CC" "${strict[@]}" -static "$here/consumer/consumer.c" "${flags[@]}" -o static 2>messages ||
  fail "pkg-config --static, wholly static: $(cat messages)"
answers "pkg-config --static, wholly static" ./static

cmake -S "$here/consumer" -B package -DCMAKE_PREFIX_PATH="$prefix" >messages || fail "find_package: $(cat messages)"
cmake --build package >messages || fail "find_package: $(cat messages)"
answers "find_package, agentmq::agentmq" package/consumer_shared
answers "find_package, agentmq::agentmq_static" package/consumer_static
refuse "agentmq_static needs the shared library" \
  "$(readelf -d package/consumer_static | grep 'NEEDED.*agentmq' || true)"

# Where only the archive is installed, the same flags link it.
rm "$libdir"/libagentmq.so*
"$CC" "${strict[@]}" "$here/consumer/consumer.c" "${flags[@]}" -o archive
answers "pkg-config --static, the archive alone" ./archive

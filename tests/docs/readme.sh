#!/usr/bin/env bash
# The README's program is examples/hello.c, and what it says of commands and linking works as it stands there.
# shellcheck source-path=SCRIPTDIR source=../abi/common.sh
. "$(dirname "$0")/../abi/common.sh"
readme=$source/README.md

# block <language> <nth>: the README's n-th fenced block of a language.
block() {
  awk -v begin="\`\`\`$1" -v wanted="$2" '
    $0 == "```" && inside { inside = 0; next }
    $0 == begin { inside = ++count == wanted; next }
    inside' "$readme"
}

block c 1 >"$scratch/hello.c"
diff -u "$source/examples/hello.c" "$scratch/hello.c" || fail "the README's program is not examples/hello.c"
echo "passed: the program is examples/hello.c"

while read -r command _; do
  [[ -x $source/$command ]] || fail "the README names '$command', which is no program"
  echo "passed: there is $command"
done < <(block sh 1)

cmake --install "$build" --prefix "$scratch/prefix" >/dev/null
libdir=$(dirname "$(find "$scratch/prefix" -name libagentmq.so)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
cd "$scratch"

# greets <program>
greets() {
  [[ $("$1") == 'Hello, agent!' ]] || fail "$1 does not greet"
  echo "passed: $1"
}

# `cc` is the compiler of this build.
mkdir bin
ln -s "$(command -v "$CC")" bin/cc
linking=$(block sh 2)
[[ $linking == *pkg-config* ]] || fail "the README's second block of commands does not link"
PATH=$scratch/bin:$PATH bash -euc "$linking" 2>messages || fail "linking as the README says: $(cat messages)"
greets ./hello
greets ./hello_static

mkdir package
cp hello.c package/
{
  printf 'cmake_minimum_required(VERSION 3.25)\nproject(hello LANGUAGES C CXX)\n'
  block cmake 1
} >package/CMakeLists.txt
cmake -S package -B package/build -DCMAKE_PREFIX_PATH="$scratch/prefix" >messages 2>&1 || fail "$(cat messages)"
cmake --build package/build >messages 2>&1 || fail "$(cat messages)"
greets package/build/hello

# Without the version's number nobody knows what is new.
version=$(pkg-config --modversion agentmq)
grep -q "^## \[$version\]" "$source/CHANGELOG.md" || fail "CHANGELOG.md has no section for $version"

#!/usr/bin/env bash
# build.sh <source> <build>: the jars, with the native library in them, and the programs of examples/, all of it below
# <build>/bindings/java. <build> is where libagentmq.a was built. Needs swig, a C++20 compiler and a JDK of 17 or later.
set -euo pipefail

source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
java=$source/bindings/java
out=$build/bindings/java
version=$(sed -n 's/^#define MQ_VERSION_STRING "\(.*\)"/\1/p' "$build/include/agentmq/version.h")
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
PATH=$jdk/bin:$PATH
platform=linux-$(uname -m)

rm -rf "$out"
mkdir -p "$out"/{gen/io/agentmq,classes,programs,sources,javadoc,"native/META-INF/native/$platform"}

# The generated layer, and one native library with libagentmq in it: it needs nothing that a system may lack.
swig -java -c++ -package io.agentmq -I"$source/include" -I"$source/bindings/swig" \
  -outdir "$out/gen/io/agentmq" -o "$out/gen/agentmq_wrap.cxx" "$source/bindings/swig/java.i"
private=$(sed -n 's/^Libs.private://p' "$build/agentmq.pc" | sed 's/-lstdc++//')
# shellcheck disable=SC2086  # the libraries are words
"${CXX:-g++}" -std=c++20 -O2 -fPIC -shared -fvisibility=hidden -fno-strict-aliasing -Wall -Wextra -DMQ_STATIC \
  -I"$java" -I"$source/bindings/swig" -I"$source/include" -I"$build/include" -I"$jdk/include" -I"$jdk/include/linux" \
  "$out/gen/agentmq_wrap.cxx" "$build/libagentmq.a" \
  -static-libstdc++ -static-libgcc -Wl,--gc-sections,--as-needed,--no-undefined,-s \
  -Wl,--version-script="$java/exports.map" \
  $private -o "$out/native/META-INF/native/$platform/libagentmqjni.so"

# The jars. Of what is generated only what the face uses is compiled.
generated=("$out"/gen/io/agentmq/Native{,JNI}.java)
javac --release 11 -Xlint:all -Werror -d "$out/classes" "$java"/src/main/java/io/agentmq/*.java "${generated[@]}"
cp -r "$java/src/main/java/." "$out/sources"
cp "${generated[@]}" "$out/sources/io/agentmq"
javadoc -quiet -Xdoclint:all -Werror --release 11 -notimestamp -windowtitle "agentmq $version" -d "$out/javadoc" \
  -sourcepath "$out/sources" io.agentmq
printf 'Automatic-Module-Name: io.agentmq\nImplementation-Title: agentmq\nImplementation-Version: %s\n' "$version" \
  >"$out/manifest"
jar --create --file "$out/agentmq-$version.jar" --manifest "$out/manifest" \
  -C "$out/classes" . -C "$out/native" . -C "$source" LICENSE
jar --create --file "$out/agentmq-$version-sources.jar" -C "$out/sources" .
jar --create --file "$out/agentmq-$version-javadoc.jar" -C "$out/javadoc" .
cp "$out/agentmq-$version.jar" "$out/agentmq.jar"

# The programs, each with a script that starts it.
javac --release 11 -Xlint:all -Werror -cp "$out/agentmq.jar" -d "$out/programs" "$java"/examples/*.java
for program in WordCount:wordcount Bench:bench Peer:peer; do
  script=$out/${program#*:}
  printf '#!/bin/sh\nexec "%s" -cp "%s:%s" %s "$@"\n' \
    "$jdk/bin/java" "$out/agentmq.jar" "$out/programs" "${program%:*}" >"$script"
  chmod +x "$script"
done

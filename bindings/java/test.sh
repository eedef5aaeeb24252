#!/usr/bin/env bash
# test.sh <source> <build>: the tests of what build.sh made in <build>/bindings/java; builds it first. The
# last line says how many passed and failed.
set -euo pipefail

source=$(cd "$1" && pwd)
build=$(cd "$2" && pwd)
java=$source/bindings/java
out=$build/bindings/java
junit=${JUNIT_JAR:-/usr/share/java/junit-platform-console-standalone.jar}
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v javac)")")")
PATH=$jdk/bin:$PATH:$source/build/deps/bin
text=$source/examples/data/sonnets.md

"$java/build.sh" "$source" "$build"
dir=$(mktemp -d)
server=
stop() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  [[ -z $server ]] || wait "$server" 2>/dev/null || true
  rm -rf "$dir"
}
trap stop EXIT

passed=0
failed=0
# check NAME COMMAND...: one of the tests that are programs; its output counts where it fails.
check() {
  local name=$1
  shift
  if "$@" >"$dir/output" 2>&1; then
    passed=$((passed + 1))
    echo "passed: $name: $(tail -n 1 "$dir/output")"
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
    cat "$dir/output"
  fi
}

redis-server --port 0 --unixsocket "$dir/s" --save "" --dir "$dir" >"$dir/redis.log" &
server=$!
for _ in {1..200}; do
  [[ ! -S $dir/s ]] || break
  sleep 0.05
done
redis=redis+unix://$dir/s

rm -rf "$out/tests"
mkdir -p "$out/tests"
javac --release 11 -Xlint:all,-try -Werror -cp "$out/agentmq.jar:$junit" -d "$out/tests" \
  "$java"/src/test/java/io/agentmq/*.java

# The scenarios, on each store, with the JVM looking at what native code does.
status=0
"$source/bindings/tests/with_cluster.sh" java -Xcheck:jni -Djava.io.tmpdir="$dir" -Dprograms="$out/agentmq.jar:$out/programs" -jar "$junit" \
  --class-path "$out/agentmq.jar:$out/tests" --scan-classpath "$out/tests" --include-classname '.*Test' \
  --fail-if-no-tests --disable-banner --details=tree --disable-ansi-colors >"$dir/junit" 2>&1 || status=$?
cat "$dir/junit"
count() {
  sed -n "s/^\[ *\([0-9]*\) tests $1 *\]$/\1/p" "$dir/junit" | grep . || echo 0
}
passed=$((passed + $(count successful)))
failed=$((failed + $(count failed)))
[[ $status -eq 0 || $(count failed) -gt 0 ]] || failed=$((failed + 1))
check "no complaint about native code" \
  bash -c "! grep -E '(WARNING|FATAL ERROR) in native method' '$dir/junit'"

# What a repository asks for: the three jars with their parts, of one version, and a library that stands on its own.
parts() {
  local version module jar native
  version=$(sed -n 's:^  <version>\(.*\)</version>:\1:p' "$java/pom.xml")
  jar=$out/agentmq-$version.jar
  native=META-INF/native/linux-$(uname -m)/libagentmqjni.so
  module=$(jar --describe-module --file "$jar")
  echo "$module"
  [[ $module == *"io.agentmq@$version automatic"* && $module == *"contains io.agentmq"* ]] &&
    jar --list --file "$jar" >"$dir/jar" && grep -x "$native" "$dir/jar" && grep -x LICENSE "$dir/jar" &&
    [[ $(javap -v -cp "$jar" io.agentmq.Bus) == *"major version: 55"* ]] && # Java 11
    diff <(jar --list --file "${jar%.jar}-sources.jar" | sed -n 's/\.java$//p' | grep -v package-info | sort) \
      <(grep '\.class$' "$dir/jar" | grep -v '\$' | sed 's/\.class$//' | sort) &&
    jar --list --file "${jar%.jar}-javadoc.jar" | grep -x io/agentmq/Bus.html &&
    ! nm -D --defined-only "$out/native/$native" | grep -v ' Java_\| JNI_OnLoad' &&
    ! readelf -d "$out/native/$native" | grep 'NEEDED.*\(agentmq\|hiredis\|stdc++\|gcc_s\)' &&
    for part in name description url licenses developers scm; do grep "^  <$part>" "$java/pom.xml" || return 1; done
}
check "the jars' parts" parts

run() {
  java -Djava.io.tmpdir="$dir" "$@"
}
heap=(-Xms64m -Xmx64m -XX:+AlwaysPreTouch -XX:+UseSerialGC)
check "no leak on memory" run "${heap[@]}" -cp "$out/agentmq.jar:$out/tests" io.agentmq.LeakCheck memory://leak
check "no leak on redis" run "${heap[@]}" -cp "$out/agentmq.jar:$out/tests" io.agentmq.LeakCheck "$redis"
for url in memory://wordcount "$redis"; do
  check "word count on ${url%%:*}" run -cp "$out/agentmq.jar:$out/programs" WordCount "$url" "$text"
done
check "peer publishes" run -cp "$out/agentmq.jar:$out/programs" Peer publish "$redis" 50
works() {
  run -cp "$out/agentmq.jar:$out/programs" Peer work "$redis" one | grep "did 50"
}
check "peer works" works

# What the README shows, compiled and run: a program, and a piece of one.
snippet() { awk -v wanted="$1" '/^```/ { inside = 0 } inside; /^```java$/ { inside = ++n == wanted }' "$java/README.md"; }
readme() {
  mkdir "$dir/readme"
  snippet 1 >"$dir/readme/Worker.java"
  cat >"$dir/readme/Asking.java" <<JAVA
import io.agentmq.*;
import java.time.Duration;
import java.util.Optional;

public class Asking {
  public static void main(String[] arguments) throws Exception {
    try (Bus bus = Bus.open("memory://asking")) {
$(snippet 2)
    }
  }
}
JAVA
  [[ -z $(snippet 3) ]] &&
    javac --release 11 -Xlint:all -Werror -cp "$out/agentmq.jar" -d "$dir/readme" "$dir"/readme/*.java &&
    run -cp "$out/agentmq.jar:$dir/readme" Worker | grep -x 'Hello, agent!' &&
    run -cp "$out/agentmq.jar:$dir/readme" Asking | grep -x HELLO
}
check "the README's worker, and who asks" readme

# The library is found without a temporary directory too.
native=$(echo "$out"/native/META-INF/native/*/libagentmqjni.so)
check "library by path" run -Dagentmq.native.path="$native" \
  -cp "$out/agentmq.jar:$out/programs" WordCount memory://w "$text"
check "library by name" java -Djava.io.tmpdir=/nowhere -Djava.library.path="$(dirname "$native")" \
  -cp "$out/agentmq.jar:$out/programs" WordCount memory://w "$text"
check "nothing left behind" bash -c "! ls -d '$dir'/agentmq* 2>/dev/null"

echo "$passed passed, $failed failed"
[[ $failed -eq 0 ]]

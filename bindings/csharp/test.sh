#!/usr/bin/env bash
# Tests the binding: the xunit tests, the programs on both backends, and the package from a project of its own.
# Usage: test.sh SOURCE BUILD, as build.sh, which it calls first. Last line: "N passed, M failed".
set -euo pipefail

source_root=$(realpath "$1")
build_root=$(realpath "$2")
here="$source_root/bindings/csharp"
# shellcheck source=bindings/csharp/environment.sh
. "$here/environment.sh"
PATH="$PATH:$source_root/build/deps/bin"
programs="$AGENTMQ_CSHARP_BUILD/artifacts/bin"
if ! dotnet restore "$here/AgentMQ.slnx" "${restore[@]}" "${quiet[@]}"; then
  echo "C# is left out: its packages can't be restored (AGENTMQ_NUGET_SOURCE names another source)"
  exit 77
fi
"$here/build.sh" "$source_root" "$build_root"

work=$(mktemp -d)
export TMPDIR=$work
server=
finish() {
  # Of tests that were broken off.
  local file
  for file in "$work"/agentmq-*/redis.pid; do
    [[ ! -f $file ]] || kill "$(<"$file")" 2>/dev/null || true
  done
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$work"
}
trap finish EXIT
redis="redis+unix://$work/redis.sock"
redis-server --port 0 --unixsocket "$work/redis.sock" --dir "$work" --save "" --logfile log &
server=$!

passed=0
failed=0
# check NAME COMMAND...: counts whether the command succeeds, and shows what it wrote where it does not.
check() {
  local name=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    passed=$((passed + 1))
    echo "passed: $name"
  else
    failed=$((failed + 1))
    echo "FAILED: $name"
    cat "$work/output"
  fi
}

wordcount() { timeout 60 dotnet "$programs/WordCount/release/wordcount.dll" "$1" "$source_root/examples/data/sonnets.md"; }

bench() { timeout 60 dotnet "$programs/Bench/release/bench.dll" "$1" 1000; }

# Two peers share the work; one is asked to end while it waits.
peers() {
  local peer="$programs/Peer/release/peer.dll" first second
  dotnet "$peer" publish "$redis" 30
  dotnet "$peer" work "$redis" one >"$work/one" &
  first=$!
  dotnet "$peer" work "$redis" two >"$work/two" &
  second=$!
  wait "$first" "$second"
  [[ $(($(<"$work/one") + $(<"$work/two"))) == 30 ]] || return 1
  dotnet "$peer" publish "$redis" 1
  dotnet "$peer" work "$redis" three >"$work/three" &
  first=$!
  # It hears signals before it loads the library.
  for ((i = 0; i < 200; i++)); do
    grep -q agentmqcs "/proc/$first/maps" && break
    sleep 0.05
  done
  kill -TERM "$first"
  wait "$first" || return 1
  [[ $(<"$work/three") == [01] ]]
}

standalone() {
  ! nm -D --defined-only "$AGENTMQ_CSHARP_BUILD/native/libagentmqcs.so" | grep -v ' CSharp_' &&
    ! readelf -d "$AGENTMQ_CSHARP_BUILD/native/libagentmqcs.so" | grep 'NEEDED.*\(agentmq\|stdc++\)'
}

# A project that knows nothing but a folder with the package.
package() {
  local version project="$work/consumer"
  version=$(basename "$AGENTMQ_CSHARP_BUILD"/packages/AgentMQ.*.nupkg .nupkg)
  mkdir -p "$project"
  rm -rf "$NUGET_PACKAGES/agentmq" # an older one of the same version
  cat >"$project/consumer.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <UseAppHost>false</UseAppHost>
    <RestoreSources>$AGENTMQ_CSHARP_BUILD/packages</RestoreSources>
    <NuGetAudit>false</NuGetAudit>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="AgentMQ" Version="${version#AgentMQ.}" />
  </ItemGroup>
</Project>
XML
  cat >"$project/Program.cs" <<'CS'
using AgentMQ;
using var bus = Bus.Open(args[0]);
using var subscription = bus.Subscribe("c", "a");
bus.Publish("c", Message.FromText("from the package") with { Target = "a" });
var message = (await subscription.FetchAsync(System.TimeSpan.FromSeconds(10)))!;
bus.Ack(message);
System.Console.WriteLine(message.PayloadText);
CS
  dotnet build "$project" -c Release -o "$project/out" "${quiet[@]}" &&
    [[ -f $project/out/runtimes/linux-x64/native/libagentmqcs.so ]] &&
    [[ $(dotnet "$project/out/consumer.dll" memory://package) == "from the package" ]] &&
    [[ $(dotnet "$project/out/consumer.dll" "$redis?namespace=package") == "from the package" ]]
}

# That program with the runtime in it, and of both nothing but what it uses.
trim=(-r linux-x64 -p:PublishTrimmed=true -p:SelfContained=true -p:UseAppHost=true "${quiet[@]}")
trimmable() {
  mkdir -p "$work/trimmed"
  sed 's:RestoreSources>:RestoreAdditionalProjectSources>:g' "$work/consumer/consumer.csproj" >"$work/trimmed/trimmed.csproj"
  cp "$work/consumer/Program.cs" "$work/trimmed"
  dotnet restore "$work/trimmed" "${trim[@]}" "${restore[@]}" >/dev/null 2>&1
}
trimmed() {
  dotnet publish "$work/trimmed" -c Release --no-restore -warnaserror -o "$work/trimmed/out" "${trim[@]}" &&
    [[ $("$work/trimmed/out/trimmed" memory://trimmed) == "from the package" ]]
}

# What the README shows, in such projects: a program, and a piece of one, which is run.
snippet() { awk -v wanted="$1" '/^```/ { inside = 0 } inside; /^```csharp$/ { inside = ++n == wanted }' "$here/README.md"; }
readme() {
  local name
  for name in worker asking; do
    mkdir -p "$work/$name"
    sed 's:<UseAppHost>:<ImplicitUsings>enable</ImplicitUsings><Nullable>enable</Nullable>&:' \
      "$work/consumer/consumer.csproj" >"$work/$name/$name.csproj"
  done
  snippet 1 >"$work/worker/Program.cs"
  {
    printf 'using AgentMQ;\nawait using var bus = Bus.Open("memory://asking");\n'
    snippet 2
  } >"$work/asking/Program.cs"
  grep -q Bus.Open "$work/worker/Program.cs" && [[ -z $(snippet 3) ]] &&
    dotnet build "$work/worker" -c Release -warnaserror "${quiet[@]}" &&
    dotnet build "$work/asking" -c Release -warnaserror -o "$work/asking/out" "${quiet[@]}" &&
    [[ $(timeout 60 dotnet "$work/asking/out/asking.dll") == HELLO ]]
}

unit() {
  timeout 170 "$source_root/bindings/tests/with_cluster.sh" dotnet test "$programs/AgentMQ.Tests/release/AgentMQ.Tests.dll" --blame-hang-timeout 60s \
    --results-directory "$AGENTMQ_CSHARP_BUILD/results"
}

unit 2>&1 | tee "$work/unit" || true
summary=$(grep -E '^(Passed|Failed)! ' "$work/unit" || true)
if [[ $summary =~ Failed:\ +([0-9]+),\ Passed:\ +([0-9]+) ]]; then
  failed=${BASH_REMATCH[1]}
  passed=${BASH_REMATCH[2]}
else
  failed=1
fi

check "the main job on memory" wordcount memory://wordcount
check "the main job on Redis" wordcount "$redis"
check "the bench on memory" bench memory://bench
check "the bench on Redis" bench "$redis?namespace=bench"
check "peers share their work" peers
check "the native library stands on its own" standalone
check "a fresh project uses the package" package
check "the README" readme
if trimmable; then
  check "a trimmed program works" trimmed
else
  echo "left out: a trimmed program, for which the runtime can't be restored as a package"
fi

echo "$passed passed, $failed failed"
[[ $failed == 0 ]]

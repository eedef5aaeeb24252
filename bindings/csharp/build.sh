#!/usr/bin/env bash
# Builds the binding: the native library, the assembly, the package, the tests and the programs.
# Usage: build.sh SOURCE BUILD
#   SOURCE  the repository's root
#   BUILD   a built tree of it, with libagentmq.a; all output goes below BUILD/bindings/csharp
# AGENTMQ_NUGET_SOURCE: where packages are restored from, where it is not the default.
set -euo pipefail

source_root=$(realpath "$1")
build_root=$(realpath "$2")
here="$source_root/bindings/csharp"
# shellcheck source=bindings/csharp/environment.sh
. "$here/environment.sh"

rm -rf "$AGENTMQ_CSHARP_BUILD/generated" # what SWIG made of an older header
mkdir -p "$AGENTMQ_CSHARP_BUILD/generated" "$AGENTMQ_CSHARP_BUILD/native"
cd "$AGENTMQ_CSHARP_BUILD"
version=$(sed -n 's/^#define MQ_VERSION_STRING "\(.*\)"$/\1/p' "$build_root/include/agentmq/version.h")
includes=(-I"$source_root/include" -I"$build_root/include" -I"$source_root/bindings/swig")

swig -csharp -c++ -Werror -namespace AgentMQ.Interop -dllimport agentmqcs \
  -DSWIG_CSHARP_NO_EXCEPTION_HELPER -DSWIG_CSHARP_NO_STRING_HELPER -DSWIG_CSHARP_NO_IMCLASS_STATIC_CONSTRUCTOR \
  "${includes[@]}" -outdir generated -o native/wrap.cpp "$source_root/bindings/swig/csharp.i"

# The library is linked in whole and exports nothing but the wrapper, so that it stands on its own in a package.
printf '{ global: CSharp_*; local: *; };\n' >native/exports.map
read -ra private_libs <<<"$(sed -n '/^Libs.private: /{s///;s/-lstdc++//;p}' "$build_root/agentmq.pc")"
"${CXX:-c++}" -std=c++20 -O2 -Wall -Wextra -fPIC -shared -o native/libagentmqcs.so native/wrap.cpp "${includes[@]}" \
  "$build_root/libagentmq.a" -Wl,--version-script=native/exports.map -Wl,--as-needed -Wl,--gc-sections -Wl,-z,defs -s \
  -static-libstdc++ -static-libgcc "${private_libs[@]}"

dotnet build "$here/AgentMQ.slnx" -c Release "-p:Version=$version" "${restore[@]}" "${quiet[@]}"
for program in peer bench; do
  printf '#!/usr/bin/env bash\nexec dotnet "%s" "$@"\n' "$PWD/artifacts/bin/${program^}/release/$program.dll" >"$program"
  chmod +x "$program"
done
dotnet pack "$here/AgentMQ/AgentMQ.csproj" -c Release --no-build -o packages "-p:Version=$version" "${restore[@]}" "${quiet[@]}"

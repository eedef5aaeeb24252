#!/usr/bin/env bash
# Compiles the Go binding against a build tree. Usage: build.sh SOURCE BUILD
# Everything that is made goes below BUILD/bindings/go.
set -euo pipefail

source=$(realpath "$1")
build=$(realpath "$2")
out=$build/bindings/go

# shellcheck source=bindings/go/environment.sh
. "$source/bindings/go/environment.sh"

mkdir -p "$out/pkgconfig"
cat >"$out/pkgconfig/agentmq.pc" <<PC
Name: agentmq
Description: agentmq in its build tree
Version: 0
Cflags: -I$source/include -I$build/include
Libs: -L$build -lagentmq -Wl,-rpath,$build
Libs.private: $(sed -n 's/^Libs.private: //p' "$build/agentmq.pc")
PC

cd "$source/bindings/go"
nice go build -p 2 -o "$out/" ./cmd/... ./examples/...

# shellcheck shell=bash disable=SC2154
# What build.sh and test.sh have in common; sourced with $out set.
# Go works offline, with its caches in the build tree, against the library of the build tree.
export PKG_CONFIG_PATH=$out/pkgconfig
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local GOENV=off
export GOCACHE=$out/cache GOPATH=$out/path

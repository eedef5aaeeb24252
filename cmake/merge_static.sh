#!/bin/sh
# merge_static.sh <archive> <version script> <object or archive>...
# Links everything into one relocatable object whose strong global symbols are those of the version
# script, and puts it into the archive. Weak symbols (C++ inline functions and templates) stay
# global, so that the linker can still fold them with the program's.
set -eu
archive=$1
map=$2
shift 2

merged=${archive%.a}.o
"${LD:-ld}" -r -o "$merged" "$@"

sed -n 's/^ *\([A-Za-z0-9_]*\);.*/\1/p' "$map" | sort -u >"$archive.api"
"${NM:-nm}" -g --defined-only "$merged" | awk '$2 ~ /^[ABDGRST]$/ { print $3 }' | sort -u |
  comm -23 - "$archive.api" >"$archive.local"
"${OBJCOPY:-objcopy}" --localize-symbols="$archive.local" "$merged"

rm -f "$archive"
"${AR:-ar}" rcs "$archive" "$merged"
rm -f "$merged" "$archive.api" "$archive.local"

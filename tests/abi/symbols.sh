#!/usr/bin/env bash
# The exported symbols are those of the header, of the version script and of the checked list; they
# share none with libc, and nothing of std:: or hiredis can be seen from outside.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

shared=$build/libagentmq.so
static=$build/libagentmq.a

names() { sed 's/@.*//' | sort -u; }

sed -E '/^(#|$)/d; s/ .*//' "$here/symbols.txt" >"$scratch/listed"
sort -u -c "$scratch/listed" || fail "symbols.txt is not sorted"
nm -D --defined-only "$shared" | awk '$2 != "A" { print $3 }' >"$scratch/versioned"
names <"$scratch/versioned" >"$scratch/exported"
declared_names >"$scratch/declared"
sed -nE 's/^ +([A-Za-z0-9_]+);.*/\1/p' "$source/src/capi/agentmq.map" | sort -u >"$scratch/mapped"

refuse "exported but not in symbols.txt (<), or listed and gone (>)" \
  "$(diff "$scratch/exported" "$scratch/listed" | grep '^[<>]' || true)"
refuse "declared in agentmq.h but not listed (<), or listed and not declared (>)" \
  "$(diff "$scratch/declared" "$scratch/listed" | grep '^[<>]' || true)"
refuse "in agentmq.map but not listed (<), or listed and not in the map (>)" \
  "$(diff "$scratch/mapped" "$scratch/listed" | grep '^[<>]' || true)"
refuse "exported outside the node AGENTMQ_1" "$(grep -v '@@AGENTMQ_1$' "$scratch/versioned" || true)"

refuse "listed without the version that brought it" \
  "$(grep -vE '^(#.*|[a-z_]+ [0-9]+\.[0-9]+\.[0-9]+)$' "$here/symbols.txt" || true)"

nm -D --defined-only "$("$CC" -print-file-name=libc.so.6)" | awk '{ print $NF }' | names >"$scratch/libc"
grep -qx mq_open "$scratch/libc" || fail "libc's names could not be read"
refuse "exported by libc too" "$(comm -12 "$scratch/exported" "$scratch/libc")"

nm -g --defined-only "$HIREDIS"/lib/*.a 2>/dev/null | awk 'NF == 3 { print $3 }' | sort -u >"$scratch/hiredis"
grep -qx redisConnect "$scratch/hiredis" || fail "hiredis' names could not be read"
nm -g --defined-only "$static" | awk 'NF == 3 { print $2, $3 }' | sort -u >"$scratch/static"
cut -d' ' -f2 "$scratch/static" | sort -u >"$scratch/static-names"
refuse "hiredis, global in libagentmq.a" "$(comm -12 "$scratch/static-names" "$scratch/hiredis")"
refuse "global in libagentmq.a but not listed (<), or listed and not there (>)" \
  "$(diff <(awk '$1 !~ /[VWu]/ { print $2 }' "$scratch/static" | sort -u) "$scratch/listed" | grep '^[<>]' || true)"
refuse "weak in libagentmq.a and not C++" "$(awk '$1 ~ /[VWu]/ && $2 !~ /^(_Z|DW\.ref\.)/' "$scratch/static")"

dynamic=$(readelf -d "$shared")
[[ $dynamic == *"soname: [libagentmq.so.1]"* ]] || fail "the SONAME is not libagentmq.so.1"
refuse "hiredis is needed at run time" "$(grep 'NEEDED.*hiredis' <<<"$dynamic" || true)"
refuse "executable stack or text relocations" "$(grep TEXTREL <<<"$dynamic" || true)"
echo "$(wc -l <"$scratch/exported") symbols, as listed"

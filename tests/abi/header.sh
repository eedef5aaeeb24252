#!/usr/bin/env bash
# The public headers compile without a warning, in C and C++, with gcc and clang at their strictest.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

common=(-fsyntax-only -Werror -pedantic-errors "${includes[@]}")
gcc_flags=(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wundef -Wcast-qual
  -Wcast-align=strict -Wwrite-strings -Wmissing-declarations -Wredundant-decls -Wformat=2
  -Wdouble-promotion -Wunused-macros -Wdate-time)
gcc_c_flags=(-Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wc++-compat)
gcc_cpp_flags=(-Wold-style-cast -Wuseless-cast -Wzero-as-null-pointer-constant -Wextra-semi)
clang_flags=(-Weverything -Wno-c++98-compat -Wno-c++98-compat-pedantic -Wno-padded)

printf '#include <agentmq/agentmq.h>\n#include <agentmq/agentmq.h>\nint main(void) { return mq_version() == 0; }\n' >"$scratch/use.c"
printf '#include <agentmq/agentmq.h>\n#include <agentmq/agentmq.h>\nint main() { return mq_version() == nullptr; }\n' >"$scratch/use.cpp"
printf '#include <agentmq/agentmq.hpp>\nint main() { return mq_version() == nullptr; }\n' >"$scratch/raii.cpp"

for standard in c99 c11; do
  gcc -std=$standard "${common[@]}" "${gcc_flags[@]}" "${gcc_c_flags[@]}" "$scratch/use.c" || fail "gcc $standard"
  clang -std=$standard "${common[@]}" "${clang_flags[@]}" "$scratch/use.c" || fail "clang $standard"
done
for standard in c++17 c++20; do
  g++ -std=$standard "${common[@]}" "${gcc_flags[@]}" "${gcc_cpp_flags[@]}" "$scratch/use.cpp" || fail "g++ $standard"
  clang++ -std=$standard "${common[@]}" "${clang_flags[@]}" "$scratch/use.cpp" || fail "clang++ $standard"
done
if [[ -f $source/include/agentmq/agentmq.hpp ]]; then
  for compiler in g++ clang++; do
    "$compiler" -std=c++20 "${common[@]}" -Wall -Wextra -Wconversion -Wshadow "$scratch/raii.cpp" || fail "agentmq.hpp, $compiler"
  done
fi

# Nothing but <stddef.h>, <stdint.h> and our own.
refuse "agentmq.h includes more than it may" \
  "$(grep -hE '^# *include' "$source"/include/agentmq/*.h | grep -vE '<(stddef|stdint)\.h>|<agentmq/(export|version)\.h>' || true)"
echo "no warnings"

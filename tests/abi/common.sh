# shellcheck shell=bash
# Sourced by the scripts of this folder: arguments, a scratch folder, and one way to fail.
set -euo pipefail

# shellcheck disable=SC2034  # used by the scripts
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=$1
# shellcheck disable=SC2034
build=$2
CC=${CC:-gcc}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

IFS=: read -r -a header_folders <<<"${HEADERS:-$source/include}"
includes=()
for folder in "${header_folders[@]}"; do
  includes+=("-I$folder")
done

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# refuse <what is wrong> <list>: fails where the list is not empty.
refuse() {
  [[ -z $2 ]] || fail "$1:
$2"
}

# declared_names: the functions that agentmq.h declares, by their symbols.
declared_names() {
  "$CC" -E -P -DAGENTMQ_WITH_POSIX_MQUEUE "${includes[@]}" -x c "$source/include/agentmq/agentmq.h" |
    tr '\n' ' ' | tr ';' '\n' | grep visibility | grep -oE '(agent)?mq_[a-z_]+ ?\(' | tr -d ' (' | sort -u
}

#!/usr/bin/env bash
# Every relative link in the documents leads to a file, and to a heading where it names one.
# shellcheck disable=SC2016  # the backticks are those of Markdown
# shellcheck source-path=SCRIPTDIR source=../abi/common.sh
. "$(dirname "$0")/../abi/common.sh"
cd "$source"

# prose <file>: without fenced blocks and inline code.
prose() { awk '/^ *```/ { inside = !inside; next } !inside' "$1" | sed 's/`[^`]*`//g'; }

# anchors <file>: what its headings are called in links.
anchors() {
  awk '/^ *```/ { inside = !inside; next } !inside && /^#+ / { sub(/^#+ +/, ""); print tolower($0) }' "$1" |
    sed -E 's/[^-_ a-z0-9]//g; s/ /-/g'
}

mapfile -t documents < <(find . \( -path ./build -o -path ./.git \) -prune -o -name '*.md' -print | sort)
[[ ${#documents[@]} -gt 5 ]] || fail "the documents are not where they were"
broken=
links=0
for document in "${documents[@]}"; do
  while read -r link; do
    [[ ! $link =~ ^[a-z]+: ]] || continue
    links=$((links + 1))
    target=${link%%#*}
    path=$document
    [[ -z $target ]] || path=$(dirname "$document")/$target
    if [[ ! -e $path ]]; then
      broken+="$document: $link: there is no such file"$'\n'
    elif [[ $link == *'#'* ]] && ! grep -qxF -- "${link#*#}" <<<"$(anchors "$path")"; then
      broken+="$document: $link: there is no such heading"$'\n'
    fi
  done < <(prose "$document" | grep -oE '\]\([^) ]+\)' | sed -E 's/^\]\(|\)$//g' || true)
done
refuse "links that lead nowhere" "$broken"
[[ $links -gt 20 ]] || fail "only $links links were found: is the search right?"
echo "$links links in ${#documents[@]} documents lead somewhere"

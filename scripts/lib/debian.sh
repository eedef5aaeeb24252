# shellcheck shell=bash
# What scripts need that fetch one package from another suite of Debian: sources and lists of their own, made of the
# mirror and the keys that this machine uses. The system's own are not touched.

# derive_sources <deb|deb-src> <suite> <folder>: this machine's sources of its own release, turned into
# sources of that suite.
derive_sources() {
  local type=$1 suite=$2 parts=$3 codename file
  codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)'|stable|oldstable'
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [[ -f $file ]] || continue
    sed -nE "s/^deb[[:space:]]+((\[[^]]*\])[[:space:]]+)?([^[:space:]]+)[[:space:]]+($codename)[[:space:]]+.*/$type \2 \3 $suite main/p" "$file"
  done | sed -E 's/(trusted|allow-insecure|arch)=[^] ]*//g' | sort -u >"$parts/debian.list"
  for file in /etc/apt/sources.list.d/*.sources; do
    [[ -f $file ]] || continue
    printf '\n'
    grep -v '^#' "$file" || true
    printf '\n'
  done | awk -v codename="$codename" -v type="$type" -v suite="$suite" '
    BEGIN { RS = ""; FS = "\n" }
    /(^|\n)Enabled: *no/ { next }
    $0 !~ "(^|\n)Suites:[^\n]*[ \t](" codename ")([ \t\n]|$)" { next }
    $0 !~ /(^|\n)Types:[^\n]*deb([ \t\n]|$)/ { next }
    {
      for (i = 1; i <= NF; i++) {
        if ($i ~ /^Types:/) print "Types: " type
        else if ($i ~ /^Suites:/) print "Suites: " suite
        else if ($i ~ /^Components:/) print "Components: main"
        else if ($i !~ /^(Trusted|Allow-Insecure|Architectures):/) print $i
      }
      print ""
    }' >"$parts/debian.sources"
  [[ -s $parts/debian.list || -s $parts/debian.sources ]]
}

# The keyring that this machine's own sources offer now: an old installation may lack newer keys.
newest_keyring() {
  local work=$1
  (cd "$work" && apt-get download debian-archive-keyring && dpkg-deb -x debian-archive-keyring_*.deb keyring) >/dev/null 2>&1 || return 1
  echo "$work/keyring/usr/share/keyrings/debian-archive-keyring.gpg"
}

# fetch_package <folder> <apt-get argument>...: by the sources in <folder>/parts, into <folder>.
fetch_package() {
  local work=$1
  shift
  local options=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$work/parts"
    -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=
    -o Acquire::Languages=none)
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  apt-get "${options[@]}" update || true
  (cd "$work" && apt-get "${options[@]}" "$@")
}

# fetch_from_suite <deb|deb-src> <suite> <folder> <apt-get argument>...: again with newer keys where the first try fails.
# What apt says is in <folder>/log. apt checks what it fetches against the signed index.
fetch_from_suite() {
  local type=$1 suite=$2 work=$3 keyring
  shift 3
  mkdir "$work/parts"
  derive_sources "$type" "$suite" "$work/parts" || {
    echo "no Debian source of this machine's release in /etc/apt" >"$work/log"
    return 1
  }
  fetch_package "$work" "$@" >"$work/log" 2>&1 && return 0
  keyring=$(newest_keyring "$work") || return 1
  sed -i -E "s|^Signed-By: .*|Signed-By: $keyring|; s|signed-by=[^] ]*|signed-by=$keyring|" "$work"/parts/*
  fetch_package "$work" "$@" >>"$work/log" 2>&1
}

# shellcheck shell=bash
# Shared by ./quickstart, ./check and .ci/run: packages, presets, and telling what is done. Source it from the root of
# the checkout, with `set -euo pipefail` on.

log_folder=build/logs

# ccache judges a source by what is in it: a fresh clone has new file times, and precompiled headers and __TIME__ decide
# nothing here.
export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros,include_file_mtime,include_file_ctime}
export CCACHE_DIR=${CCACHE_DIR:-$PWD/build/.ccache}

# fail_with WHAT WHERE LIKELY TRY: the four parts of every message of ours; ends the script.
fail_with() {
  printf 'error: %s\n  where:  %s\n  likely: %s\n  try:    %s\n' "$1" "$2" "${3//$'\n'/$'\n'          }" "${4//$'\n'/$'\n'          }" >&2
  exit 1
}

if ! mkdir -p "$log_folder" 2>/dev/null || [[ ! -w $log_folder ]]; then
  fail_with "the build directory cannot be written" "$PWD/build, as user $(id -un)" \
    "another user, root say, has built here before; or the checkout is read-only" \
    "chown -R $(id -un) $PWD/build, as root
or work in a clone of your own"
fi

say() { printf '%s\n' "${0##*/}: $*"; }

# time_since START: "4 s", "2 min 5 s".
time_since() {
  local seconds=$((SECONDS - $1))
  if ((seconds < 60)); then printf '%d s' "$seconds"; else printf '%d min %d s' $((seconds / 60)) $((seconds % 60)); fi
}

# show_progress: what passes through goes to the log alone, and its last line stands on the terminal; where there is no
# terminal, a line every ten seconds says that work goes on.
show_progress() {
  local log=$1 line shown=$SECONDS
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    if [[ -t 1 ]]; then
      printf '\r\033[K  %s' "${line:0:100}"
    elif ((SECONDS - shown >= 10)); then
      printf '  %s\n' "${line:0:100}"
      shown=$SECONDS
    fi
  done
  if [[ -t 1 ]]; then printf '\r\033[K'; fi
}

# quiet_step NAME COMMAND...: runs it with its output in build/logs/NAME.log; shows the end of that when it fails.
quiet_step() {
  local log=$log_folder/$1.log
  shift
  : >"$log"
  if "$@" 2>&1 </dev/null | show_progress "$log"; then return 0; fi
  printf '  the end of %s:\n' "$log" >&2
  tail -n 40 "$log" | sed 's/^/    /' >&2
  return 1
}

# packages_of SECTION...: the package names of sections of packages.txt.
packages_of() {
  local section
  for section; do
    sed -n "/^\[$section\]/,/^\[/{/^\[/d;s/[[:space:]]*#.*//;/./p}" scripts/packages.txt
  done
}

# missing_packages SECTION...: those of them that are not installed. (No <(...) in this file: a chroot may have no /proc.)
missing_packages() {
  local wanted installed name
  wanted=$(packages_of "$@")
  # shellcheck disable=SC2086  # one word per package
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null || true)
  for name in $wanted; do
    if [[ $'\n'$installed$'\n' != *$'\n'"installed $name"$'\n'* ]]; then printf '%s\n' "$name"; fi
  done
}

# install_packages SECTION...: installs what is missing; touches nothing, and needs no network, when nothing is.
install_packages() {
  local missing start=$SECONDS as_root=() count
  if ! command -v dpkg-query >/dev/null; then
    fail_with "this is not a Debian system, so the packages cannot be installed for you" "$(system_name)" \
      "sluice is built and tested on Debian 12" \
      "install by hand what scripts/packages.txt lists, then run $0 --no-install"
  fi
  missing=$(missing_packages "$@" | tr '\n' ' ')
  missing=${missing% }
  if [[ -z $missing ]]; then
    say "packages: all there"
    return
  fi
  if ! grep -qs '^ID=debian' /etc/os-release || ! grep -qs '^VERSION_ID="12"' /etc/os-release; then
    fail_with "packages are missing, and they are named for Debian 12: $missing" "$(system_name)" \
      "another release has them under other names or in other versions" \
      "install their like by hand, then run $0 --no-install
or use a Debian 12 machine or container"
  fi
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      fail_with "packages are missing, and only root may install them: $missing" "user $(id -un), and there is no sudo" \
        "a minimal Debian has no sudo" \
        "as root: apt-get update && apt-get install --no-install-recommends $missing
then run $0 again as $(id -un)"
    fi
    as_root=(sudo)
    if [[ ! -t 0 ]]; then as_root+=(-n); fi
    if ! "${as_root[@]}" true; then
      fail_with "packages are missing, and sudo refuses: $missing" "user $(id -un)" \
        "the user may not use sudo, or sudo wants a password and there is no terminal" \
        "as root: apt-get update && apt-get install --no-install-recommends $missing
then run $0 again as $(id -un)"
    fi
  fi
  count=$(wc -w <<<"$missing")
  say "packages: installing $count: $missing"
  prevent_clusters "$missing"
  run_apt update || apt_failed "$missing"
  # shellcheck disable=SC2086  # one word per package
  run_apt install --yes --no-install-recommends $missing || apt_failed "$missing"
  say "packages: $count installed in $(time_since "$start")"
}

# prevent_clusters PACKAGES: PostgreSQL's package would make a database cluster, and start it now and at every boot; the
# tests want its programs only. A machine that has the file already has its own mind about that, and is left alone.
prevent_clusters() {
  local folder=${cluster_settings:-/etc/postgresql-common}
  if [[ " $1 " != *" postgresql-15 "* || -e $folder/createcluster.conf ]]; then return; fi
  printf '%s\n' "# By sluice's scripts/setup.sh, before it installed postgresql-15 for tests that start servers of their own." \
    "# Take it away before you install PostgreSQL for another use." "create_main_cluster = false" |
    "${as_root[@]}" sh -c 'mkdir -p "$1" && cat >"$1/createcluster.conf"' sh "$folder"
}

# run_apt ARGUMENT...: apt-get that asks nothing and waits for another one to end, as `as_root` says.
run_apt() {
  quiet_step "apt-$1" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 -o APT::Color=0 "$@"
}

apt_failed() {
  local absent unreached
  unreached=$(sed -n -e 's/^[WE]: Failed to fetch \([^ ]*\) .*/\1/p' "$log_folder"/apt-*.log | head -n 1)
  if [[ -n $unreached ]]; then
    fail_with "apt-get could not fetch what it needs" "$unreached" \
      "no network, or no name service; a proxy that apt has not been told about; a mirror that is down" \
      "apt-get update, until it says nothing of failures
then run $0 again"
  fi
  absent=$(sed -n -e 's/^E: Unable to locate package //p' -e "s/^E: Package '\(.*\)' has no installation candidate/\1/p" \
    "$log_folder"/apt-*.log | sort -u | tr '\n' ' ')
  if [[ -n $absent ]]; then
    fail_with "Debian's packages are not to be had here: ${absent% }" "the sources in /etc/apt" \
      "the sources name another release than bookworm, or not its newest point release (clang-19 came with an update)" \
      "have 'deb http://.../debian bookworm main' and '... bookworm-updates main' among the sources
then run $0 again"
  fi
  fail_with "apt-get could not install: $1" "see the lines above; all of it is in $log_folder/apt-*.log" \
    "the network or a proxy; a full disk; another package that is half installed" \
    "apt-get update, then apt-get install --no-install-recommends $1
then run $0 again"
}

system_name() { (. /etc/os-release 2>/dev/null && printf '%s' "${PRETTY_NAME:-an unknown system}") || uname -sr; }

# build_preset PRESET [TARGET...]: configures when that was not done yet (Ninja repeats it when it has to), then builds.
build_preset() {
  local preset=$1 start=$SECONDS
  shift
  if [[ ! -f build/$preset/build.ninja ]]; then
    quiet_step "configure-$preset" cmake --preset "$preset" || return 1
  fi
  quiet_step "build-$preset" ninja -C "build/$preset" "$@" || return 1
  say "build $preset: done in $(time_since "$start")"
}

# shellcheck shell=bash
# lib.sh: what the development scripts share: where things are, how long they took, who is root.
# It is sourced, never run. It must never print to stdout: that belongs to the node's answers.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT" || exit 1
# What SwiftPM links, the test program among it, and the programs as they ship (packaging/dev/programs).
# shellcheck disable=SC2034  # used by the scripts that source this file
BUILT="$ROOT/.build/release" BIN="$ROOT/.build/bin"
STARTED=$SECONDS
# One configuration for everything: what is tested is what is shipped.
# shellcheck disable=SC2034
SWIFT_FLAGS=(-c release --disable-index-store -debug-info-format none
  --explicit-target-dependency-import-check error)

say() {
  local t=$((SECONDS - STARTED))
  printf '\033[2m[%2dm%02ds]\033[0m %s\n' $((t / 60)) $((t % 60)) "$*" >&2
}
die() {
  printf '%s\n' "$*" >&2
  exit 1
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Where this clone's own node lives; short, because a socket's path has at most 107 bytes.
dev_home() {
  local key
  key=$(printf '%s' "$ROOT" | sha256sum | cut -c 1-8)
  printf '%s\n' "${INFERNET_DEV_HOME:-${TMPDIR:-/tmp}/infernet-$(id -u)-$key}"
}

# A TCP port of an address from here on to which nothing listens.
free_port() {
  local port
  for port in $(seq "$2" $(($2 + 400))); do
    if ! (exec 3<>"/dev/tcp/$1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free port on $1 from $2 on"
}

# A UDP port from here on that no socket of this machine has, on whatever address.
free_udp_port() {
  local port
  for port in $(seq "$1" $(($1 + 400))); do
    if ! grep -q "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$port") " /proc/net/udp; then
      printf '%s\n' "$port"
      return
    fi
  done
  die "no free UDP port from $1 on"
}

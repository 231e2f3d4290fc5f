# shellcheck shell=bash
# lib.sh: what the engine's commands share: pins, the cache, checked files, progress, root, Docker's socket.
# It is sourced, never run. It must never print to stdout (that belongs to results) nor trust a file before hashing it.

ENGINE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${INFERNET_CACHE:-${HOME:?HOME or INFERNET_CACHE must be set}/.cache/infernet}
# shellcheck disable=SC2034  # used by the commands that source this file
DOCKER_SOCK=${DOCKER_SOCK:-/var/run/docker.sock}
PATH=$PATH:/usr/sbin:/sbin # where a user's own PATH does not reach, but dockerd lies
SECONDS=0

say() { printf '[%2dm%02ds] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*" >&2; }
die() {
  printf 'engine/%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# pin KEY: its value in the pins file; a key that is absent is an error.
pin() {
  local key value
  while read -r key value; do
    if [ "$key" = "$1" ]; then
      printf '%s\n' "$value"
      return
    fi
  done <"$ENGINE/pins"
  die "the pins file has no '$1'"
}

sha256_of() {
  if command -v openssl >/dev/null; then
    openssl dgst -sha256 -r "$1" | cut -d ' ' -f 1 # several times faster than sha256sum on CPUs with SHA instructions
  else
    sha256sum "$1" | cut -d ' ' -f 1
  fi
}

# matches FILE SIZE SHA256: true when the file is there and is exactly that.
matches() { [ -f "$1" ] && [ "$(stat -c %s "$1")" = "$2" ] && [ "$(sha256_of "$1")" = "$3" ]; }

# keep_only_if_pinned FILE SIZE SHA256: ends with an error, and without the file, when it is not exactly that.
keep_only_if_pinned() {
  matches "$@" && return
  local size got
  size=$(stat -c %s "$1")
  got=$(sha256_of "$1")
  rm -f "$1"
  die "checksum mismatch, file removed: $1
  pinned: $2 bytes, sha256 $3
  found:  $size bytes, sha256 $got"
}

# alone NAME: waits until no other process holds the lock of that name; it is held until this process ends.
alone() {
  mkdir -p "$CACHE"
  exec 9>>"$CACHE/$1.lock"
  if ! flock --nonblock 9; then
    say "waiting for another engine/$1 to finish"
    flock 9
  fi
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root, and sudo is not installed: $*"
  fi
}

# need COMMAND=PACKAGE...: installs the Debian packages whose command is missing, and none when all are there.
need() {
  local pair missing=()
  for pair; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ "${#missing[@]}" = 0 ] && return
  apt_install "${missing[@]}"
}

# apt_install PACKAGE...: Debian's packages, by apt-get.
apt_install() {
  local missing=("$@")
  command -v apt-get >/dev/null || die "missing, and there is no apt-get to install it with: ${missing[*]}"
  local log="$CACHE/apt.log"
  mkdir -p "$CACHE"
  say "installing ${missing[*]}"
  if ! { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
      -o DPkg::Lock::Timeout=120 "${missing[@]}"; } \
    >"$log" 2>&1 9>&- </dev/null; then
    tail -n 20 "$log" >&2
    die "could not install ${missing[*]}; the whole log is $log"
  fi
}

# docker_api METHOD PATH [CURL OPTION]...: one call; the body of the answer goes to stdout.
docker_api() {
  local method=$1 path=$2 run=()
  shift 2
  # A user who may not write to the socket asks as root, which is what membership of its group would mean anyway.
  if [ -S "$DOCKER_SOCK" ] && [ ! -w "$DOCKER_SOCK" ]; then run=(as_root); fi
  "${run[@]}" curl --silent --show-error --max-time 120 --unix-socket "$DOCKER_SOCK" -X "$method" "$@" "http://docker$path"
}

docker_answers() { [ "$(docker_api GET /_ping --max-time 5 2>/dev/null)" = OK ]; }

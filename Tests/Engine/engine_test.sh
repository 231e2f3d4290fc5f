#!/usr/bin/env bash
# engine_test: proves that engine/ refuses what is not pinned, heals its cache, gives the pinned image, and that a hardened
# container of it answers; it needs Docker (engine/docker-up) and compiles the engine when the cache has none.
# It must never harm the real cache, nor touch a container it did not create. Last line: "N passed, N failed".
set -euo pipefail
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
ENGINE="$ROOT/engine"
SOCK=${DOCKER_SOCK:-/var/run/docker.sock}
WORK=$(mktemp -d /tmp/infernet-engine.XXXXXX) # short, as a Unix socket's path may have 107 bytes
RUN=engine-test-$$
OWNER=$([ "$(id -u)" = 0 ] && echo 65534:65534 || echo "$(id -u):$(id -g)") # who owns the job folders and runs engines
passed=0 failed=0

docker_api() {
  local method=$1 path=$2
  shift 2
  curl -sS --max-time 60 --unix-socket "$SOCK" -X "$method" "$@" "http://docker/v1.41$path"
}
clean_up() {
  local name
  for name in whole head worker1 worker2; do
    docker_api DELETE "/containers/$RUN-$name?force=true" >/dev/null 2>&1 || true
  done
  rm -rf "$WORK"
}
trap clean_up EXIT

# check WHAT COMMAND...: counts one test; a failing one shows what it said.
check() {
  local what=$1 status
  shift
  set +e # inside an `if`, a command that fails would not end the test
  (
    set -e
    "$@"
  ) >"$WORK/said" 2>&1
  status=$?
  set -e
  if [ "$status" = 0 ]; then
    passed=$((passed + 1))
    printf 'ok      %s\n' "$what"
  else
    failed=$((failed + 1))
    printf 'FAILED  %s\n' "$what"
    sed 's/^/        /' "$WORK/said" | tail -n 25
  fi
}
fail() {
  printf '%s\n' "$*"
  exit 1
}
expect() { grep -qF -- "$1" <<<"$2" || fail "expected '$1' in: $(head -c 1500 <<<"$2")"; }
# Counted is the CPU's time: what the command does, not how busy this machine is with other things.
cpu_within() { # MILLISECONDS COMMAND...
  local limit=$1 spent TIMEFORMAT='%3U %3S'
  shift
  spent=$({ time "$@" >/dev/null 2>&1; } 2>&1)
  spent=$(awk '{ print int(($1 + $2) * 1000) }' <<<"$spent")
  [ "$spent" -le "$limit" ] || fail "took $spent ms of CPU time, allowed are $limit: $*"
}
flip_byte() { # FILE OFFSET
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1" | tr -d ' ')
  # shellcheck disable=SC2059  # the octal escape is the data
  printf "\\$(printf '%03o' $((byte ^ 1)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
pin() { awk -v key="$1" '$1 == key { $1 = ""; sub(/^ /, ""); print }' "$ENGINE/pins"; }

# ---- what is not pinned is refused

refused() { # WHAT FILE MESSAGE COMMAND...: the command must fail, say so, and leave no such file
  local file=$1 message=$2 said
  shift 2
  if said=$("$@" 2>&1); then fail "was accepted: $said"; fi
  expect "$message" "$said"
  [ ! -e "$file" ] || fail "$file is still there"
}
flipped_in_cache() {
  local file
  file="$WORK/cache/downloads/$(pin "$1.file")"
  mkdir -p "$(dirname "$file")"
  cp "$("$ENGINE/fetch" "$1" 2>/dev/null)" "$file"
  flip_byte "$file" 1000000
  refused "$file" "checksum mismatch" env INFERNET_OFFLINE=1 INFERNET_CACHE="$WORK/cache" "$ENGINE/fetch" "$1"
}
truncated_in_cache() {
  local file
  file="$WORK/cache/downloads/$(pin model.file)"
  mkdir -p "$(dirname "$file")"
  head -c 1000000 "$("$ENGINE/fetch" model 2>/dev/null)" >"$file"
  refused "$file" "checksum mismatch" env INFERNET_OFFLINE=1 INFERNET_CACHE="$WORK/cache" "$ENGINE/fetch" model
}
mirror() { # WHAT FLIP: downloads anew from a folder that stands for the package index
  rm -rf "$WORK/mirror" "$WORK/fresh"
  mkdir "$WORK/mirror"
  cp "$("$ENGINE/fetch" "$1" 2>/dev/null)" "$WORK/mirror/"
  if [ -n "$2" ]; then flip_byte "$WORK/mirror/$(pin "$1.file")" "$2"; fi
}
flipped_at_source() {
  mirror "$1" 1000000
  refused "$WORK/fresh/downloads/$(pin "$1.file")" "as pinned" env PIP_NO_INDEX=1 PIP_FIND_LINKS="$WORK/mirror" \
    INFERNET_CACHE="$WORK/fresh" "$ENGINE/fetch" "$1"
}
unharmed_at_source() {
  mirror "$1" ""
  env PIP_NO_INDEX=1 PIP_FIND_LINKS="$WORK/mirror" INFERNET_CACHE="$WORK/fresh" "$ENGINE/fetch" "$1"
}
wrong_pin() { # the archive is as pinned, the model inside it is not
  cp -r "$ENGINE" "$WORK/engine"
  sed -i 's/^\(gguf.sha256 *\)..../\10000/' "$WORK/engine/pins"
  mkdir -p "$WORK/other/downloads"
  cp "$("$ENGINE/fetch" model 2>/dev/null)" "$WORK/other/downloads/"
  refused "$WORK/other/models/$(pin gguf.file)" "checksum mismatch" \
    env INFERNET_OFFLINE=1 INFERNET_CACHE="$WORK/other" "$WORK/engine/model"
}

# ---- the cache heals

model_heals() {
  local cache="$WORK/heal" file
  mkdir -p "$cache/downloads" "$cache/models"
  cp "$("$ENGINE/fetch" model 2>/dev/null)" "$cache/downloads/"
  head -c 5000 "$("$ENGINE/model" 2>/dev/null)" >"$cache/models/$(pin gguf.file)"
  file=$(INFERNET_OFFLINE=1 INFERNET_CACHE="$cache" "$ENGINE/model")
  [ "$(sha256sum "$file" | cut -d ' ' -f 1)" = "$(pin gguf.sha256)" ]
}
image_heals() {
  local cache="$WORK/heal" real archive
  archive=$("$ENGINE/build")
  real=$(dirname "$(dirname "$archive")")
  mkdir -p "$cache/engine"
  cp -r "$(dirname "$archive")" "$real"/programs-* "$cache/engine/"
  flip_byte "$cache/engine/$(basename "$(dirname "$archive")")/image.tar" 5000
  cmp -s "$archive" "$(INFERNET_OFFLINE=1 INFERNET_CACHE="$cache" "$ENGINE/build")"
}

# ---- the image and a hardened container of it

list() { printf '"%s"\n' "$@" | paste -sd , - | sed 's/.*/[&]/'; } # a JSON array of words that need no escaping

image_is_pinned() {
  local id=$1 here
  here=$(cat "$(dirname "$("$ENGINE/build" 2>/dev/null)")/toolchain")
  if [ "$here" = "$(pin image.toolchain)" ]; then
    [ "$id" = "$(pin image.id)" ] || fail "image id $id, pinned $(pin image.id)"
  else
    echo "another compiler than the pinned one: $here"
    [ "$id" = "$(cat "$(dirname "$("$ENGINE/build" 2>/dev/null)")/image.id")" ]
  fi
}
# ---- Docker's other image store

loads_into() { # WHAT STORE: runs WHAT with the socket of something that answers as a Docker with that store does
  local sock="$WORK/$2.sock" pid status=0 i
  python3 "$ROOT/Tests/Engine/fake_docker.py" "$sock" "$2" "$("$ENGINE/build" 2>/dev/null)" &
  pid=$!
  for ((i = 0; i < 100; i++)); do
    [ ! -S "$sock" ] || break
    sleep 0.1
  done
  ("$1" "$sock") || status=$?
  kill "$pid"
  return "$status"
}
other_ids() {
  local first again
  first=$(DOCKER_SOCK=$1 "$ENGINE/load" 2>/dev/null) || fail "did not load"
  again=$(DOCKER_SOCK=$1 "$ENGINE/load" 2>"$WORK/words") || fail "did not load again"
  [ "$first" = "$again" ] || fail "two ids: $first, $again"
  grep -qx 'sha256:[0-9a-f]\{64\}' <<<"$first" || fail "no id: $first"
  [ "$first" != "$(cat "$(dirname "$("$ENGINE/build" 2>/dev/null)")/image.id")" ] || fail "not the store's own id"
  expect "by its manifest" "$(cat "$WORK/words")"
}
refused_ids() {
  local said
  if said=$(DOCKER_SOCK=$1 "$ENGINE/load" 2>&1); then fail "was accepted: $said"; fi
  expect '"containerd-snapshotter": false' "$said"
}

same_options() { # the two engines compute on the CPU alike
  local cpu gpu
  options() { grep -oE -- '-D(GGML|LLAMA|BUILD|CMAKE_BUILD)[A-Z0-9_]*=[^ ]+' "$ENGINE/$1" | sort; }
  cpu=$(options compile) gpu=$(options compile-vulkan)
  [ "$gpu" = "$(printf '%s\n' "$cpu" -DGGML_VULKAN=ON | sort)" ] || fail "they differ: $(diff <(echo "$cpu") <(echo "$gpu"))"
}
# start NAME "BIND BIND..." ENTRYPOINT WORD...: a hardened container.
start() {
  local name=$1 binds=$2 program=$3 spec answer
  shift 3
  # shellcheck disable=SC2086  # one word for each bind
  spec='{"Image":"'"$id"'","Entrypoint":["'"$program"'"],"User":"'"$OWNER"'","NetworkDisabled":true,"Cmd":'"$(list "$@")"',
    "HostConfig":{"NetworkMode":"none","ReadonlyRootfs":true,"CapDrop":["ALL"],"SecurityOpt":["no-new-privileges"],
    "Memory":536870912,"MemorySwap":536870912,"NanoCpus":1000000000,"PidsLimit":64,"IpcMode":"none",
    "Tmpfs":{"/tmp":"rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    "Ulimits":[{"Name":"nofile","Soft":256,"Hard":256}],
    "LogConfig":{"Type":"json-file","Config":{"max-size":"1m","max-file":"1"}},"Binds":'"$(list $binds)"'}}'
  answer=$(docker_api POST "/containers/create?name=$RUN-$name" -H 'Content-Type: application/json' -d "$spec")
  expect '"Id"' "$answer"
  answer=$(docker_api POST "/containers/$RUN-$name/start")
  [ -z "$answer" ] || fail "start of $name: $answer"
}
job_folder() { install -d -m 0700 -o "${OWNER%:*}" -g "${OWNER#*:}" "$WORK/$1"; }
logs() { docker_api GET "/containers/$RUN-$1/logs?stdout=1&stderr=1&tail=15" | tr -cd '\11\12\40-\176'; }
healthy() { # NAME FOLDER: waits until the engine in that container has loaded its model
  local i
  for ((i = 0; i < 300; i++)); do
    if [ "$(curl -s --max-time 5 --unix-socket "$WORK/$2/llm.sock" http://e/health)" = '{"status":"ok"}' ]; then return; fi
    sleep 0.1
  done
  fail "not healthy after 30 s: $(logs "$1")"
}
chat() { # FOLDER: one streamed answer
  curl -sSN --max-time 60 --unix-socket "$WORK/$1/llm.sock" http://e/v1/chat/completions -H 'Content-Type: application/json' \
    -d '{"messages":[{"role":"user","content":"What is 2+2?"}],"max_tokens":24,"temperature":0,
         "cache_prompt":false,"stream":true,"stream_options":{"include_usage":true}}'
}
text_of() { grep -o '"content":"[^"]*"' <<<"$1" | cut -d '"' -f 4 | tr -d '\n'; }
MODEL="/models/$(pin gguf.file)"
OPTIONS=(-m "$MODEL" -c 2048 -np 1 -t 1 -b 256 -ub 256 -n 512 --no-ui --offline -cram 0 --host /run/job/llm.sock)

starts_hardened() {
  job_folder job
  start whole "$model:$MODEL:ro $WORK/job:/run/job:rw" /bin/sockrelay -- /bin/llama-server "${OPTIONS[@]}"
  healthy whole job
  # The node may have another uid than the container, and no capability: the folder, not the socket, keeps others out.
  [ "$(stat -c %a "$WORK/job/llm.sock")" = 777 ] || fail "mode of the socket: $(stat -c %a "$WORK/job/llm.sock")"
}
answers() {
  local said
  said=$(chat job)
  expect 'data: {' "$said"
  expect '"finish_reason":"' "$said"
  expect '"completion_tokens":' "$said"
  expect 'is 4' "$(text_of "$said")"
  [ "$(grep -c '"delta":{"content"' <<<"$said")" -gt 3 ] || fail "not streamed: $said"
  [ "$(grep -v '^$' <<<"$said" | tail -n 1)" = 'data: [DONE]' ] || fail "does not end in [DONE]: $said"
}
confined() {
  local pid facts
  pid=$(docker_api GET "/containers/$RUN-whole/json" | grep -o '"Pid":[0-9]*' | cut -d : -f 2)
  facts=$(cat "/proc/$pid/status")
  expect "$(printf 'CapEff:\t0000000000000000')" "$facts"
  expect "$(printf 'CapBnd:\t0000000000000000')" "$facts"
  expect "$(printf 'NoNewPrivs:\t1')" "$facts"
  expect "$(printf 'Seccomp:\t2')" "$facts"
  expect "$(printf 'Uid:\t%s' "${OWNER%:*}")" "$facts"
  ! grep -E '^ *eth' "/proc/$pid/net/dev" || fail "it has a network device"
  [ "$(wc -l <"/proc/$pid/net/route")" = 1 ] || fail "it has a route"
}
only_the_job_folder_is_writable() {
  local pid mounts
  pid=$(docker_api GET "/containers/$RUN-whole/json" | grep -o '"Pid":[0-9]*' | cut -d : -f 2)
  mounts=$(awk '$4 ~ /^rw/ { print $2 }' "/proc/$pid/mounts" | grep -vE '^/(proc|dev|sys)(/|$)' | sort | paste -sd ' ' -)
  [ "$mounts" = "/run/job /tmp" ] || fail "writable: $mounts"
}
no_shell() {
  local list
  list=$(tar -xOf "$("$ENGINE/build" 2>/dev/null)" layer.tar | tar -tf - | grep -v '/$' | sort | paste -sd ' ' -)
  [ "$list" = "bin/llama-server bin/rpc-server bin/sockrelay licences/llama.cpp" ] || fail "in the image: $list"
}
too_long_is_refused() {
  local said
  said=$(python3 -c 'import json; print(json.dumps({"messages":[{"role":"user","content":"word " * 3000}]}))' |
    curl -sS --max-time 60 --unix-socket "$WORK/job/llm.sock" http://e/v1/chat/completions -H 'Content-Type: application/json' -d @-)
  expect exceed_context_size_error "$said"
}
stops_at_once() {
  docker_api POST "/containers/$RUN-whole/stop?t=10" # a later end would be by force, with exit code 137
  expect '"ExitCode":0' "$(docker_api GET "/containers/$RUN-whole/json")"
}
# The model's layers in two containers, a third that leads them; no container has a network: sockrelay joins sockets.
answers_in_three_parts() {
  local n whole_said said relay=()
  whole_said=$(chat job)
  for n in 1 2; do
    job_folder "w$n"
    start "worker$n" "$WORK/w$n:/run/job:rw" \
      /bin/sockrelay unix:/run/job/rpc.sock tcp:50052 -- /bin/rpc-server -H 127.0.0.1 -p 50052 -t 1
    relay+=("tcp:5006$n" "unix:/run/w$n/rpc.sock")
  done
  job_folder head
  start head "$model:$MODEL:ro $WORK/head:/run/job:rw $WORK/w1:/run/w1:rw $WORK/w2:/run/w2:rw" \
    /bin/sockrelay "${relay[@]}" -- /bin/llama-server "${OPTIONS[@]}" \
    --rpc 127.0.0.1:50061,127.0.0.1:50062 -ngl 99 -ts 1,1
  healthy head head
  said=$(chat head)
  [ "$(grep -v '^$' <<<"$said" | tail -n 1)" = 'data: [DONE]' ] || fail "does not end in [DONE]: $said $(logs head)"
  [ "$(text_of "$said")" = "$(text_of "$whole_said")" ] || fail "another answer than in one part: $(text_of "$said")"
}

check "one flipped byte in the cached engine source is refused" flipped_in_cache engine
check "one flipped byte in the cached model package is refused" flipped_in_cache model
check "a truncated download is refused" truncated_in_cache
check "a source whose bytes differ at the index is refused" flipped_at_source engine
check "a model package whose bytes differ at the index is refused" flipped_at_source model
check "the engine source as pinned is accepted from another index" unharmed_at_source engine
check "the model package as pinned is accepted from another index" unharmed_at_source model
check "a model that differs from its pin inside a good package is refused" wrong_pin
check "the engine for GPUs has the options of the CPU's" same_options
check "the engine builds, or is in the cache" "$ENGINE/build"
check "the model unpacks, or is in the cache" "$ENGINE/model"
check "a second build is fast" cpu_within 600 "$ENGINE/build"
check "a second model is fast" cpu_within 600 "$ENGINE/model"
check "a half-written model is replaced" model_heals
check "a damaged image archive is packed again, bit for bit" image_heals
check "the image holds three programs and no shell" no_shell
check "the image loads into Docker" "$ENGINE/load"
check "a containerd image store's id is taken when the image is ours" loads_into other_ids containerd
check "a containerd image store that changes the image is refused with the switch" loads_into refused_ids other
check "a second load is fast" cpu_within 900 "$ENGINE/load"
id=$("$ENGINE/load" 2>/dev/null | tail -n 1)
model=$("$ENGINE/model" 2>/dev/null | tail -n 1)
check "the loaded image is the pinned one" image_is_pinned "$id"
check "a hardened container becomes healthy" starts_hardened
check "it streams a right answer over its socket and ends in [DONE]" answers
check "it has no capability, no new privilege, no network, and a system call filter" confined
check "it can write to its job folder and its /tmp only" only_the_job_folder_is_writable
check "a prompt beyond its context is refused" too_long_is_refused
check "the same answer comes from three containers without a network" answers_in_three_parts
check "it stops at once with exit code 0" stops_at_once

printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]

"""Round trips of 1 KiB over the node's own sockets, beside a C ping-pong and gRPC Swift over the same kind of socket.
It must never compare figures of different moments: every round runs all variants, one after the other; nor of different
places: where the kernel puts both ends of one pair on one core, and those of another on two, it decides the ratio."""

import json
import os
import subprocess

from node import eventually
from table import median, row

ROUNDS = 7
CALLS, PIPELINED = 10000, 200000
# gRPC Swift is so much slower that as many calls would take most of the run; a rate does not need them.
SHARE_OF_GRPC = 10


# The cores of the callers and of the servers: a call between two, and one within.
PLACES = {"two": (0, 1), "one": (0, 0)}


def ask(cpu, *words):
    """What a caller printed, which ran on one core."""
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    return json.loads(done.stdout)


def pin(pid, cpus):
    """Puts all threads of a process onto these cores."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.sched_setaffinity(int(thread), cpus)
        except ProcessLookupError:
            pass


def measure(node, out, grpc):
    """Both ends ours (content-d and PeerLink), our server with a C caller, C at both ends, gRPC Swift at both ends."""
    pingpong, caller, echo = (os.path.join(out, name) for name in ("pingpong", "caller", "echo"))
    bare, plain, remote = (os.path.join(out, name + ".sock") for name in ("c", "echo", "grpc"))
    ours = os.path.join(node.run_dir, "content-d", "infernetctl.sock")
    variants = [
        ("c", (pingpong, "call", bare, "bare")), ("both", (caller, ours, "content-d")),
        ("server", (pingpong, "call", ours, "infernet")), ("nio", (echo, "call", plain))]
    servers = [subprocess.Popen([pingpong, "serve", bare]), subprocess.Popen([echo, "serve", plain])]
    try:
        eventually(lambda: os.path.exists(bare) and os.path.exists(plain), 20, "the C and NIO peers' sockets")
        if grpc != "none":
            servers.append(subprocess.Popen([grpc, "serve", remote]))
            eventually(lambda: os.path.exists(remote), 20, "the gRPC peer's socket")
            variants.append(("grpc", (grpc, "call", remote)))
        everywhere = os.sched_getaffinity(0)
        pids = [node.daemon("content-d")["pid"], *(server.pid for server in servers)]
        seen = {}
        for _ in range(ROUNDS):
            for place, (caller_cpu, server_cpu) in PLACES.items():
                for pid in pids:
                    pin(pid, {server_cpu})
                for depth, calls in ((1, CALLS), (64, PIPELINED)):
                    if place == "one" and depth > 1:
                        continue
                    for name, words in variants:
                        if name == "nio" and depth > 1 or name == "grpc" and place == "one":
                            continue
                        count = calls // SHARE_OF_GRPC if name == "grpc" else calls
                        seen.setdefault((name, depth, place), []).append(
                            ask(caller_cpu, *words, str(count), str(depth)))
    finally:
        pin(node.daemon("content-d")["pid"], everywhere)
        for server in servers:
            server.kill()
            server.wait()

    def of(name, depth, key, place="two"):
        return median(r[key] for r in seen[name, depth, place])

    def ratio(name, depth, key, peer="c", place="two"):
        """The median of the ratios round by round: a disturbance meets both sides of a round alike."""
        return median(a[key] / b[key] for a, b in zip(seen[name, depth, place], seen[peer, depth, place]))

    for key, limit in (("p50_us", 1.4), ("p99_us", 2.0)):
        for name, label, target in (
                ("both", "both ends ours", limit), ("server", "server ours, caller C", None),
                ("nio", "NIO at both ends, raw bytes", None)):
            for place in PLACES if key == "p50_us" else ["two"]:
                times, wanted = ratio(name, 1, key, place=place), target if place == "two" else None
                row(f"IPC 1 KiB {key[:3]}, {label}, {place} core{'s' if place == 'two' else ''}",
                    f"{of(name, 1, key, place):.1f} µs", "C ping-pong", f"{of('c', 1, key, place):.1f} µs",
                    f"{times:.2f}x", f"≤ {wanted}x" if wanted else "", times <= wanted if wanted else None)
    for name, label, target in (("both", "both ends ours", 0.2), ("server", "server ours, caller C", None)):
        times = ratio(name, 64, "per_second")
        row(f"IPC 64 pipelined, {label}", f"{of(name, 64, 'per_second') / 1000:.0f} k/s", "C ping-pong",
            f"{of('c', 64, 'per_second') / 1000:.0f} k/s", f"{times:.2f}x", f"≥ {target}x" if target else "",
            times >= target if target else None)
    if grpc == "none":
        raise FileNotFoundError("gRPC Swift, the other peer, could not be built")
    for key in ("p50_us", "p99_us"):
        row(f"IPC 1 KiB {key[:3]}, both ends ours", f"{of('both', 1, key):.1f} µs", "gRPC Swift",
            f"{of('grpc', 1, key):.1f} µs", f"{ratio('both', 1, key, 'grpc'):.2f}x", "", None)
    times = ratio("both", 64, "per_second", "grpc")
    row("IPC 64 pipelined, both ends ours", f"{of('both', 64, 'per_second') / 1000:.0f} k/s", "gRPC Swift",
        f"{of('grpc', 64, 'per_second') / 1000:.1f} k/s", f"{times:.1f}x", "≥ 10x", times >= 10)

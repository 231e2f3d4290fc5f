"""Round trips of 1 KiB over the node's own sockets, beside a C ping-pong over the same kind of socket.
It must never compare figures of different moments: every round runs all variants, one after the other."""

import json
import os
import subprocess
import time

from table import median, row

ROUNDS = 7
CALLS, PIPELINED = 4000, 30000


def ask(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout)


def measure(node, out):
    """Both ends ours (content-d and PeerLink), our server with a C caller, and C at both ends."""
    pingpong, caller = os.path.join(out, "pingpong"), os.path.join(out, "caller")
    bare = os.path.join(out, "c.sock")
    ours = os.path.join(node.run_dir, "content-d", "infernetctl.sock")
    server = subprocess.Popen([pingpong, "serve", bare])
    try:
        while not os.path.exists(bare):
            time.sleep(0.01)
        seen = {}
        for _ in range(ROUNDS):
            for depth, calls in ((1, CALLS), (64, PIPELINED)):
                for name, words in (
                        ("c", (pingpong, "call", bare, "bare")),
                        ("both", (caller, ours, "content-d")),
                        ("server", (pingpong, "call", ours, "infernet"))):
                    seen.setdefault((name, depth), []).append(ask(*words, str(calls), str(depth)))
    finally:
        server.kill()
        server.wait()

    def of(name, depth, key):
        return median(r[key] for r in seen[name, depth])

    def ratio(name, depth, key):
        """The median of the ratios round by round: a disturbance meets both sides of a round alike."""
        return median(a[key] / b[key] for a, b in zip(seen[name, depth], seen["c", depth]))

    for key, limit in (("p50_us", 1.4), ("p99_us", 2.0)):
        for name, label, target in (("both", "both ends ours", limit), ("server", "server ours, caller C", None)):
            times = ratio(name, 1, key)
            row(f"IPC 1 KiB {key[:3]}, {label}", f"{of(name, 1, key):.1f} µs", "C ping-pong",
                f"{of('c', 1, key):.1f} µs", f"{times:.2f}x", f"≤ {target}x" if target else "",
                times <= target if target else None)
    for name, label, target in (("both", "both ends ours", 0.2), ("server", "server ours, caller C", None)):
        times = ratio(name, 64, "per_second")
        row(f"IPC 64 pipelined, {label}", f"{of(name, 64, 'per_second') / 1000:.0f} k/s", "C ping-pong",
            f"{of('c', 64, 'per_second') / 1000:.0f} k/s", f"{times:.2f}x", f"≥ {target}x" if target else "",
            times >= target if target else None)

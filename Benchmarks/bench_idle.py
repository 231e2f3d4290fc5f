"""What a whole idle node costs in memory, and how long it takes from spawn to ready.
It must never leave a process of the node out of the sum."""

import os
import time

from node import DAEMONS, MODEL, Node
from table import median, row

STARTS = 5
# Answers before the second look, and how long a daemon has been quiet when it has given back what it held for them.
STREAMS, QUIET = 80, 10


def pss(pid):
    """Proportional set size in KiB: shared pages are split among those who share them."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def processes(node):
    """The supervisor and all that it started."""
    with open(f"/proc/{node.process.pid}/task/{node.process.pid}/children", encoding="utf-8") as file:
        children = [int(word) for word in file.read().split()]
    # Other threads of the supervisor start the daemons too.
    for task in os.listdir(f"/proc/{node.process.pid}/task"):
        with open(f"/proc/{node.process.pid}/task/{task}/children", encoding="utf-8") as file:
            children += [int(word) for word in file.read().split()]
    found = [node.process.pid] + sorted(set(children))
    if len(found) < 1 + len(DAEMONS):
        raise AssertionError(f"a node is {1 + len(DAEMONS)} processes, found {len(found)}")
    return found


def look(node, what):
    """One row: the node as it stands."""
    each = {}
    for pid in processes(node):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            each[file.read().strip()] = pss(pid) / 1024
    total = sum(each.values())
    parts = ", ".join(f"{name} {size:.1f}" for name, size in each.items())
    row(f"idle memory of the node, PSS, {what}", f"{total:.1f} MiB", "", parts, f"{total * 1.048576:.1f} MB", "≤ 70 MB",
        total * 1.048576 <= 70)


def fresh(node):
    """Settled, its engine warm, and nobody has asked yet. There must be no other node: they would share pages."""
    time.sleep(3)
    look(node, "fresh")


def worked(node):
    """The same node when it has worked, here and in the parts before, and rests."""
    body = {"model": MODEL, "messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 16, "stream": True}
    for _ in range(STREAMS):
        status, _, answer = node.request("POST", "/v1/chat/completions", body)
        if status != 200 or b"[DONE]" not in answer:
            raise AssertionError(f"{status}: {answer[:300]!r}")
    time.sleep(QUIET)
    look(node, f"after {STREAMS} streams")


def cold_start():
    """From spawn to every daemon ready, on a folder that is new; without an engine, which has its own time."""
    took = []
    for _ in range(STARTS):
        node = Node(image="")
        try:
            began = time.perf_counter()
            node.start(wait=False)
            while True:
                try:
                    if node.settled():
                        break
                except (OSError, KeyError):
                    pass
                if time.perf_counter() - began > 30:
                    raise AssertionError(f"not ready after 30 s: {node.status()}")
                time.sleep(0.005)
            took.append((time.perf_counter() - began) * 1000)
        finally:
            node.destroy()
    row("cold start to all ready p50", f"{median(took):.0f} ms", "", f"slowest {max(took):.0f} ms", "", "≤ 1000 ms",
        median(took) <= 1000)

"""Networks of 200 nodes in one process each: searches, deaths, memory and idle traffic of dht-d's core beside OpenDHT,
Python's kademlia and libtorrent. It must never compare networks of different sizes, nor leave out what was not found."""

import json
import os
import re
import subprocess
import sys
import time

from environment import python
from mainline import Peers
from node import eventually, free_port
from table import median, missing, percentile, row

HERE = os.path.dirname(os.path.abspath(__file__))
RELEASE = os.path.join(HERE, "..", ".build", "release")
PACKAGES = ["kademlia==2.2.3", "opendht==4.4.2"]
NODES, SEARCHES, DEAD, IDLE, THEIRS = 200, 60, 20, 60, 50


def lines(command, seconds):
    """What a program printed, a line of JSON for each deed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stderr[-300:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def ours(*more):
    """Our own nodes."""
    return lines([os.path.join(RELEASE, "dht-nodes"), "--count", str(NODES), "--searches", str(SEARCHES),
                  "--dead", str(DEAD), *more], 600)


def theirs(name):
    """The nodes of a peer; who waits for seconds after deaths searches less often."""
    searches = SEARCHES if name == "opendht" else SEARCHES // 2
    return lines([python("dht-peers-venv", PACKAGES), os.path.join(HERE, "dht", "peers.py"), name, str(NODES),
                  str(searches), str(DEAD)], 900)


def told(run):
    """Found and times, as a reader wants them."""
    times = run["ms"]
    return (f"p50 {median(times):.1f} ms, p95 {percentile(times, 0.95):.0f} ms, {run['found']} of {len(times)}, "
            f"{run['cpu_ms']:.1f} CPU ms")


def idle():
    """Bytes a second that an idle node sends: ours and libtorrent's, both young, at the same time; and after an hour."""
    crowd, port = Peers(), free_port("127.54.0.1")
    try:
        doors = [[f"127.54.0.{number + 1}", port] for number in range(24)]
        crowd.start(addresses=[f"127.54.0.{number + 1}" for number in range(THEIRS)], port=port, entrances=doors)
        # The first ones were told of doors that did not exist yet.
        for number in range(len(doors)):
            crowd.enter(at=number, entrances=doors)
        eventually(lambda: median(crowd.tables()) >= 16, 60, "libtorrent's tables")
        program = subprocess.Popen(
            [os.path.join(RELEASE, "dht-nodes"), "--count", str(THEIRS), "--searches", "0", "--dead", "0", "--idle",
             str(IDLE)], stdout=subprocess.PIPE, text=True)
        program.stdout.readline()
        before, began = crowd.sent(), time.monotonic()
        rate = json.loads(program.stdout.readline())["bytes_per_second"]
        peer = (crowd.sent() - before) / (time.monotonic() - began) / THEIRS
        program.wait()
    finally:
        crowd.close()
    row(f"DHT idle, {THEIRS} young nodes, bytes a second each", f"{rate:.0f}", "libtorrent", f"{peer:.0f}",
        f"{rate / peer:.0%}", "≤ 100", rate <= 100)
    done = subprocess.run(
        [os.path.join(RELEASE, "dht-simulator"), "--nodes", "1000", "--dead", "0", "--searches", "1", "--idle"],
        capture_output=True, text=True, timeout=900, check=True)
    rate = float(re.search(r"with nothing to do: ([0-9.]+) bytes", done.stdout).group(1))
    row("DHT idle, the second hour of 1000 nodes in virtual time, bytes a second each", f"{rate:.0f}", "", "–", "",
        "≤ 100", rate <= 100)


def measure(_):
    """All of it."""
    mine = ours()
    for name in ("opendht", "kademlia"):
        try:
            peer = theirs(name)
        except Exception as error:  # what can be had of the others is worth having
            print(error, file=sys.stderr)
            missing(f"DHT of {name}", f"{type(error).__name__}")
            continue
        row(f"DHT memory a node beyond the process, {NODES} nodes", f"{mine[0]['kib']} KiB", name, f"{peer[0]['kib']} KiB",
            f"{mine[0]['kib'] / peer[0]['kib']:.1f} times", "≤ 100 KiB", mine[0]["kib"] <= 100)
        for number, title in ((1, "all alive"), (2, f"{DEAD} % just dead")):
            a, b = mine[number], peer[number]
            row(f"DHT search of {NODES} nodes, {title}", told(a), name, told(b),
                f"p50 {median(a['ms']) / median(b['ms']):.0%}", "", None)
            assert a["found"] == len(a["ms"]), "not everything was found"
    idle()

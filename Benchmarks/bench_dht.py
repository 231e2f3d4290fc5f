"""Answers of one dht-d to a flood of questions, beside one node of libtorrent in the same run, and what a flood does to
searches. It must never compare wall times: both are held against the CPU time of the process that answers."""

import json
import os
import secrets
import struct
import subprocess
import time

from dht_packets import blast, cards, packets, source
from mainline import DHTProcess, Peers
from node import eventually, free_port
from table import median, percentile, row

ROUNDS, SECONDS, OTHERS = 3, 3, 24
METHODS = ("ping", "find_node", "get_peers", "get")
CARDS = 12000


def puts(out, asker, target):
    """Signed cards, new ones and the same again, beside the signature check alone."""
    new, again, alone = [], [], []
    what = cards(out, asker, target, CARDS)
    for first in range(0, CARDS, CARDS // ROUNDS):
        part = what[first:first + CARDS // ROUNDS]
        for into in (new, again):
            got = blast(out, asker, part, target.address, target.port, target.process.pid, 0)
            assert got["errors"] == 0 and got["replies"] > 0.9 * len(part), got
            into.append(got["replies"] / got["cpu"])
        done = subprocess.run([os.path.join(out, "raw"), "signatures", "20000", "cpu"], capture_output=True, text=True, check=True)
        alone.append(json.loads(done.stdout)["verify_parse"])
    ratio = median(a / b for a, b in zip(new, alone))
    row("DHT inf_put, new signed cards stored per CPU second", f"{median(new):,.0f}", "libsecp256k1's check alone",
        f"{median(alone):,.0f}", f"{ratio:.0%}", "≥ 30,000", median(new) >= 30000)
    row("DHT inf_put, the same cards again per CPU second", f"{median(again):,.0f}", "", "–",
        f"{median(a / b for a, b in zip(again, new)):.1f} times as many", "≥ 30,000", median(again) >= 30000)


def flooded(out, ours, target):
    """Searches by one node, quiet, and while another part of the network floods it from one address and from many."""
    def searches(count=60):
        times, found = [], 0
        for number in range(count):
            began = time.perf_counter()
            found += bool(target.call("dht.get_peers", info_hash=hashes[number % len(hashes)])["peers"])
            times.append((time.perf_counter() - began) * 1000)
        return times, found

    hashes = [secrets.token_hex(20) for _ in range(20)]
    for number, each in enumerate(hashes):
        assert ours[number % len(ours)].call("dht.announce_peer", info_hash=each, port=7001)["stored"] > 3
    quiet, found = searches()
    figures = [("quiet", quiet, found)]
    for title, addresses in (("one address", 1), ("16 addresses", 16)):
        path = os.path.join(out, "flood")
        with open(path, "wb") as file:
            for each in packets("find_node"):
                file.write(struct.pack(">H", len(each)) + each)
        floods = []
        for number in range(addresses):
            asker = source(f"127.52.{addresses}.{number + 1}")
            floods.append(subprocess.Popen(
                [os.path.join(out, "blast"), str(asker.fileno()), path, "32", "6", target.address, str(target.port)],
                pass_fds=[asker.fileno()], stdout=subprocess.PIPE, text=True))
            asker.close()
        figures.append((f"flooded from {title}", *searches()))
        rate = sum(json.loads(each.communicate(timeout=60)[0])["replies"] for each in floods) / 6
        print(f"flood from {title}: {rate:.0f} answers/s", flush=True)
    return figures


def measure(out):
    """One dht-d and one libtorrent, each in a network of its own kind."""
    port = free_port("127.50.0.1")
    ours, theirs, crowd = [], Peers(), Peers()
    try:
        for number in range(OTHERS + 1):
            ours.append(DHTProcess(f"127.50.0.{number + 1}", port, [(ours[0].address, port)] if ours else []))
        theirs.start(addresses=["127.51.0.1"], port=port, entrances=[])
        crowd.start(
            addresses=[f"127.51.{number + 1}.1" for number in range(OTHERS)], port=port,
            entrances=[["127.51.0.1", port]])
        theirs.enter(at=0, entrances=[[f"127.51.{number + 1}.1", port] for number in range(OTHERS)])
        eventually(lambda: min(node.good() for node in ours) >= 16, 60, "our tables")
        eventually(lambda: theirs.tables()[0] >= 16, 60, "libtorrent's table")
        target = ours[0]
        asker, seen = source("127.52.0.1"), {}
        for _ in range(ROUNDS):
            for method in METHODS:
                for name, address, pid in (("ours", target.address, target.process.pid),
                                           ("theirs", "127.51.0.1", theirs.process.pid)):
                    got = blast(out, asker, packets(method), address, port, pid, SECONDS)
                    seen.setdefault((name, method), []).append(got["replies"] / max(0.01, got["cpu"]))
        for method in METHODS:
            ratio = median(a / b for a, b in zip(seen["ours", method], seen["theirs", method]))
            wanted = method in ("ping", "find_node")
            row(f"DHT {method}, answers per CPU second", f"{median(seen['ours', method]):,.0f}", "libtorrent",
                f"{median(seen['theirs', method]):,.0f}", f"{ratio:.0%}", "≥ 50 %" if wanted else "",
                ratio >= 0.5 if wanted else None)
        asker.close()
        asker = source("127.52.0.2")
        puts(out, asker, target)
        for title, times, found in flooded(out, ours[1:], target):
            row(f"DHT search, {title}", f"p50 {median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms", "", "–",
                f"{found} of {len(times)} found", "all", found == len(times))
    finally:
        for node in ours:
            node.destroy()
        theirs.close()
        crowd.close()

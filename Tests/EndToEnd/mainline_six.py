"""Run inside an empty network namespace: dht-d on public-looking addresses of IPv6, some of IPv4 as well, beside libtorrent's
nodes of IPv6. Exits with 0 when each finds what the other stored, and with 77 and a reason when there is no IPv6 here.
It must never be run where a real network is: it takes every address for this machine."""

import os
import secrets
import subprocess
import sys
import time

import schnorr
from mainline import DHTProcess, Peers
from node import eventually

PORT = 6881
SIX = [f"{prefix}::{number + 1}" for number, prefix in enumerate(
    ("2001:db8:11:1", "2a01:4f8:12:2", "2606:4700:13:3", "2400:cb00:14:4", "2620:1:15:5", "2c0f:f248:16:6",
     "2804:14c:17:7", "2a02:2f0:18:8"))]
FOUR = [f"{first}.20.30.7" for first in (5, 23, 44, 62)]
THEIRS = [f"{prefix}::9" for prefix in ("2001:470:21", "2a03:2880:22", "2600:1f18:23", "2405:200:24")]


def prepare():
    """Every address is this machine, or there is no IPv6 to speak."""
    if any(line.split(":")[0].strip() not in ("lo", "") for line in open("/proc/net/dev", encoding="ascii").readlines()[2:]):
        sys.exit("there is a network here; run me by `unshare --net`")
    if not os.path.exists("/proc/net/if_inet6"):
        print("this kernel has no IPv6")
        sys.exit(77)
    with open("/proc/sys/net/ipv6/ip_nonlocal_bind", "w", encoding="ascii") as file:
        file.write("1")
    for command in ("link set lo up", "route add local 0.0.0.0/1 dev lo", "-6 route add local 2000::/3 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)


def check(good, what, *seen):
    """An assertion that says what it saw."""
    if not good:
        raise AssertionError(f"{what}: {seen}")


def exchange(ours, peers):
    """Peers, items and samples, both ways."""
    theirs, mine = secrets.token_hex(20), secrets.token_hex(20)
    peers.announce(at=0, info_hash=theirs, port=7001)
    found = eventually(lambda: ours[2].call("dht.get_peers", info_hash=theirs)["peers"], 20, "libtorrent's announcement")
    check(found == [f"[{THEIRS[0]}]:7001"], "libtorrent's peer", found)
    stored = ours[4].call("dht.announce_peer", info_hash=mine, port=7002)
    check(stored["stored"] > 3, "our announcement", stored)
    found = peers.get_peers(at=3, info_hash=mine)
    check(found == [[SIX[4], 7002]], "our peer", found)
    for size in (1, 300, 996):
        text = secrets.token_hex(500)[:size]
        put = peers.put(at=1, value=text)
        check(put["stored"] > 3, "libtorrent's item", put)
        item = ours[6].call("dht.get_item", target=put["target"])["item"]
        check(bytes.fromhex(item["value"]) == f"{size}:{text}".encode(), "libtorrent's item", item)
        text = secrets.token_hex(500)[:size]
        put = ours[7].call("dht.put_item", item={"value": f"{size}:{text}".encode().hex()})
        check(put["stored"] > 3, "our item", put)
        check(peers.get(at=2, target=put["target"]) == text, "our item of bytes", size)
    seed = secrets.token_hex(32)
    put = peers.put_mutable(at=2, seed=seed, value="first", salt="there")
    item = ours[3].call("dht.get_item", target="", key=put["key"], salt=b"there".hex())["item"]
    check(bytes.fromhex(item["value"]) == b"5:first", "libtorrent's mutable item", item)
    stored = ours[5].call("dht.put_item", item=peers.sign(seed=seed, value="second", salt="back", seq=3))
    check(stored["stored"] > 3, "our mutable item", stored)
    check(peers.get_mutable(at=1, key=put["key"], salt="back") == "second", "our mutable item")
    told = peers.sample(at=0, address=ours[2].address, port=PORT, target=secrets.token_hex(20))
    check(told is not None and told["total"] >= len(told["samples"]), "a sample", told)


def cards(ours, four):
    """Who has both networks is found from either; he himself knew a door of one."""
    line = ours[0].line("aggregator-d")
    card = schnorr.card(secrets.randbelow(schnorr.ORDER - 1) + 1, int(time.time()), model="both-ways")
    stored = line.call("dht.announce", {"card": card})["stored"]
    line.close()
    for node in (ours[6], four):
        found = node.call("dht.find", model="both-ways", limit=4)["cards"]
        check([each["id"] for each in found] == [card["id"]], f"the card at {node.address}", found)
    return stored


def main():
    """Runs it all."""
    prepare()
    nodes, peers, began = [], Peers(), time.monotonic()
    try:
        for number, address in enumerate(SIX):
            beside = FOUR[number] if number < len(FOUR) - 1 else None
            # Those with both are told of a door of IPv4, and find the other network through it.
            door = [] if not nodes else [(FOUR[0] if beside else SIX[0], PORT)]
            callers = ("infernetctl", "aggregator-d") if not nodes else ("infernetctl",)
            nodes.append(DHTProcess(address, PORT, door, callers, beside=beside))
        nodes.append(DHTProcess(FOUR[-1], PORT, [(FOUR[0], PORT)]))
        peers.start(addresses=THEIRS, port=PORT, entrances=[[address, PORT] for address in SIX[:3]], strict=True)
        eventually(lambda: min(peers.tables()) >= 6, 40, "libtorrent's tables")
        eventually(lambda: min(node.call("dht.stats")["good_peers6"] for node in nodes[:-1]) >= 6, 40, "our tables")
        print(f"  {time.monotonic() - began:.1f} s: {len(SIX)} dht-d and {len(THEIRS)} of libtorrent's know each other")
        exchange(nodes, peers)
        stored = cards(nodes, nodes[-1])
        stats = nodes[0].call("dht.stats")
        check(stats["good_peers"] > stats["good_peers6"], "both networks", stats)
        print(f"  {time.monotonic() - began:.1f} s: peers, items and samples both ways; a card at {stored} places of both networks")
    finally:
        peers.close()
        for node in nodes:
            node.destroy()


main()

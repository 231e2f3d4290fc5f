"""peers.py kademlia|opendht COUNT SEARCHES DEAD: nodes of a named peer in one process, and what they cost; a line of JSON
for each deed, as dht-nodes prints them. It must never run code of ours: it is what ours is held against."""

import asyncio
import json
import os
import random
import sys
import threading
import time


def resident():
    """Bytes that the process holds."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def say(**what):
    """One line."""
    print(json.dumps(what), flush=True)


async def kademlia(count, searches, dead):
    """Python's `kademlia`: an asyncio server for each node."""
    import logging

    from kademlia.network import Server
    logging.disable(logging.CRITICAL)
    first = Server()
    await first.listen(9000, interface="127.71.255.1")
    first.stop()
    before, nodes = resident(), []
    for number in range(count):
        node = Server()
        host = f"127.71.{number // 200}.{number % 200 + 1}"
        await node.listen(9000, interface=host)
        if nodes:
            await node.bootstrap([(f"127.71.0.{door + 1}", 9000) for door in range(min(8, len(nodes)))])
        nodes.append(node)
    await asyncio.sleep(2)
    say(nodes=count, known=sum(len(each.bootstrappable_neighbors()) for each in nodes) // count,
        kib=(resident() - before) // count // 1024)
    for number in range(searches):
        assert await nodes[number * count // searches].set(f"model-{number}", "x" * 400)

    async def search(dead):
        times, found, cpu = [], 0, time.process_time()
        for number in range(searches):
            began = time.perf_counter()
            found += await random.choice(nodes).get(f"model-{number}") == "x" * 400
            times.append((time.perf_counter() - began) * 1000)
        say(dead=dead, found=found, cpu_ms=(time.process_time() - cpu) * 1000 / searches, ms=times)

    await search(0)
    random.shuffle(nodes)
    for _ in range(count * dead // 100):
        nodes.pop().stop()
    if dead:
        await search(dead)
    os._exit(0)


def opendht(count, searches, dead):
    """OpenDHT: a runner with threads of its own for each node."""
    import opendht as dht

    def runner(host):
        config = dht.DhtConfig()
        config.setBootstrapMode(False)
        if hasattr(config, "setRateLimit"):
            config.setRateLimit(-1, -1)
        node = dht.DhtRunner()
        node.run(ipv4=host, port=9000, config=config)
        return node

    first = runner("127.72.255.1")
    first.join()
    before, nodes = resident(), []
    for number in range(count):
        node = runner(f"127.72.{number // 200}.{number % 200 + 1}")
        for door in range(min(8, len(nodes))):
            node.bootstrap(f"127.72.0.{door + 1}", "9000")
        nodes.append(node)
        time.sleep(0.01)
    time.sleep(5)
    # Its nodes come to know each other by searching; ours do it by themselves.
    for node in nodes:
        node.get(dht.InfoHash.getRandom(), lambda _: True, lambda *_: None)
    time.sleep(20)
    say(nodes=count, known=0, kib=(resident() - before) // count // 1024)
    ends = []
    for number in range(searches):
        stored = threading.Event()
        nodes[number * count // searches].put(
            dht.InfoHash.get(f"model-{number}"), dht.Value(b"x" * 400), lambda ok, _, end=stored: end.set())
        ends.append(stored)
    # All at once, as the first ones take seconds.
    late = [end for end in ends if not end.wait(60)]
    assert not late, f"{len(late)} of {searches} puts did not end within a minute"
    time.sleep(5)

    def search(dead):
        times, found, cpu = [], 0, time.process_time()
        for number in range(searches):
            began = time.perf_counter()
            first, values = threading.Event(), []
            # Ours ends with a good card from two holders; here the first value is enough.
            random.choice(nodes).get(
                dht.InfoHash.get(f"model-{number}"),
                lambda value, end=first, into=values: (into.append(value), end.set(), False)[2],
                lambda ok, _, end=first: end.set())
            found += first.wait(20) and len(values) > 0
            times.append((time.perf_counter() - began) * 1000)
        say(dead=dead, found=found, cpu_ms=(time.process_time() - cpu) * 1000 / searches, ms=times)

    search(0)
    random.shuffle(nodes)
    for _ in range(count * dead // 100):
        nodes.pop().join()
    if dead:
        search(dead)
    os._exit(0)


if __name__ == "__main__":
    name, numbers = sys.argv[1], [int(each) for each in sys.argv[2:5]]
    if name == "kademlia":
        asyncio.run(kademlia(*numbers))
    else:
        opendht(*numbers)

"""Two hundred dht-d and fifty nodes of libtorrent on one machine: everything is found, a fifth is killed, and everything
is found again. Prints what it took. It must never count a search that was not made, nor let a packet out of 127/8."""

import argparse
import os
import random
import secrets
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "EndToEnd"))
import schnorr  # noqa: E402
from mainline import DHTProcess, Peers  # noqa: E402
from node import eventually, free_port  # noqa: E402

GROUP = 10


class Swarm:
    """All nodes, and what they were given to keep."""

    def __init__(self, ours, theirs, seed, confined):
        self.chance = random.Random(seed)
        self.port = free_port("127.40.0.1")
        self.ours, self.groups = [], []
        for number in range(ours):
            doors = [(node.address, self.port) for node in self.ours[:8]]
            callers = ("infernetctl", "aggregator-d") if number % 10 == 9 else ("infernetctl",)
            self.ours.append(
                DHTProcess(f"127.40.{number // 200}.{number % 200 + 1}", self.port, doors, callers, confined))
        entrances = [[node.address, self.port] for node in self.ours[:8]]
        for first in range(0, theirs, GROUP):
            group = Peers()
            group.start(
                addresses=[f"127.41.0.{first + number + 1}" for number in range(GROUP)], port=self.port,
                entrances=entrances)
            self.groups.append(group)
        self.cards, self.torrents, self.items = {}, {}, {}

    def ready(self):
        """Waits until everybody knows enough others."""
        eventually(lambda: min(node.good() for node in self.ours) >= 16, 120, "our tables", every=1)
        eventually(lambda: min(min(group.tables()) for group in self.groups) >= 16, 120, "their tables", every=1)

    def publish(self):
        """Twenty of each kind, from nodes of both kinds."""
        providers = [node for node in self.ours if "aggregator-d" in node.rpc][:20]
        for number, node in enumerate(providers):
            card = schnorr.card(secrets.randbelow(schnorr.ORDER - 1) + 1, int(time.time()), model=f"model-{number}")
            line = node.line("aggregator-d")
            reply = line.call("dht.announce", {"card": card})
            line.close()
            assert reply["stored"] >= 3 * 8, reply
            self.cards[f"model-{number}"] = card["id"]
        for number in range(20):
            name = secrets.token_hex(20)
            if number % 2:
                self.groups[number % len(self.groups)].announce(at=number % GROUP, info_hash=name, port=7001)
            else:
                assert self.ours[number * 7 % len(self.ours)].call("dht.announce_peer", info_hash=name, port=7001)["stored"] > 3
            self.torrents[name] = 7001
            value = secrets.token_hex(200)
            if number % 2:
                put = self.groups[number % len(self.groups)].put(at=number % GROUP, value=value)
            else:
                bencoded = f"{len(value)}:{value}".encode().hex()
                put = self.ours[number * 9 % len(self.ours)].call("dht.put_item", item={"value": bencoded})
            assert put["stored"] > 3, put
            self.items[put["target"]] = value

    def search(self, groups):
        """Looks for everything from nodes drawn by chance, of both kinds; what was not found, and the times of ours."""
        missing, times = [], []
        living = [node for node in self.ours if node.process.poll() is None]

        def ask(method, **parameters):
            began = time.monotonic()
            reply = self.chance.choice(living).call(method, **parameters)
            times.append(time.monotonic() - began)
            return reply

        for model, name in self.cards.items():
            if name not in [card["id"] for card in ask("dht.find", model=model, limit=4)["cards"]]:
                missing.append(f"card {model}")
        for name, port in self.torrents.items():
            if not any(each.endswith(f":{port}") for each in ask("dht.get_peers", info_hash=name)["peers"]):
                missing.append(f"torrent {name}")
            if groups and not self.chance.choice(groups).get_peers(at=self.chance.randrange(GROUP), info_hash=name):
                missing.append(f"torrent {name}, by libtorrent")
        for target, value in self.items.items():
            item = ask("dht.get_item", target=target).get("item")
            if not item or bytes.fromhex(item["value"]).decode() != f"{len(value)}:{value}":
                missing.append(f"item {target}")
            if groups and self.chance.choice(groups).get(at=self.chance.randrange(GROUP), target=target) != value:
                missing.append(f"item {target}, by libtorrent")
        return missing, sorted(times)

    def kill_a_fifth(self):
        """kill -9, of both kinds, providers and holders among them; the doors stay."""
        for node in self.chance.sample(self.ours[8:], len(self.ours) // 5):
            node.kill()
        for _ in range(max(1, len(self.groups) // 5)):
            self.groups.pop(self.chance.randrange(len(self.groups))).close()

    def cost(self):
        """MiB that nobody shares, and CPU seconds, of our processes together."""
        memory = ticks = 0
        for node in self.ours:
            if node.process.poll() is not None:
                continue
            with open(f"/proc/{node.pid}/statm", encoding="ascii") as file:
                resident, shared = map(int, file.read().split()[1:3])
                memory += (resident - shared) * 4096
            with open(f"/proc/{node.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
                ticks += int(fields[11]) + int(fields[12])
        return memory / 2**20, ticks / os.sysconf("SC_CLK_TCK")

    def close(self):
        """Ends everything."""
        for node in self.ours:
            node.destroy()
        for group in self.groups:
            group.close()


def main():
    """Runs it all; exits with 1 when anything was not found."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--ours", type=int, default=200)
    options.add_argument("--theirs", type=int, default=50)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--confined", action="store_true", help="every dht-d behind the supervisor's walls")
    chosen = options.parse_args()
    began = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    swarm = Swarm(chosen.ours, chosen.theirs, chosen.seed, chosen.confined)
    missing = []
    try:
        say(f"{chosen.ours} dht-d and {chosen.theirs} nodes of libtorrent are started, seed {chosen.seed}")
        swarm.ready()
        say("everybody knows at least 16 others")
        swarm.publish()
        say("20 cards, 20 torrents and 20 items are published, by both kinds")
        for title in ("all alive", "a fifth killed"):
            lost, times = swarm.search(swarm.groups)
            missing += [f"{title}: {each}" for each in lost]
            memory, seconds = swarm.cost()
            say(f"{title}: {len(lost)} not found; our searches p50 {times[len(times) // 2] * 1000:.0f} ms, "
                f"p95 {times[len(times) * 95 // 100] * 1000:.0f} ms; our processes hold {memory:.0f} MiB "
                f"and took {seconds:.1f} CPU s in all")
            if title == "all alive":
                swarm.kill_a_fifth()
                say("a fifth of both kinds is killed; the searches begin at once")
    finally:
        swarm.close()
    for each in missing:
        print(f"NOT FOUND: {each}")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()

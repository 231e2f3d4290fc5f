"""Proves that dht-d speaks Mainline as others do: libtorrent stores at our nodes and finds there, and the other way
round; aria2 and transmission find a seed through a DHT of our nodes, given a magnet link and nothing else.
It must never let a packet out of this machine: everything is on 127/8, or in a namespace without a network."""

import os
import secrets
import subprocess
import sys
import time
import unittest

import schnorr
from kernel import inet_sockets, socket_inodes
from mainline import DHTProcess, Peers
from node import eventually, free_port

OURS, THEIRS = 12, 6


class Mainline(unittest.TestCase):
    """Twelve of ours and six of libtorrent's."""

    confined = False

    @classmethod
    def setUpClass(cls):
        cls.port = free_port("127.31.0.1")
        cls.ours = []
        for number in range(OURS):
            door = [(cls.ours[0].address, cls.port)] if cls.ours else []
            cls.ours.append(DHTProcess(f"127.31.0.{number + 1}", cls.port, door, confined=cls.confined))
            cls.addClassCleanup(cls.ours[-1].destroy)
        cls.peers = Peers()
        cls.addClassCleanup(cls.peers.close)
        cls.peers.start(
            addresses=[f"127.32.0.{number + 1}" for number in range(THEIRS)], port=cls.port,
            entrances=[[node.address, cls.port] for node in cls.ours[:3]])
        eventually(lambda: min(cls.peers.tables()) >= 6, 30, "libtorrent's tables")
        eventually(lambda: min(node.good() for node in cls.ours) >= 6, 30, "our tables")

    def test_peers_both_ways(self):
        theirs, ours = secrets.token_hex(20), secrets.token_hex(20)
        self.peers.announce(at=0, info_hash=theirs, port=7001)
        found = eventually(
            lambda: self.ours[7].call("dht.get_peers", info_hash=theirs)["peers"], 20, "libtorrent's announcement")
        self.assertEqual(found, ["127.32.0.1:7001"])
        self.assertGreater(self.ours[4].call("dht.announce_peer", info_hash=ours, port=7002)["stored"], 3)
        self.assertEqual(self.peers.get_peers(at=3, info_hash=ours), [["127.31.0.5", 7002]])

    def test_immutable_items_both_ways(self):
        for size in (1, 300, 996):
            text = secrets.token_hex(500)[:size]
            put = self.peers.put(at=1, value=text)
            self.assertGreater(put["stored"], 3)
            item = self.ours[9].call("dht.get_item", target=put["target"])["item"]
            self.assertEqual(bytes.fromhex(item["value"]), f"{size}:{text}".encode())
            text = secrets.token_hex(500)[:size]
            put = self.ours[2].call("dht.put_item", item={"value": f"{size}:{text}".encode().hex()})
            self.assertGreater(put["stored"], 3, put)
            self.assertEqual(self.peers.get(at=4, target=put["target"]), text)

    def test_mutable_items_both_ways(self):
        seed = secrets.token_hex(32)
        put = self.peers.put_mutable(at=2, seed=seed, value="first", salt="there")
        self.assertGreater(put["stored"], 3)
        item = self.ours[5].call("dht.get_item", target="", key=put["key"], salt=b"there".hex())["item"]
        self.assertEqual(bytes.fromhex(item["value"]), b"5:first")
        signed = self.peers.sign(seed=seed, value="second", salt="back", seq=3)
        stored = self.ours[6].call("dht.put_item", item=signed)
        self.assertGreater(stored["stored"], 3, stored)
        self.assertEqual(self.peers.get_mutable(at=5, key=put["key"], salt="back"), "second")
        older = self.peers.sign(seed=seed, value="older", salt="back", seq=2)
        refused = self.ours[8].call("dht.put_item", item=older)
        self.assertTrue(any(line.startswith("302") for line in refused["refusals"]), refused)
        self.assertEqual(self.peers.get_mutable(at=0, key=put["key"], salt="back"), "second")

    def test_samples(self):
        hashes = {secrets.token_hex(20) for _ in range(5)}
        for number, each in enumerate(sorted(hashes)):
            self.assertGreater(self.ours[number].call("dht.announce_peer", info_hash=each, port=7003)["stored"], 0)
        seen = set()
        for node in self.ours:
            told = self.peers.sample(at=0, address=node.address, port=self.port, target=secrets.token_hex(20))
            self.assertIsNotNone(told, f"{node.address} did not answer")
            self.assertGreaterEqual(told["total"], len(told["samples"]))
            seen |= set(told["samples"])
        self.assertTrue(seen & hashes)


class MainlineBehindWalls(Mainline):
    """The same with every dht-d in the sandbox that the supervisor puts it into, with nothing but what it was handed."""

    confined = True

    def test_it_holds_no_socket_but_those_it_was_handed(self):
        inet = inet_sockets()
        for node in self.ours:
            held = socket_inodes(node.pid)
            own = {os.fstat(each.fileno()).st_ino for each in node.udp.values()}
            self.assertEqual({inode for inode in held if inode in inet}, own)
            self.assertTrue(own <= held)

    def test_cards_are_announced_found_and_kept_over_kill_and_restart(self):
        port = free_port("127.33.0.1")
        nodes = []
        for number in range(4):
            door = [(nodes[0].address, port)] if nodes else []
            nodes.append(DHTProcess(
                f"127.33.0.{number + 1}", port, door, ("infernetctl", "aggregator-d"), confined=True))
            self.addCleanup(nodes[-1].destroy)
        eventually(lambda: min(node.good() for node in nodes) >= 3, 30, "our tables")
        card = schnorr.card(secrets.randbelow(schnorr.ORDER - 1) + 1, int(time.time()), model="walled")
        line = nodes[1].line("aggregator-d")
        self.assertGreaterEqual(line.call("dht.announce", {"card": card})["stored"], 9)
        line.close()
        for node in nodes:
            found = node.call("dht.find", model="walled", limit=4)["cards"]
            self.assertEqual([each["id"] for each in found], [card["id"]])
        nodes[1].kill()
        began = time.monotonic()
        nodes[1].start()
        eventually(lambda: nodes[1].good() >= 2, 10, "the table of before")
        self.assertTrue(nodes[1].call("dht.stats")["announced"])
        took = time.monotonic() - began
        print(f"\nfigure: back in the network {took:.2f} s after kill -9", end="", flush=True)
        self.assertLess(took, 2)


class MainlineOverIPv6(unittest.TestCase):
    """The same between dht-d and libtorrent over IPv6 (BEP 32), in a namespace where every address is this machine."""

    def test_both_ways_over_ipv6(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mainline_six.py")
        done = subprocess.run(
            ["unshare", "--net", sys.executable, script], capture_output=True, text=True, timeout=180, check=False)
        if done.returncode == 77:
            self.skipTest(done.stdout.strip())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print("\n" + done.stdout.strip(), end="", flush=True)


class Torrents(unittest.TestCase):
    """Two torrent programs that nobody here wrote, in a namespace where every address is this machine."""

    def test_magnet_link_through_our_nodes(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "mainline_magnet.py")
        done = subprocess.run(
            ["unshare", "--net", sys.executable, script], capture_output=True, text=True, timeout=150, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        print("\n" + done.stdout.strip(), end="", flush=True)


if __name__ == "__main__":
    unittest.main()

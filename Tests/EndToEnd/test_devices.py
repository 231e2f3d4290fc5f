"""Proves that providers are found by their devices and by what is free on them now. It must never take a word for a fact:
strangers are sockets of this file's own."""

import json
import secrets
import time
import unittest

import krpc
import schnorr
from mainline import DHTProcess
from node import Node, eventually, free_port


class Devices(unittest.TestCase):
    """A client, and strangers with GPUs that nobody here has."""

    @classmethod
    def setUpClass(cls):
        cls.client = Node("127.0.0.2", image="").start()
        cls.addClassCleanup(cls.client.destroy)
        cls.other = DHTProcess("127.0.0.9", free_port("127.0.0.9"), [cls.client.dht.split(":")],
                               ("infernetctl", "aggregator-d"))
        cls.addClassCleanup(cls.other.destroy)
        eventually(lambda: cls.other.good() > 0, 30, "an acquaintance")
        cls.line = cls.other.line("aggregator-d")
        cls.addClassCleanup(cls.line.socket.close)
        cls.providers = {}
        for name, device, model, free in (
                ("roomy", "nvidia-h200", "model-x", 100_000), ("full", "nvidia-h200", "model-y", 300),
                ("mute", "nvidia-h200", "model-x", None), ("small", "nvidia-rtx-4090", "model-x", 20_000),
                ("plain", "cpu", "model-x", None)):
            provider = krpc.Provider(secrets.randbelow(schnorr.ORDER - 1) + 1, "127.0.0.9", free)
            cls.addClassCleanup(provider.close)
            card = schnorr.card(provider.secret, int(time.time()), model=model, device=device, status=provider.address)
            cls.line.call("dht.announce", {"card": card})
            cls.providers[card["pubkey"]] = name

    def find(self, *words):
        """Who is found, by name, and why others are not."""
        found = json.loads(self.client.ctl("find", *words, "--json", check=True).stdout)
        return {self.providers[each["card"]["provider"]] for each in found["providers"]}, found["left_out"]

    def test_by_device_alone_and_with_a_model(self):
        self.assertEqual(self.find("--gpu", "H200")[0], {"roomy", "full", "mute"})
        self.assertEqual(self.find("--gpu", "nvidia-rtx-4090")[0], {"small"})
        self.assertEqual(self.find("model-x", "--gpu", "NVIDIA H200")[0], {"roomy", "mute"})
        self.assertEqual(self.find("model-x", "--gpu", "GeForce RTX 4090")[0], {"small"})
        self.assertEqual(self.find("--gpu", "amd-mi300x")[0], set())
        # A root has no topic with a device, and is found all the same.
        found, left_out = self.find("ab" * 32, "--gpu", "RTX 4090")
        self.assertEqual(found, {"small"})
        self.assertIn("another device than wanted", " ".join(left_out))
        shown = self.client.ctl("find", "--gpu", "H200", check=True).stdout
        self.assertIn("CHEAPEST MODEL", shown)
        self.assertIn("model-y", shown)
        self.assertEqual(self.client.ctl("find").returncode, 64)

    def test_what_is_free_now_is_asked_of_each(self):
        found, left_out = self.find("--gpu", "H200", "--free-vram", "90")
        self.assertEqual(found, {"roomy"})
        self.assertIn("less free memory than wanted: 1", left_out)
        self.assertIn("tells no free memory: 1", left_out)
        shown = self.client.ctl("find", "model-x", "--free-vram", "1", check=True).stdout
        self.assertIn("FREE", shown)
        self.assertIn("104.8 GB", shown)
        self.assertEqual(self.find("model-x", "--free-vram", "1")[0], {"roomy", "small"})


if __name__ == "__main__":
    unittest.main()

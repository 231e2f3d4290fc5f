"""Proves that no secret reaches a log, an answer, a command line or a file that is not for it: every log and file of a node
that logs all it can is searched for every secret that was made or handed over, in each way that it could be written."""

import base64
import json
import os
import secrets
import unittest

from lightning_account import hand_key
from node import Node
from relays import Relay
from test_wallet_connect import section
from waiting import eventually

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def bech32(prefix, data):
    """NIP-19's bare form, written once more here (BIP-173)."""
    def polymod(values):
        check = 1
        for value in values:
            top = check >> 25
            check = (check & 0x1FFFFFF) << 5 ^ value
            for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
                check ^= generator if top >> bit & 1 else 0
        return check
    bits = "".join(f"{byte:08b}" for byte in data)
    words = [int(bits[i:i + 5].ljust(5, "0"), 2) for i in range(0, len(bits), 5)]
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    end = polymod(head + words + [0] * 6) ^ 1
    return prefix + "1" + "".join(CHARSET[w] for w in words + [end >> 5 * (5 - i) & 31 for i in range(6)])


def ways(key):
    """How 32 bytes may be written."""
    return [key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key).rstrip(b"="),
            bech32("nsec", key).encode()]


# Files in ledger-d's directory that are for a secret, by how their names begin.
HOMES = {"the wallet's secret": "lightning.key", "the passphrase": "none at all",
         "the first key": "node.key.replaced-", "the second key": "node.key"}


class SecretTests(unittest.TestCase):
    def setUp(self):
        self.relay = Relay("rust-nostr")
        self.addCleanup(self.relay.stop)
        self.node = Node(image="", extra="log:\n  level: trace\n" + section(self.relay.url))
        self.addCleanup(self.node.destroy)
        self.node.start()

    def test_no_secret_is_told(self):
        keys = os.path.join(self.node.home, "state", "ledger-d")
        known = {}
        # A wallet that nobody answers for: its requests are made, encrypted and sent all the same.
        wallet = secrets.token_bytes(32)
        hand_key(self.node, "nostr+walletconnect://79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
                            f"?relay={self.relay.url}&secret={wallet.hex()}")
        known["the wallet's secret"] = ways(wallet)
        eventually(lambda: "wallet" in self.reason() or "relay" in self.reason(), 60, "the wallet being asked")
        # A backup under a passphrase, and the same passphrase where it does not fit.
        passphrase = "correct-horse-" + secrets.token_hex(8)
        known["the passphrase"] = [passphrase.encode()]
        given = os.path.join(self.node.home, "passphrase")
        with open(given, "w", encoding="utf-8") as file:
            file.write(passphrase)
        backup = os.path.join(self.node.home, "backup")
        self.node.ctl("wallet", "backup", backup, "--passphrase-file", given, check=True)
        with open(backup, encoding="utf-8") as file:
            sealed = file.read().strip()
        for wrong in (sealed[:-1] + ("q" if sealed[-1] != "q" else "p"), sealed):
            # Refused: it is cut, and the node's own key is no other's.
            self.refused("ledger.restore", {"ncryptsec": wrong, "passphrase": passphrase + "x"})
        self.refused("ledger.backup", {"passphrase": [passphrase]})
        # A key that is followed, and the one that follows.
        with open(os.path.join(keys, "node.key"), "rb") as file:
            known["the first key"] = ways(self.key(file.read()))
        self.node.ctl("wallet", "rotate", "--yes", check=True)
        self.node.kill("ledger-d")

        def follower():
            with open(os.path.join(keys, "node.key"), "rb") as file:
                key = self.key(file.read())
            return key if key not in known["the first key"] else None
        second = eventually(follower, 30, "the key that follows")
        eventually(self.node.settled, 30, "the node with its new key")
        known["the second key"] = ways(second)
        self.search(known, keys, given)

    def reason(self):
        (account,) = self.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account["reason"]

    def refused(self, method, params):
        """Asks for what is not given; the answer is searched like a file."""
        try:
            self.node.call("ledger-d", method, params)
        except Exception as error:  # whatever the client makes of a refusal
            with open(os.path.join(self.node.home, "refusals"), "a", encoding="utf-8") as file:
                file.write(repr(error) + "\n")
            return
        raise AssertionError(f"{method} was not refused")

    @staticmethod
    def key(content):
        """A node key's 32 bytes, as the file has them."""
        text = content.strip()
        return bytes.fromhex(text.decode()) if len(text) == 64 else content

    def search(self, known, keys, given):
        """Every file of the node and its relay, every log line, every command line and environment."""
        with open(os.path.join(self.node.home, "told"), "w", encoding="utf-8") as file:
            file.write(self.node.ctl("logs", "--raw", "-n", "100000", check=True).stdout)
            for words in (["config", "show"], ["wallet", "policy"], ["wallet", "accounts"], ["status", "--json"],
                          ["wallet", "successions", "--json"]):
                file.write(self.node.ctl(*words, check=True).stdout)
        files = [os.path.join(folder, name) for home in (self.node.home, self.relay.home)
                 for folder, _, names in os.walk(home) for name in names]
        pids = [daemon["pid"] for daemon in self.node.status()["daemons"]] + [self.node.process.pid]
        files += [f"/proc/{pid}/{name}" for pid in pids for name in ("cmdline", "environ")]
        searched, found = 0, set()
        for path in files:
            if not os.path.isfile(path) or path == given:
                continue
            with open(path, "rb") as file:
                content = file.read()
            searched += len(content)
            for name, spellings in known.items():
                if os.path.dirname(path) == keys and os.path.basename(path).startswith(HOMES[name]):
                    # That it is found where it must be shows that the search finds it.
                    found |= {name} if any(spelling in content for spelling in spellings) else set()
                    continue
                for spelling in spellings:
                    self.assertNotIn(spelling, content, f"{name} stands in {path}")
        print(f"  {len(files)} files, {searched} bytes searched for {sum(map(len, known.values()))} spellings")
        self.assertGreater(searched, 100_000)
        self.assertEqual(found, {"the wallet's secret", "the first key", "the second key"})


if __name__ == "__main__":
    unittest.main()

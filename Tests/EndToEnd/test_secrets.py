"""Proves that no secret reaches a log, an answer, a command line or a file that is not for it: every log and file of a node
that logs all it can is searched for every secret that was made or handed over, in each way that it could be written."""

import base64
import hashlib
import hmac
import json
import os
import secrets
import unittest

from evm_chain import Chain
from lightning_account import hand_key
from node import Node
from relays import Relay
from test_wallet_connect import section
from waiting import eventually

PAYEE = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
# Twice the generator, which is on the curve: a client of another make.
CLIENT = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
# What 32 bytes of 0x46 give for evm/0, by docs/protocol/keys.md.
VECTOR = "ca567eaf9e552abd7e63b554719e8cf58b7ca4c5f66b5006ae3f8b3b60adf23d"
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


def account_key(key):
    """The key of the account on chains, derived once more here (docs/protocol/keys.md, RFC 5869)."""
    prk = hmac.digest(b"infernet/keys/1", key, "sha256")
    return hmac.digest(prk, b"evm/0/0\x01", hashlib.sha256)


# Files in ledger-d's directory that are for a secret, by how their names begin.
HOMES = {"the wallet's secret": "lightning.key", "the passphrase": "none at all",
         "the payment key": "none at all", "the content key": "none at all", "the first key": "node.key.replaced-", "the second key": "node.key"}


class SecretTests(unittest.TestCase):
    def setUp(self):
        self.relay = Relay("rust-nostr")
        self.addCleanup(self.relay.stop)
        self.chain = Chain()
        self.addCleanup(self.chain.stop)
        chain = f"  chains:\n    - name: polygon\n      rpc: {self.chain.url}\n      poll_s: 1\n"
        self.node = Node(image="", extra="log:\n  level: trace\n" + section(self.relay.url) + chain)
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
        eventually(lambda: "wallet" in self.reason() or "relay" in self.reason(), 120, "the wallet being asked")
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
            first = self.key(file.read())
        known["the first key"] = ways(first)
        # What money on chains is signed with, after it has signed; and the key of a job that was sealed and opened.
        known["the payment key"] = ways(account_key(first))
        self.pay_everything()
        known["the content key"] = ways(self.sealed_job())
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

    def account(self, chain):
        """One of the node's accounts."""
        accounts = self.node.call("ledger-d", "ledger.accounts")["accounts"]
        return next(account for account in accounts if account["chain"] == chain)

    def reason(self):
        return self.account("wallet")["reason"]

    def pay_everything(self):
        """Money comes in and goes out again, which the account's key signs for."""
        # Else the search would be for a key that nobody has: the derivation by the documentation's vector.
        self.assertEqual(account_key(bytes([0x46] * 32)).hex(), VECTOR)
        eventually(lambda: self.account("polygon")["ok"], 60, "the chain being heard")
        address = self.account("polygon")["address"]
        self.chain.ask("test_coins", address, 10**18)
        self.chain.ask("test_mint", address, 1_500_000)

        def mined(check):
            self.chain.ask("test_mine", 1)
            return check()
        eventually(lambda: mined(lambda: self.account("polygon")["available"] == 1_500_000), 90, "the deposit")
        self.node.ctl("wallet", "pay", PAYEE, "1.5", "--id", "rent", check=True)

        def settled():
            payments = self.node.call("ledger-d", "ledger.payments", {"limit": 9})["payments"]
            return [payment["state"] for payment in payments] == ["settled"]
        eventually(lambda: mined(settled), 90, "the payment")

    def sealed_job(self):
        """A stranger's job is taken, and its content key opened, as aggregator-d and exec-d have it done; and refused, too."""
        content = secrets.token_bytes(32)
        job, other = ("job_" + secrets.token_hex(16) for _ in range(2))
        aggregator = self.node.rpc("ledger-d", caller="aggregator-d")
        self.addCleanup(aggregator.close)
        executor = self.node.rpc("ledger-d", caller="exec-d")
        self.addCleanup(executor.close)
        # What two keys agree on is the same from both ends, so that this node can seal in the client's place.
        wrapped = aggregator.call(
            "ledger.wrap_key", {"content_key": content.hex(), "job": job, "recipient": CLIENT})["wrapped"]
        for name in (job, other):
            aggregator.call("ledger.take_job", {
                "job": name, "client": CLIENT, "model_root": "00" * 32, "max_tokens": 8,
                "unit_price": {"asset": "test:credit", "prompt": 1, "completion": 2}})
        opened = executor.call("ledger.unwrap_key", {"job": job, "sender": CLIENT, "wrapped": wrapped})
        self.assertEqual(opened["content_key"], content.hex())
        for params in ({"job": other, "sender": CLIENT, "wrapped": wrapped},
                       {"job": job, "sender": CLIENT, "wrapped": wrapped[:-8] + "AAAAAAA="}):
            with self.assertRaises(Exception) as refused:
                executor.call("ledger.unwrap_key", params)
            with open(os.path.join(self.node.home, "refusals"), "a", encoding="utf-8") as file:
                file.write(repr(refused.exception) + "\n")
        with self.assertRaises(Exception):
            aggregator.call("ledger.wrap_key", {"content_key": content.hex() + "00", "job": job, "recipient": CLIENT})
        return content

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

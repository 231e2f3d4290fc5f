"""Lightning: a whole node with its ws-d, and a real LNbits.
Proves that what the node says was paid is paid there, once, whatever dies on the way, and that the key stays inside; and
that ledger-d's sandbox lets it open Core Lightning's socket, behind which is a stand-in: no real node was to be had."""

import json
import os
import random
import socket
import tempfile
import threading
import time
import unittest

from lightning_account import LightningAccount, hand_key
from lnbits import LNbits
from node import Node
from waiting import eventually


class CoreLightningTests(unittest.TestCase):
    def test_ledger_d_opens_the_socket_itself(self):
        folder = tempfile.TemporaryDirectory(prefix="cln-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        path = os.path.join(folder.name, "lightning-rpc")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(path)
        os.chmod(path, 0o666)
        listener.listen()
        asked = []

        def serve():
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    question = json.loads(client.recv(65536))
                    asked.append(question["method"])
                    answer = {"jsonrpc": "2.0", "id": question["id"], "result": {"id": "02ab", "network": "regtest"}}
                    client.sendall(json.dumps(answer).encode() + b"\n\n")

        threading.Thread(target=serve, daemon=True).start()
        extra = "\n".join([
            "ledger:", "  lightning:", "    name: own-node", "    kind: cln", f"    url: unix:{path}",
            "    network: regtest", "    poll_s: 1", ""])
        node = Node(image="", extra=extra)
        self.addCleanup(node.destroy)
        node.start()

        def heard():
            (account,) = node.call("ledger-d", "ledger.accounts")["accounts"]
            return account["ok"] and account["reason"] == "heard; node 02ab"
        eventually(heard, 30, "the node being heard")
        self.assertIn("getinfo", asked)


class LightningTests(LightningAccount, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lnbits = LNbits()
        cls.addClassCleanup(cls.lnbits.stop)

    def setUp(self):
        self.own, self.other = self.lnbits.wallet(), self.lnbits.wallet(1_000_000)
        extra = "\n".join([
            "ledger:", "  lightning:", "    name: savings", "    kind: lnbits", f"    url: {self.lnbits.url}",
            "    poll_s: 1", ""])
        self.node = Node(image="", extra=extra)
        self.addCleanup(self.node.destroy)
        self.node.start()
        hand_key(self.node, self.own.key)
        eventually(lambda: self.account()["ok"], 60, "the account being heard")

    def fund(self, satoshis):
        """Money comes in by an invoice of the node's."""
        made = json.loads(self.node.ctl(
            "wallet", "invoice", str(satoshis), "--memo", "for the model", "--json", check=True).stdout)
        self.assertEqual(self.account()["available"], 0)
        self.other.pay(made["text"])
        eventually(lambda: self.account()["available"] == satoshis * 1000, 30, "the invoice being booked")
        return made

    def test_an_invoice_is_paid_to_the_node_and_one_by_it(self):
        made = self.fund(5_000)
        self.assertEqual(self.own.balance(), 5_000_000)
        (shown,) = self.node.call("ledger-d", "ledger.invoices", {"limit": 9})["invoices"]
        self.assertEqual((shown["state"], shown["memo"], shown["hash"]), ("paid", "for the model", made["hash"]))
        self.assertIn("paid", self.node.ctl("wallet", "invoices", check=True).stdout)

        invoice, payment_hash = self.other.invoice(1_200)
        before = self.other.balance()
        self.node.ctl("wallet", "pay", "lightning:" + invoice.upper(), check=True)
        eventually(lambda: self.payment(payment_hash)["state"] == "settled", 30, "the payment")
        self.assertEqual(self.other.balance() - before, 1_200_000)
        self.assertEqual(self.own.balance(), 3_800_000)
        account = self.account()
        self.assertEqual((account["available"], account["held"]), (3_800_000, 0))
        # Once for each invoice; one's own, a cut one and one that is too large for what there is are refused.
        self.node.ctl("wallet", "pay", invoice, check=True)
        large, _ = self.other.invoice(4_000)
        for refused in (made["text"], invoice[:-1], large):
            self.assertNotEqual(self.node.ctl("wallet", "pay", refused).returncode, 0)
        self.assertIn("settled", self.node.ctl("wallet", "payments", check=True).stdout)
        self.assertIn("3800 sat", self.node.ctl("wallet", "accounts", check=True).stdout)
        self.node.ctl("wallet", "audit", check=True)
        self.assertEqual(self.own.balance(), 3_800_000)

        # What LNbits will not do comes back: the wallet was emptied behind the node's back.
        drain, _ = self.other.invoice(3_700)
        self.own.pay(drain)
        unpaid, unpaid_hash = self.other.invoice(1_000)
        self.node.ctl("wallet", "pay", unpaid, check=True)
        eventually(lambda: self.payment(unpaid_hash)["state"] == "failed", 30, "the refusal")
        self.assertIn("Insufficient balance", self.payment(unpaid_hash)["reason"])
        self.assertEqual(self.account()["available"], 3_800_000)
        self.key_stays_inside()

    def key_stays_inside(self):
        """No file of the node's but the one that ledger-d alone reads has the key, and no answer."""
        holders = []
        for folder, _, names in os.walk(self.node.home):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        if self.own.key.encode() in file.read():
                            holders.append(os.path.relpath(path, self.node.home))
        self.assertEqual(holders, ["state/ledger-d/lightning.key"])
        self.assertEqual(os.stat(os.path.join(self.node.home, holders[0])).st_mode & 0o077, 0)
        self.assertNotIn(self.own.key, self.node.ctl("config", "show", check=True).stdout)

    def test_whatever_dies_on_the_way_each_invoice_is_paid_once(self):
        self.fund(50_000)
        chance = random.Random(11)
        wanted = {}
        for number in range(8):
            invoice, payment_hash = self.other.invoice(1_000 + number)
            wanted[payment_hash] = 1_000_000 + 1_000 * number
            self.node.call("ledger-d", "ledger.pay_invoice", {"invoice": invoice})
            # Somewhere between asking and the end.
            time.sleep(chance.random() * 0.25)
            self.node.kill("ws-d" if number % 3 == 2 else "ledger-d")
            eventually(self.node.settled, 30, "the node's return")
        eventually(
            lambda: all(self.payment(h)["state"] == "settled" for h in wanted), 90, "all payments", every=0.3)
        left = [(h, -amount) for h, amount, status in self.own.payments() if amount < 0]
        self.assertEqual(sorted(left), sorted(wanted.items()))
        self.assertEqual(self.own.balance(), 50_000_000 - sum(wanted.values()))
        self.assertEqual(self.account()["available"], self.own.balance())
        self.node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

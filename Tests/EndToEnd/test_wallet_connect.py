"""Nostr Wallet Connect: a whole node, a real relay, a wallet service that speaks by rust-nostr and keeps its money at a real
LNbits. Proves that invoices are paid and booked over both relays, with either encryption of the NIP, once, whatever dies on
the way; and that nobody on the way sees the key or a word of it."""

import json
import os
import random
import ssl
import socket
import subprocess
import tempfile
import threading
import time
import unittest

from lightning_account import LightningAccount, hand_key
from lnbits import LNbits
from node import Node
from relays import ASKING, KINDS, Relay, nostr
from waiting import eventually


class Service:
    """A wallet service with a wallet of its own."""

    def __init__(self, relay, lnbits, encryption="nip44_v2"):
        self.wallet = lnbits.wallet()
        # Its words lie beside the relay's log, where they are found when something fails.
        with open(os.path.join(relay.home, "wallet-service.log"), "ab") as log:
            self.process = subprocess.Popen(
                [os.path.join(nostr(), "bin", "python"), os.path.join(os.path.dirname(__file__), "wallet_service.py"),
                 relay.url, lnbits.url, self.wallet.key, encryption],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        self.connection = self.process.stdout.readline().strip()
        if not self.connection:
            self.stop()
            raise AssertionError("the wallet service does not start")

    def stop(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class WalletConnectTests(LightningAccount, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lnbits = LNbits()
        cls.addClassCleanup(cls.lnbits.stop)

    def begin(self, kind, encryption="nip44_v2"):
        """A node whose account is a wallet behind such a relay."""
        self.relay = Relay(kind)
        self.addCleanup(self.relay.stop)
        self.service = Service(self.relay, self.lnbits, encryption)
        self.addCleanup(self.service.stop)
        self.other = self.lnbits.wallet(1_000_000)
        self.node = Node(image="", extra=section(self.relay.url))
        self.addCleanup(self.node.destroy)
        self.node.start()
        hand_key(self.node, self.service.connection)
        eventually(lambda: self.account()["ok"], 60, "the wallet being heard")

    def fund(self, satoshis):
        made = json.loads(self.node.ctl("wallet", "invoice", str(satoshis), "--json", check=True).stdout)
        self.other.pay(made["text"])
        eventually(lambda: self.account()["available"] == satoshis * 1000, 30, "the invoice being booked")

    def test_money_comes_and_goes(self):
        for kind, encryption in [
                *((kind, "nip44_v2") for kind in KINDS), ("rust-nostr", "nip04"), (ASKING, "nip44_v2")]:
            with self.subTest(relay=kind, encryption=encryption):
                self.begin(kind, encryption)
                self.assertIn("the wallet holds 0 msat", self.account()["reason"])
                self.fund(5_000)
                invoice, payment_hash = self.other.invoice(1_200)
                before = self.other.balance()
                self.node.ctl("wallet", "pay", invoice, check=True)
                eventually(lambda: self.payment(payment_hash)["state"] == "settled", 30, "the payment")
                self.assertEqual(self.other.balance() - before, 1_200_000)
                self.assertEqual(self.service.wallet.balance(), 3_800_000)
                self.assertEqual(self.account()["available"], 3_800_000)
                # A plain no gives the money back at once.
                drain, _ = self.other.invoice(3_700)
                self.service.wallet.pay(drain)
                unpaid, unpaid_hash = self.other.invoice(1_000)
                self.node.ctl("wallet", "pay", unpaid, check=True)
                eventually(lambda: self.payment(unpaid_hash)["state"] == "failed", 30, "the refusal")
                self.assertIn("INSUFFICIENT_BALANCE", self.payment(unpaid_hash)["reason"])
                self.assertEqual(self.account()["available"], 3_800_000)
                self.node.ctl("wallet", "audit", check=True)
                self.key_stays_inside()

    def key_stays_inside(self):
        """No file but the one that ledger-d alone reads has the connection's secret, the relay's neither."""
        secret = self.service.connection.split("secret=")[1].split("&")[0].encode()
        self.assertEqual(len(secret), 64)
        holders = []
        for home in (self.node.home, self.relay.home):
            for folder, _, names in os.walk(home):
                for name in names:
                    path = os.path.join(folder, name)
                    if os.path.isfile(path):
                        with open(path, "rb") as file:
                            if secret in file.read():
                                holders.append(os.path.relpath(path, home))
        self.assertEqual(holders, ["state/ledger-d/lightning.key"])
        self.assertNotIn(secret.decode(), self.node.ctl("config", "show", check=True).stdout)

    def test_whatever_dies_on_the_way_each_invoice_is_paid_once(self):
        self.begin("rust-nostr")
        self.fund(50_000)
        chance = random.Random(7)
        wanted = {}
        for number in range(8):
            invoice, payment_hash = self.other.invoice(1_000 + number)
            wanted[payment_hash] = 1_000_000 + 1_000 * number
            self.node.call("ledger-d", "ledger.pay_invoice", {"invoice": invoice})
            # Somewhere between asking and the end.
            time.sleep(chance.random() * 0.4)
            if number == 5:
                self.relay.halt()
                self.relay.start()
            else:
                self.node.kill("ws-d" if number % 3 == 2 else "ledger-d")
            eventually(self.node.settled, 30, "the node's return")
        eventually(self.each_is_accounted_for(wanted), 150, "all payments", every=0.5)
        left = {h: -amount for h, amount, status in self.service.wallet.payments() if amount < 0}
        states = {h: self.payment(h)["state"] for h in wanted}
        # What reached the wallet was paid once and is settled here; what did not is still set aside until its end.
        for payment_hash, amount in wanted.items():
            self.assertEqual(states[payment_hash] == "settled", payment_hash in left, states)
            self.assertIn(left.get(payment_hash, amount), (amount,))
        self.assertEqual(self.service.wallet.balance(), 50_000_000 - sum(left.values()))
        self.assertGreaterEqual(len(left), 4)
        self.node.ctl("wallet", "audit", check=True)

    def each_is_accounted_for(self, wanted):
        """Whether what the wallet paid is settled here, and everything has been looked at since the last death."""
        def check():
            left = {h for h, amount, _ in self.service.wallet.payments() if amount < 0}
            payments = {h: self.payment(h) for h in wanted}
            return self.account()["ok"] and all(
                payments[h]["state"] == "settled" if h in left else "run out" in (payments[h]["awaiting"] or "")
                for h in wanted)
        return check

    def test_a_relay_that_cannot_prove_its_name_gets_nothing(self):
        folder = tempfile.TemporaryDirectory(prefix="tls-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        pem = os.path.join(folder.name, "pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", pem, "-out", pem + ".crt", "-days",
             "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem + ".crt", pem)
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        tried, heard = threading.Event(), []

        def serve():
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(line, server_side=True) as secure:
                        heard.append(secure.recv(1000))
                except (ssl.SSLError, OSError):
                    tried.set()

        threading.Thread(target=serve, daemon=True).start()
        node = Node(image="", extra=section(f"wss://127.0.0.1:{listener.getsockname()[1]}"))
        self.addCleanup(node.destroy)
        node.start()
        key = "nostr+walletconnect://" + "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        hand_key(node, key + "?relay=wss%3A%2F%2F127.0.0.1&secret=" + "01" * 32)
        self.assertTrue(tried.wait(30))
        (account,) = node.call("ledger-d", "ledger.accounts")["accounts"]
        self.assertFalse(account["ok"])
        self.assertEqual(heard, [])


def section(url):
    """The part of the configuration that names a wallet behind a relay."""
    return "\n".join(["ledger:", "  lightning:", "    name: wallet", "    kind: nwc", f"    url: {url}", "    poll_s: 1", ""])


if __name__ == "__main__":
    unittest.main()

"""A whole node, whose account is a wallet with a real Lightning channel, asked by Nostr Wallet Connect. Proves that an
invoice is paid through the channel and one is booked that came through it, once, whatever dies on the way; and that what
is held (a hold invoice) is neither settled nor given back before the other side decides; that credit between two nodes is bought
and paid back through the channel; and that credit whose payment is held is taken with an accepted answer, or goes back."""

import hashlib
import json
import os
import random
import secrets
import subprocess
import sys
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "EndToEnd"))
sys.path.insert(0, HERE)

from lightning_account import hand_key  # noqa: E402
from network import Network  # noqa: E402
from node import Node  # noqa: E402
from relays import Relay, nostr  # noqa: E402
from test_wallet_connect import section  # noqa: E402
from waiting import eventually  # noqa: E402


class ChannelTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        tools = subprocess.run([os.path.join(HERE, "tools")], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        cls.relay = Relay("nostr-relay")
        cls.addClassCleanup(cls.relay.stop)
        began = time.monotonic()
        cls.network = Network(tools, cls.relay)
        cls.addClassCleanup(cls.network.stop)
        print(f"  the channel is open after {time.monotonic() - began:.0f} s")
        cls.node = Node(image="", extra=section(cls.relay.url).replace("kind: nwc", "kind: nwc\n    network: regtest"))
        cls.addClassCleanup(cls.node.destroy)
        cls.node.start()
        hand_key(cls.node, cls.network.connection)
        eventually(lambda: cls.account()["ok"], 90, "the wallet being heard")
        # Money comes in through the channel.
        made = json.loads(cls.node.ctl("wallet", "invoice", "200000", "--json", check=True).stdout)
        paid = cls.network.bob.ask("lnpay", invoice=made["text"])
        assert paid["success"], paid
        eventually(lambda: cls.account()["available"] == 200_000_000, 60, "the invoice being booked")

    @classmethod
    def account(cls):
        (account,) = cls.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def payment(self, payment_hash):
        payments = self.node.call("ledger-d", "ledger.payments", {"limit": 200})["payments"]
        return next(p for p in payments if p["transaction"] == payment_hash)

    def state(self, payment_hash, wanted):
        eventually(lambda: self.payment(payment_hash)["state"] == wanted, 90, f"'{wanted}'", every=0.3)

    def test_an_invoice_is_paid_through_the_channel(self):
        before, available = self.network.bob.channel(), self.account()["available"]
        invoice, payment_hash = self.network.bob.invoice(1_200)
        self.node.ctl("wallet", "pay", invoice, check=True)
        self.state(payment_hash, "settled")
        self.assertEqual(self.network.bob.channel() - before, 1_200)
        self.assertEqual(available - self.account()["available"], 1_200_000)
        # Paid once, however often it is asked for.
        self.node.ctl("wallet", "pay", invoice, check=True)
        time.sleep(3)
        self.assertEqual(self.network.bob.channel() - before, 1_200)
        self.node.ctl("wallet", "audit", check=True)

    def test_what_is_held_waits_until_the_other_side_decides(self):
        for settles in (True, False):
            with self.subTest(settles=settles):
                available = self.account()["available"]
                preimage = secrets.token_bytes(32)
                payment_hash = hashlib.sha256(preimage).hexdigest()
                held = self.network.bob.ask("add_hold_invoice", payment_hash=payment_hash, amount=0.00003, memo="held")
                self.node.ctl("wallet", "pay", held["invoice"], check=True)
                eventually(
                    lambda: self.network.bob.ask("check_hold_invoice", payment_hash=payment_hash)["status"] == "paid",
                    60, "the payment being held", every=0.3)
                time.sleep(3)
                self.assertIn(self.payment(payment_hash)["state"], ("handed", "answered"))
                # What the invoice costs and what the way may cost is set aside.
                self.assertLessEqual(self.account()["available"], available - 3_000_000)
                if settles:
                    self.network.bob.ask("settle_hold_invoice", preimage=preimage.hex())
                    self.state(payment_hash, "settled")
                    self.assertEqual(available - self.account()["available"], 3_000_000)
                else:
                    self.network.bob.ask("cancel_hold_invoice", payment_hash=payment_hash)
                    # The wallet's word that it failed is no plain no: the money waits for the end of the invoice.
                    time.sleep(5)
                    self.assertNotEqual(self.payment(payment_hash)["state"], "settled")
        self.node.ctl("wallet", "audit", check=True)

    def test_credit_is_bought_and_paid_back_through_the_channel(self):
        asset = self.node.call("ledger-d", "ledger.accounts")["accounts"][0]["asset"]
        words = section(self.relay.url).replace("kind: nwc", "kind: nwc\n    network: regtest")
        provider = Node(
            "127.0.0.3", image="", provide=True,
            extra=words + f"aggregator:\n  price:\n    prompt: 10\n    completion: 20\n    asset: {asset}\n")
        self.addCleanup(provider.destroy)
        provider.start()
        hand_key(provider, self.network.bob.ask("nwc_add_connection", name="provider", daily_limit_sat=1_000_000))

        def theirs():
            (account,) = provider.call("ledger-d", "ledger.accounts")["accounts"]
            return account
        eventually(lambda: theirs()["ok"], 90, "the provider's wallet being heard")
        key, endpoint = provider.call("ledger-d", "ledger.identity")["pubkey"], f"ws://{provider.peer}/peer"

        def credit(node):
            credits = node.call("ledger-d", "ledger.credits")["credits"]
            return credits[0] if credits else {"balance": 0, "returning": 0}
        before, available = self.network.bob.channel(), self.account()["available"]
        self.node.ctl("wallet", "credit", "open", key, "2000", "--endpoint", endpoint, check=True)
        for node in (self.node, provider):
            eventually(lambda node=node: credit(node)["balance"] == 2_000_000, 90, "the credit in the books", every=0.3)
        self.assertEqual(self.network.bob.channel() - before, 2_000)
        self.assertEqual(available - self.account()["available"], 2_000_000)
        # What is owed is not the provider's own.
        self.assertEqual(theirs()["available"], 0)
        available = self.account()["available"]
        self.node.ctl("wallet", "credit", "back", key, "--endpoint", endpoint, check=True)
        eventually(lambda: self.account()["available"] > available, 90, "the money coming back", every=0.3)
        came = self.account()["available"] - available
        self.assertEqual(self.network.bob.channel() - before, 2_000 - came // 1_000)
        self.assertEqual(credit(self.node), {**credit(self.node), "balance": 2_000_000 - came - 10_000 - came // 100})
        eventually(lambda: credit(provider)["balance"] == 2_000_000 - came, 60, "the provider's books", every=0.3)
        for node in (self.node, provider):
            node.ctl("wallet", "audit", check=True)

    def connected(self, wallet, address, extra):
        """A node whose account is that Electrum, by a wallet service that can hold."""
        with open(os.path.join(self.network.home, f"service-{address}.log"), "ab") as log:
            service = subprocess.Popen(
                [os.path.join(nostr(), "bin", "python"), os.path.join(HERE, "electrum_service.py"), self.relay.url,
                 str(wallet.port)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        self.addCleanup(service.stdout.close)
        self.addCleanup(service.wait)
        self.addCleanup(service.kill)
        connection = service.stdout.readline().strip()
        words = section(self.relay.url).replace("kind: nwc", "kind: nwc\n    network: regtest")
        node = Node(address, image="", provide=True, extra=words + "  credit:\n    hold_s: 60\n" + extra)
        self.addCleanup(node.destroy)
        node.start()
        hand_key(node, connection)

        def heard():
            (account,) = node.call("ledger-d", "ledger.accounts")["accounts"]
            return account["ok"]
        eventually(heard, 90, "the wallet being heard")
        return node

    def ask_as(self, node, callee, method, params):
        """What aggregator-d would ask: there is no engine here, so the test plays its part on both sides."""
        line = node.rpc(callee, caller="aggregator-d")
        self.addCleanup(line.close)
        return line.call(method, params)

    def test_what_is_held_for_an_answer_is_taken_with_it_or_goes_back(self):
        asset = self.node.call("ledger-d", "ledger.accounts")["accounts"][0]["asset"]
        price = f"aggregator:\n  price:\n    prompt: 10\n    completion: 20\n    asset: {asset}\n"
        client = self.connected(self.network.alice, "127.0.0.4", "")
        provider = self.connected(self.network.bob, "127.0.0.5", price)
        keys = [node.call("ledger-d", "ledger.identity")["pubkey"] for node in (client, provider)]
        endpoint = f"ws://{provider.peer}/peer"

        def account():
            return client.call("ledger-d", "ledger.accounts")["accounts"][0]["available"]

        def states():
            return [(node.call("ledger-d", "ledger.credits").get("held") or [{}])[0].get("state")
                    for node in (client, provider)]
        made = json.loads(client.ctl("wallet", "invoice", "20000", "--json", check=True).stdout)
        assert self.network.bob.ask("lnpay", invoice=made["text"])["success"]
        eventually(lambda: account() == 20_000_000, 60, "the invoice being booked", every=0.3)
        before = self.network.bob.channel()
        for number, accepts in enumerate((True, False)):
            with self.subTest(accepts=accepts):
                available = account()
                began = time.monotonic()
                client.ctl("wallet", "credit", "open", keys[1], str(2_000 + number), "--endpoint", endpoint, "--held",
                           check=True)
                eventually(lambda: states() == ["held", "held"], 90, "the payment being held", every=0.3)
                print(f"  held after {time.monotonic() - began:.1f} s")
                # It is in the channel, and neither side's.
                self.assertEqual(self.network.bob.channel() - before, 0 if accepts else 2_000)
                job, unit = "job_" + secrets.token_hex(16), {"asset": asset, "prompt": 10, "completion": 20}
                digest = hashlib.sha256(b"a model").hexdigest()
                # The second costs more than is left of the first purchase: it is under what is held.
                tokens = 510 if accepts else 99_540
                terms = {"job": job, "max_tokens": tokens, "model_root": digest, "payload": digest, "size": 624,
                         "unit_price": unit}
                quote = self.ask_as(provider, "ledger-d", "ledger.sign_quote", {"client": keys[0], "terms": terms})
                payment = self.ask_as(client, "ledger-d", "ledger.promise_price", {
                    "provider": keys[1], "terms": terms, "quote": quote})["payment"]
                self.ask_as(provider, "ledger-d", "ledger.take_job", {
                    "job": job, "client": keys[0], "model_root": digest, "unit_price": unit, "max_tokens": tokens,
                    "ceiling": 9_800 + 20 * tokens, "payment": payment,
                    "quoted": {"event": quote, "payload": digest, "size": 624}})
                receipt = self.ask_as(provider, "ledger-d", "ledger.sign_receipt", {"body": {
                    "version": 1, "job": job, "client": keys[0], "provider": keys[1], "model": "a-model",
                    "model_root": digest, "image": "sha256:" + digest, "request_hash": digest, "result_hash": digest,
                    "finish": "stop", "finished_at": int(time.time()), "price": 540, "unit_price": unit,
                    "timings": {"first_token_ms": 0, "generate_ms": 0, "load_ms": 0, "queue_ms": 0},
                    "usage": {"completion_tokens": 12, "prompt_tokens": 30}}})
                if accepts:
                    reply = self.ask_as(client, "ledger-d", "ledger.accept_receipt", {"receipt": receipt})
                    began = time.monotonic()
                    answer = self.ask_as(client, "ws-d", "ws.credit", {
                        "endpoint": endpoint, "provider": keys[1], "request": reply["reveal"]})
                    self.assertIn(answer["state"], ("revealed", "settled"))
                    eventually(lambda: states() == ["settled", "settled"], 90, "it being taken", every=0.3)
                    print(f"  settled {time.monotonic() - began:.1f} s after it was revealed")
                    self.assertEqual(self.network.bob.channel() - before, 2_000)
                    for node in (client, provider):
                        (credit,) = node.call("ledger-d", "ledger.credits")["credits"]
                        self.assertEqual((credit["balance"], credit["charged"]), (2_000_000 - 540, 540))
                else:
                    self.ask_as(client, "ledger-d", "ledger.release_price", {
                        "job": job, "peer": keys[1], "served": False})
                    eventually(lambda: states()[1] == "cancelled", 120, "it being given back", every=0.5)
                    eventually(lambda: states()[0] == "back", 120, "the money being back", every=0.5)
                    print(f"  back {time.monotonic() - began:.1f} s after it was asked for, with hold_s: 60")
                    self.assertEqual(account(), available)
                    self.assertEqual(self.network.bob.channel() - before, 2_000)
        for node in (client, provider):
            node.ctl("wallet", "audit", check=True)

    def test_whatever_dies_on_the_way_each_invoice_is_paid_once(self):
        chance = random.Random(3)
        before, wanted = self.network.bob.channel(), {}
        for number in range(6):
            invoice, payment_hash = self.network.bob.invoice(1_000 + number)
            wanted[payment_hash] = 1_000 + number
            self.node.call("ledger-d", "ledger.pay_invoice", {"invoice": invoice})
            time.sleep(chance.random() * 0.6)
            self.node.kill("ws-d" if number % 3 == 2 else "ledger-d")
            eventually(self.node.settled, 30, "the node's return")

        def decided():
            payments = [self.payment(h) for h in wanted]
            return self.account()["ok"] and all(
                p["state"] == "settled" or "run out" in (p["awaiting"] or "") for p in payments)
        eventually(decided, 150, "all payments", every=0.5)
        # What left is paid and settled; what never reached the wallet stays set aside.
        settled = sum(amount for h, amount in wanted.items() if self.payment(h)["state"] == "settled")
        self.assertEqual(self.network.bob.channel() - before, settled)
        self.assertGreater(settled, 0)
        self.node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)

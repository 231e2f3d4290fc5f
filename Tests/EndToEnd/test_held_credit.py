"""Jobs between two whole nodes, paid on Lightning from credit whose payment is held until an answer was accepted, over a stand-in
for LND that holds (hold_bank.py).
Proves that the first accepted answer takes the payment, that without one it comes back by itself, that whatever dies on the way it
is paid and taken once, and that the preimage is in no file but the ledger's before it is used."""

import json
import os
import subprocess
import unittest
import urllib.request

from environment import environment
from lnbits import PACKAGES
from node import MODEL
from paid_case import PaidCase
from waiting import eventually

MSAT = "bip122:000000000019d6689c085ae165831e93/bolt11:msat"
HERE = os.path.dirname(os.path.abspath(__file__))


class Bank:
    """The stand-in, in an environment that has `bolt11`."""

    def __init__(self, **balances):
        python = os.path.join(environment("lnbits-venv", PACKAGES), "bin", "python")
        words = [f"{name}={amount}" for name, amount in balances.items()]
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, "hold_bank.py"), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def stop(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, name, path, body=None):
        """The answer to a question in somebody's name."""
        request = urllib.request.Request(
            self.url + path, None if body is None else json.dumps(body).encode(),
            {"Grpc-Metadata-macaroon": name.encode().hex(), "Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def book(self):
        """What is in it."""
        return self.ask("bank", "/book")


class HeldCredit(PaidCase):
    """A client without a model, a provider that is paid on Lightning, and an LND of each."""

    asset = MSAT

    @classmethod
    def setUpClass(cls):
        cls.bank = Bank(bank=100_000_000, client=0, provider=0)
        cls.addClassCleanup(cls.bank.stop)
        ledger = "\n".join([
            "ledger:", "  credit:", "    hold_s: 60", "  lightning:", "    name: own-lnd", "    kind: lnd",
            f"    url: {cls.bank.url}", "    poll_s: 1", ""])
        cls.begin_on_lightning(ledger, (b"client".hex(), b"provider".hex()))
        for node in (cls.client, cls.provider):
            eventually(
                lambda node=node: node.call("ledger-d", "ledger.accounts")["accounts"][0]["ok"], 60,
                "the account being heard")

    def fund(self, satoshis):
        before = self.account(self.client)["available"]
        made = json.loads(self.client.ctl("wallet", "invoice", str(satoshis), "--json", check=True).stdout)
        self.bank.ask("bank", "/v2/router/send", {"payment_request": made["text"]})
        eventually(
            lambda: self.account(self.client)["available"] == before + satoshis * 1000, 30, "the invoice being booked")

    def open(self, satoshis):
        self.client.ctl(
            "wallet", "credit", "open", self.key, str(satoshis), "--model", MODEL, "--held", check=True)

    def held(self, node):
        """The purchases that a node shows, newest first."""
        return node.call("ledger-d", "ledger.credits").get("held") or []

    def states(self):
        return [self.held(node)[0]["state"] if self.held(node) else None for node in (self.client, self.provider)]

    def credit(self, node):
        credits = node.call("ledger-d", "ledger.credits")["credits"]
        return credits[0] if credits else None

    def test_1_the_first_accepted_answer_takes_the_payment(self):
        self.fund(5_000)
        self.open(2_000)
        # Whoever dies now, it is paid once, and held.
        self.kill_ledger(self.client)
        self.kill_ledger(self.provider)
        eventually(lambda: self.states() == ["held", "held"], 60, "the payment being held")
        (payment_hash,) = [purchase["hash"] for purchase in self.held(self.client)]
        book = self.bank.book()
        self.assertEqual(book["invoices"][payment_hash]["state"], "ACCEPTED")
        self.assertEqual(book["balances"]["client"], 3_000_000)
        for node, words in ((self.client, "whose answer is accepted"), (self.provider, "to reveal the preimage")):
            self.assertIn(words, node.ctl("wallet", "credit", check=True).stdout)
        # Nothing is the provider's before it has worked.
        self.assertEqual(self.account(self.provider)["available"], 0)

        spent = self.price(self.ask("Name a colour.").job)
        self.client.kill("aggregator-d")
        self.kill_ledger(self.provider)
        eventually(lambda: self.states() == ["settled", "settled"], 90, "what is held being taken")
        self.assertGreater(spent, 0)
        book = self.bank.book()
        self.assertEqual(book["balances"], {"bank": 95_000_000, "client": 3_000_000, "provider": 2_000_000})
        for node in (self.client, self.provider):
            credit = self.credit(node)
            self.assertEqual((credit["charged"], credit["balance"]), (spent, 2_000_000 - spent))
        self.assertEqual(self.account(self.provider)["available"], spent)
        # What it did not use is credit for the next.
        eventually(self.client.settled, 30, "the client's return")
        spent += self.price(self.ask("Name a fruit.").job)
        for node in (self.client, self.provider):
            eventually(
                lambda node=node: self.credit(node)["balance"] == 2_000_000 - spent, 30, "the next job in the books")
        self.keeps_secret(book["invoices"][payment_hash]["preimage"])

    def keeps_secret(self, preimage):
        """No log has what was revealed."""
        self.assertEqual(len(preimage), 64)
        for node in (self.client, self.provider):
            for folder, _, names in os.walk(node.home):
                for name in names:
                    if "log" in name:
                        with open(os.path.join(folder, name), "rb") as file:
                            self.assertNotIn(preimage.encode(), file.read(), name)

    def test_2_without_an_accepted_answer_it_comes_back(self):
        available = self.account(self.client)["available"]
        theirs = self.account(self.provider)["available"]
        self.open(1_000)
        eventually(lambda: self.states() == ["held", "held"], 60, "the payment being held")
        (payment_hash,) = [p["hash"] for p in self.held(self.client) if p["state"] == "held"]
        self.assertLess(self.account(self.client)["available"], available)
        self.kill_ledger(self.provider)
        eventually(lambda: self.states() == ["back", "cancelled"], 120, "the payment coming back", every=1)
        self.assertEqual(self.account(self.client)["available"], available)
        self.assertEqual(self.account(self.provider)["available"], theirs)
        invoice = self.bank.book()["invoices"][payment_hash]
        self.assertEqual((invoice["state"], invoice["preimage"]), ("CANCELED", None))
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

"""Two whole nodes, one of which pays the other for jobs: what every kind of payment's tests ask of them.
It must never know how a job is paid for."""

import json
import unittest

from answer import Answer
from lightning_account import hand_key
from node import MODEL, Node
from waiting import eventually


class PaidCase(unittest.TestCase):
    """A client and a provider, as a subclass makes them; `asset` is what jobs cost."""

    asset = None

    @classmethod
    def start_both(cls, client, provider, price):
        """Two nodes with these lines of configuration each, the provider's price in `asset`, in which the client pays."""
        cls.provider = Node(
            "127.0.0.3", provide=True, extra=provider + f"aggregator:\n  price:\n{price}    asset: {cls.asset}\n")
        cls.client = Node(
            "127.0.0.2", image="", bootstrap=cls.provider.dht, extra=client + f"aggregator:\n  pay: [\"{cls.asset}\"]\n")
        cls.addClassCleanup(cls.client.destroy)
        cls.addClassCleanup(cls.provider.destroy)
        cls.provider.start().add_model().wait_warm()
        cls.client.start()

    @classmethod
    def begin_on_lightning(cls, ledger, keys):
        """Two nodes with an account each, by the lines under `ledger` and the accounts' keys (client's, provider's)."""
        cls.start_both(ledger, ledger, "    prompt: 10\n    completion: 20\n")
        for node, key in zip((cls.client, cls.provider), keys):
            hand_key(node, key)
        cls.await_plan()

    @classmethod
    def await_plan(cls):
        """Returns when the client plans to use the provider, whose key it notes."""
        cls.key = cls.provider.call("ledger-d", "ledger.identity")["pubkey"]

        def planned():
            plan = cls.client.call("aggregator-d", "aggregator.plan", {"model": MODEL})
            return any(found["chosen"] and found.get("provider") == cls.key for found in plan["candidates"])

        eventually(planned, 60, "the provider in the client's plan")

    def account(self, node):
        """The one account of a node."""
        (account,) = node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def price(self, job):
        """What a job cost, by the receipt that the client's node keeps."""
        bundle = json.loads(self.client.ctl("receipt", "show", job, check=True).stdout)
        body = json.loads(bundle["receipt"]["content"])
        self.assertEqual(body["unit_price"]["asset"], self.asset)
        self.assertIsNotNone(bundle["acceptance"])
        return body["price"]

    def kill_ledger(self, node):
        """kill -9 of a node's ledger-d; returns when another one serves."""
        dead = node.kill("ledger-d")
        eventually(
            lambda: node.daemon("ledger-d").get("pid") not in (None, dead) and node.settled(), 30, "the ledger's return")

    def ask(self, prompt):
        """One question to the client's node; the finished answer."""
        answer = Answer(self.client, prompt, 24)
        self.assertEqual(answer.outcome(60), "whole", (answer.error, answer.cut))
        return answer

"""A node that buys over HTTP by x402's `exact`: at shops that the official SDK runs, on a real EVM.
Proves that it pays what was asked and no more, once for each id whatever dies, and that what no shop carries comes back."""

import json
import unittest

from evm_chain import Chain
from ipc_client import Refused
from node import Node
from waiting import eventually
from x402_peer import SDK
from x402_shop import Shop

PRICE = 1_500
CARRIER, SELLER = "0x" + "48" * 32, "0x" + "49" * 32


class Buying(unittest.TestCase):
    """One node, three shops, one chain."""

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain()
        cls.addClassCleanup(cls.chain.stop)
        sdk = SDK()
        cls.addClassCleanup(sdk.stop)
        cls.chain.ask("test_coins", sdk.ask("address", key=CARRIER)["address"], 10**18)
        cls.seller = sdk.ask("address", key=SELLER)["address"]
        shops = {"good": {}, "upfront": {"flow": "upfront"}, "broken": {"fails": True}}
        lines = ""
        for name, ways in shops.items():
            shop = Shop(cls.chain.url, CARRIER, cls.seller, PRICE, **ways)
            cls.addClassCleanup(shop.stop)
            lines += f"    - name: {name}\n      url: {shop.url}\n"
        lines += f"    - name: cheap\n      url: {shop.url}\n      max_per_payment: {PRICE - 1}\n"
        cls.node = Node(image="", extra=(
            f"ledger:\n  chains:\n    - name: polygon\n      rpc: {cls.chain.url}\n      poll_s: 1\n  shops:\n{lines}"))
        cls.addClassCleanup(cls.node.destroy)
        cls.node.start()
        eventually(lambda: cls.account()["ok"], 60, "the chain being heard")
        cls.chain.ask("test_mint", cls.account()["address"], 1_000_000)
        eventually(lambda: cls.mined() and cls.account()["available"] == 1_000_000, 60, "the deposit")

    @classmethod
    def account(cls):
        """The one account of the node."""
        (account,) = cls.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    @classmethod
    def mined(cls):
        """A block passes."""
        cls.chain.ask("test_mine", 1)
        return True

    def payment(self, ident):
        """One payment as the node has it."""
        (found,) = [each for each in self.node.call("ledger-d", "ledger.payments", {"limit": 50})["payments"]
                    if each["id"] == ident]
        return found

    def buy(self, shop, ident, body=None, most=PRICE):
        """One purchase."""
        return self.node.call("ledger-d", "ledger.buy", {
            "shop": shop, "id": ident, "body": json.dumps(body or {"city": "Bern"}), "most": most})

    def received(self):
        """What the seller has on the chain."""
        return self.chain.tokens(self.seller)

    def test_1_what_is_asked_for_is_paid_once_for_each_id(self):
        before = self.received()
        done = self.node.ctl("wallet", "buy", "good", '{"city": "Bern"}', "--max", "0.0015", "--id", "first", check=True)
        self.assertEqual(json.loads(done.stdout), {"echo": {"city": "Bern"}})
        self.assertEqual(self.received(), before + PRICE)
        eventually(lambda: self.mined() and self.payment("first")["state"] == "settled", 60, "the end of the payment")
        self.assertEqual(self.account()["available"], 1_000_000 - PRICE)
        # Again is the same payment: the shop has been paid with it and says so, and nothing moves.
        again = self.buy("good", "first")
        self.assertEqual(again["status"], 402)
        self.assertEqual(self.received(), before + PRICE)
        with self.assertRaises(Refused) as refused:
            self.buy("good", "first", {"city": "Basel"})
        self.assertEqual(refused.exception.code, "conflict")
        # A shop that takes its money first is paid the same.
        self.assertEqual(self.buy("upfront", "second")["status"], 200)
        self.assertEqual(self.received(), before + 2 * PRICE)
        self.node.ctl("wallet", "audit", check=True)

    def test_2_nothing_is_paid_beyond_a_ceiling_or_outside_the_list(self):
        before, available = self.received(), self.account()["available"]
        for shop, most, code in (("good", PRICE - 1, "policy_refused"), ("cheap", PRICE, "policy_refused"),
                                 ("unknown", PRICE, "not_found")):
            with self.assertRaises(Refused) as refused:
                self.buy(shop, f"{shop}-{most}", most=most)
            self.assertEqual(refused.exception.code, code, shop)
        self.assertEqual((self.received(), self.account()["available"]), (before, available))
        # The carrying for chains leads to no shop.
        carrier = self.node.rpc("ws-d", caller="ledger-d")
        self.addCleanup(carrier.close)
        with self.assertRaises(Refused) as refused:
            carrier.call("ws.carry", {"endpoint": "shop/good", "body": "{}"})
        self.assertEqual(refused.exception.code, "policy_refused")
        with self.assertRaises(Refused) as refused:
            carrier.call("ws.shop", {"endpoint": "evm/polygon", "body": "{}"})
        self.assertEqual(refused.exception.code, "policy_refused")

    def test_3_a_ledger_that_dies_pays_once(self):
        before = self.received()
        dead = self.node.kill("ledger-d")
        eventually(lambda: self.node.daemon("ledger-d").get("pid") not in (None, dead) and self.node.settled(), 30,
                   "the ledger's return")
        eventually(lambda: self.account()["ok"], 60, "the chain being heard")
        self.assertEqual(self.buy("good", "third")["status"], 200)
        dead = self.node.kill("ledger-d")
        eventually(lambda: self.node.daemon("ledger-d").get("pid") not in (None, dead) and self.node.settled(), 30,
                   "the ledger's return")
        eventually(lambda: self.mined() and self.payment("third")["state"] == "settled", 60, "the end of the payment")
        self.assertEqual(self.buy("good", "third")["status"], 402)
        self.assertEqual(self.received(), before + PRICE)
        self.node.ctl("wallet", "audit", check=True)

    def test_4_what_a_shop_does_not_carry_stays_set_aside_until_it_has_run_out(self):
        before, available = self.received(), self.account()["available"]
        self.assertEqual(self.buy("broken", "fourth")["status"], 500)
        eventually(lambda: "shop" in self.payment("fourth")["awaiting"], 30, "what it waits for")
        self.assertEqual(self.payment("fourth")["state"], "handed")
        self.assertEqual(self.account()["available"], available - PRICE)
        self.assertEqual(self.received(), before)


if __name__ == "__main__":
    unittest.main()

"""Money that leaves and enters a node: a whole node with its ws-d, and a real EVM.
Proves that what the node says was paid is paid on the chain, once, whatever dies on the way."""

import json
import time
import unittest

from evm_chain import Chain
from node import Node
from waiting import eventually

PAYEE = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


class MoneyTests(unittest.TestCase):
    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.stop)
        extra = f"ledger:\n  chains:\n    - name: polygon\n      rpc: {self.chain.url}\n      poll_s: 1\n"
        self.node = Node(image="", extra=extra)
        self.addCleanup(self.node.destroy)
        self.node.start()

    def account(self):
        (account,) = self.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def payment(self, name):
        payments = self.node.call("ledger-d", "ledger.payments", {"limit": 200})["payments"]
        return next(p for p in payments if p["id"] == name)

    def mine_until(self, check, what):
        def step():
            self.chain.ask("test_mine", 1)
            return check()
        return eventually(step, 90, what)

    def fund(self, amount=10_000_000):
        eventually(lambda: self.account()["ok"], 60, "the chain being heard")
        address = self.account()["address"]
        self.chain.ask("test_coins", address, 10**18)
        self.chain.ask("test_mint", address, amount)
        self.mine_until(lambda: self.account()["available"] == amount, "the deposit")
        return address

    def test_a_deposit_comes_in_and_a_payment_goes_out(self):
        address = self.fund()
        shown = json.loads(self.node.ctl("wallet", "accounts", "--json", check=True).stdout)
        self.assertEqual(shown["accounts"][0]["available"], 10_000_000)
        self.node.ctl("wallet", "pay", PAYEE, "1.5", "--id", "rent", check=True)
        self.mine_until(lambda: self.payment("rent")["state"] == "settled", "the payment")
        self.assertEqual(self.chain.tokens(PAYEE), 1_500_000)
        self.assertEqual(self.chain.tokens(address), 8_500_000)
        self.assertEqual((self.account()["available"], self.account()["held"]), (8_500_000, 0))
        # Once for each id; another amount under it is refused, and a mistyped address too.
        self.node.ctl("wallet", "pay", PAYEE, "1.5", "--id", "rent", check=True)
        self.assertNotEqual(self.node.ctl("wallet", "pay", PAYEE, "2", "--id", "rent").returncode, 0)
        self.assertNotEqual(self.node.ctl("wallet", "pay", PAYEE.replace("E5F", "e5F"), "1").returncode, 0)
        self.assertIn("settled", self.node.ctl("wallet", "payments", check=True).stdout)
        self.node.ctl("wallet", "audit", check=True)
        self.assertEqual(self.chain.tokens(PAYEE), 1_500_000)

    def test_whatever_dies_on_the_way_each_payment_is_made_once(self):
        self.fund()
        for number in range(6):
            name = f"killed-{number}"
            self.node.call("ledger-d", "ledger.pay", {
                "id": name, "asset": self.account()["asset"], "amount": 1000 + number, "to": PAYEE})
            # Somewhere between asking and the end; which boundary it hits is what the crash matrix chooses.
            time.sleep(0.15 * number)
            self.node.kill("ws-d" if number % 3 == 2 else "ledger-d")
            eventually(self.node.settled, 30, "the node's return")
        self.mine_until(
            lambda: all(self.payment(f"killed-{n}")["state"] == "settled" for n in range(6)), "all payments")
        self.assertEqual(self.chain.tokens(PAYEE), sum(1000 + n for n in range(6)))
        self.assertEqual(self.account()["available"], 10_000_000 - self.chain.tokens(PAYEE))
        self.node.ctl("wallet", "audit", check=True)

    def test_what_a_reorganisation_took_back_is_paid_again_and_a_deposit_in_it_is_none(self):
        self.fund()
        before = self.chain.ask("test_snapshot")
        # Both are in the next two blocks, which are not final.
        self.chain.ask("test_mint", self.account()["address"], 5_000_000)
        self.node.ctl("wallet", "pay", PAYEE, "1.5", "--id", "rent", check=True)
        eventually(lambda: self.payment("rent")["state"] == "answered", 30, "the transaction in a block")
        self.assertEqual(self.chain.tokens(PAYEE), 1_500_000)
        self.assertEqual(self.account()["available"], 8_500_000)
        # Another chain wins, in whose blocks somebody else's transaction stands instead.
        self.chain.ask("test_revert", before)
        self.chain.ask("test_coins", PAYEE, 1)
        self.chain.ask("test_mine", 3)
        self.assertEqual(self.chain.tokens(PAYEE), 0)
        self.assertNotEqual(self.payment("rent")["state"], "settled")
        # Sent again by itself, at the same place in the account's order.
        self.mine_until(lambda: self.payment("rent")["state"] == "settled", "the payment in the chain that won")
        self.assertEqual(self.chain.tokens(PAYEE), 1_500_000)
        self.assertEqual((self.account()["available"], self.account()["held"]), (8_500_000, 0))
        self.node.ctl("wallet", "audit", check=True)

    def test_nobody_but_ledger_d_can_have_anything_carried(self):
        client = self.node.rpc("ws-d")
        self.addCleanup(client.close)
        with self.assertRaises(Exception):
            client.call("ws.carry", {"endpoint": "evm/polygon", "body": "{}"})


if __name__ == "__main__":
    unittest.main()

"""Jobs between two whole nodes, paid on Lightning from credit that was paid ahead at a real LNbits.
Proves that who has no credit gets nothing, that what receipts charge is what both books and LNbits say, that nothing is paid
or charged twice when a ledger dies, and that what is left comes back."""

import json
import secrets
import unittest

from answer import Answer
from ipc_client import Refused
from lnbits import LNbits
from node import MODEL
from paid_case import PaidCase
from waiting import eventually

MSAT = "bip122:000000000019d6689c085ae165831e93/bolt11:msat"


class LightningJobs(PaidCase):
    """A client without a model, a provider that is paid on Lightning, and a wallet of each at one LNbits."""

    asset = MSAT

    @classmethod
    def setUpClass(cls):
        cls.lnbits = LNbits()
        cls.addClassCleanup(cls.lnbits.stop)
        cls.wallets = {"client": cls.lnbits.wallet(), "provider": cls.lnbits.wallet()}
        cls.bank = cls.lnbits.wallet(1_000_000)
        ledger = "\n".join([
            "ledger:", "  lightning:", "    name: savings", "    kind: lnbits", f"    url: {cls.lnbits.url}",
            "    poll_s: 1", ""])
        cls.begin_on_lightning(ledger, (cls.wallets["client"].key, cls.wallets["provider"].key))

    def credit(self, node):
        """The one credit in a node's books; None while there is none."""
        credits = node.call("ledger-d", "ledger.credits")["credits"]
        self.assertLess(len(credits), 2)
        return credits[0] if credits else None

    def agree(self):
        """Both books say the same of the credit, and nothing is under way."""
        own, theirs = self.credit(self.client), self.credit(self.provider)
        return own and theirs and (own["id"], own["charged"], own["open"]) == (theirs["id"], theirs["charged"], 0)

    def test_1_who_has_no_credit_is_told_what_to_do_and_who_sends_no_note_is_refused(self):
        answer = Answer(self.client, "Name a colour.", 8)
        self.assertEqual(answer.outcome(60), "error")
        self.assertEqual((answer.http_status, answer.error["code"]), (402, "payment_required"))
        self.assertIn("no credit with the provider", answer.error["message"])
        self.assertIn("wallet credit open", answer.error["message"])
        # A client of another make, which connects properly and sends a job without a note, or with one of its own pen.
        entry = self.provider.call("content-d", "content.list")["entries"][0]
        stranger = self.client.call("ledger-d", "ledger.identity")["pubkey"]
        gate = self.provider.rpc("aggregator-d", caller="ws-d")
        self.addCleanup(gate.close)
        for payment in (None, "{}"):
            job = {
                "job": "job_" + secrets.token_hex(16), "model": MODEL, "model_root": entry["root"], "max_tokens": 8,
                "unit_price": {"asset": MSAT, "prompt": 10, "completion": 20},
                "payload": {"ciphertext": "AAAA", "wrapped_key": "AgAAAA==", "sender": stranger}}
            if payment:
                job["payment"] = payment
            with self.assertRaises(Refused) as refused:
                gate.call("aggregator.serve", {"peer": stranger, "job": job})
            self.assertEqual(refused.exception.code, "payment_required", refused.exception)

    def test_2_jobs_are_paid_from_credit_and_nothing_is_lost(self):
        for node in (self.client, self.provider):
            eventually(lambda node=node: self.account(node)["ok"], 60, "the account being heard")
        made = json.loads(self.client.ctl("wallet", "invoice", "5000", "--json", check=True).stdout)
        self.bank.pay(made["text"])
        eventually(lambda: self.account(self.client)["available"] == 5_000_000, 30, "the invoice being booked")

        payment = json.loads(self.client.ctl(
            "wallet", "credit", "open", self.key, "2000", "--model", MODEL, "--json", check=True).stdout)
        self.assertEqual((payment["state"], payment["amount"]), ("asked", 2_000_000))
        # Whoever dies now, the invoice is paid once and booked once on both sides.
        self.kill_ledger(self.client)
        self.kill_ledger(self.provider)
        for node in (self.client, self.provider):
            eventually(
                lambda node=node: (self.credit(node) or {}).get("balance") == 2_000_000, 90, "the credit in the books")
        self.assertEqual(self.wallets["provider"].balance(), 2_000_000)
        self.assertEqual(self.account(self.provider)["available"], 0)

        spent = 0
        for number, prompt in enumerate(["Name a colour.", "Name a fruit.", "Name a river."]):
            spent += self.price(self.ask(prompt).job)
            if number == 1:
                self.kill_ledger(self.provider)
                self.kill_ledger(self.client)
        self.assertGreater(spent, 0)
        eventually(self.agree, 60, "both books agreeing")
        for node in (self.client, self.provider):
            credit = self.credit(node)
            self.assertEqual((credit["charged"], credit["balance"]), (spent, 2_000_000 - spent))
        self.assertEqual(self.account(self.provider)["available"], spent)

        def earned():
            totals = self.provider.call("ledger-d", "ledger.balance")["totals"]
            return {total["asset"]: total["earned"] for total in totals}.get(MSAT)
        eventually(lambda: earned() == spent, 60, "the acceptances at the provider")
        shown = self.client.ctl("wallet", "credit", check=True).stdout
        self.assertIn("paid", shown)
        self.assertIn("owes", self.provider.ctl("wallet", "credit", check=True).stdout)

    def test_3_what_was_promised_for_a_job_that_died_is_free_again(self):
        before = self.credit(self.client)["charged"]
        answer = Answer(self.client, max_tokens=400)
        self.assertTrue(answer.began.wait(60), "the story did not begin")
        self.assertGreater(self.credit(self.client)["open"], 0)
        self.assertGreater(self.credit(self.provider)["open"], 0)
        dead = self.provider.kill("aggregator-d")
        eventually(lambda: self.provider.daemon("aggregator-d").get("pid") not in (None, dead)
                   and self.provider.settled(), 30, "aggregator-d's return")
        answer.join(60)
        self.assertFalse(answer.whole)
        for node in (self.client, self.provider):
            eventually(lambda node=node: self.credit(node)["open"] == 0, 30, "the promise ending")
        self.assertEqual(self.credit(self.client)["charged"], before)

    def test_4_what_is_left_comes_back_once(self):
        left = self.credit(self.client)["balance"]
        had = self.wallets["client"].balance()
        available = self.account(self.client)["available"]
        answer = json.loads(self.client.ctl(
            "wallet", "credit", "back", self.key, "--model", MODEL, "--json", check=True).stdout)
        self.assertIn(answer["state"], ("asked", "handed", "settled"))
        self.kill_ledger(self.provider)
        self.kill_ledger(self.client)
        eventually(lambda: self.account(self.client)["available"] > available, 90, "the money coming back")
        came = self.account(self.client)["available"] - available
        self.assertEqual(self.wallets["client"].balance() - had, came)
        # What its way may cost is taken from the credit too; it is the client's ceiling for a payment.
        fee = 10_000 + came // 100
        self.assertEqual(self.credit(self.client)["balance"], left - came - fee)
        self.assertLess(left - came - fee, 1_010)
        # Asked for again there is too little; and the provider keeps what the way did not cost for the client.
        self.assertNotEqual(
            self.client.ctl("wallet", "credit", "back", self.key, "--model", MODEL).returncode, 0)
        eventually(lambda: self.credit(self.provider)["returning"] == 0, 30, "the provider's payment ending")
        self.assertEqual(self.credit(self.provider)["balance"], left - came)
        # All that is at LNbits is in the books: what is the provider's own, and what it owes.
        theirs = self.account(self.provider)["available"] + self.credit(self.provider)["balance"]
        self.assertEqual(self.wallets["provider"].balance(), theirs)
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

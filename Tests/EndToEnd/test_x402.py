"""ledger-d against the official x402 SDK on a real EVM, in both roles of `batch-settlement`.
Proves that a foreign client's voucher is taken and claimed, the last of several too, that it is given back what is left when
it asks, that a foreign server takes and claims ours, and that what is left in a channel comes back."""

import base64
import hashlib
import json
import secrets
import signal
import time
import unittest

import schnorr
from evm_chain import Chain
from ipc_client import Refused
from node import Node
from waiting import eventually
from x402_peer import SDK

USDC = "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
PRICE = {"asset": USDC, "prompt": 1, "completion": 2}
# Strangers on the curve: twice the generator, and three times; so that their secrets are 2 and 3.
STRANGER = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
OTHER = "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9"
KEY = "0x" + "46" * 32


def terms(job, amount):
    """A job that costs so much at most: so much base64, and half a thousand tokens at the most."""
    tokens = min(510, (amount - 515) // 2)
    tokens -= next(less for less in range(3) if (amount - 512 - 2 * (tokens - less)) % 3 == 0)
    return {"job": job, "model_root": "11" * 32, "payload": "55" * 32, "unit_price": PRICE, "max_tokens": tokens,
            "size": (amount - 512 - 2 * tokens) // 3 * 4}


class AgainstTheSDK(unittest.TestCase):
    """One node, which is paid in one test and pays in the other."""

    def setUp(self):
        self.chain = Chain()
        self.addCleanup(self.chain.stop)
        self.sdk = SDK()
        self.addCleanup(self.sdk.stop)
        extra = (f"ledger:\n  chains:\n    - name: polygon\n      rpc: {self.chain.url}\n      poll_s: 1\n"
                 "  channels:\n    claim_at: 1\n    withdraw_delay_s: 900\n")
        self.node = Node(image="", extra=extra)
        self.addCleanup(self.node.destroy)
        self.node.start()
        eventually(lambda: self.account()["ok"], 60, "the chain being heard")
        self.chain.ask("test_coins", self.account()["address"], 10**18)
        self.theirs = self.sdk.ask("address", key=KEY)["address"]
        self.chain.ask("test_coins", self.theirs, 10**18)
        self.ledger = self.node.rpc("ledger-d", caller="aggregator-d")
        self.quotes = {}
        self.addCleanup(self.ledger.close)

    def account(self):
        (account,) = self.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def channel(self):
        (channel,) = self.node.call("ledger-d", "ledger.channels")["channels"]
        return channel

    def mine_until(self, check, what):
        """Blocks come while something is waited for."""
        def step():
            self.chain.ask("test_mine", 1)
            return check()
        return eventually(step, 90, what)

    def take(self, job, payment=None, ceiling=2_000, client=STRANGER, chunk=None):
        asked = terms(job, ceiling)
        if (job, client) not in self.quotes:
            self.quotes[job, client] = self.ledger.call(
                "ledger.sign_quote", {"client": client, "terms": asked} | ({"chunk": chunk} if chunk else {}))
        quoted = {"event": self.quotes[job, client], "payload": asked["payload"], "size": asked["size"]}
        taken = {"job": job, "client": client, "model_root": asked["model_root"], "unit_price": PRICE,
                 "max_tokens": asked["max_tokens"], "ceiling": ceiling}
        return self.ledger.call("ledger.take_job", taken | ({"payment": payment, "quoted": quoted} if payment else {}))

    def refusal(self, *arguments):
        with self.assertRaises(Refused) as refused:
            self.take(*arguments)
        self.assertEqual(refused.exception.code, "payment_required")
        return refused.exception

    def nonce(self):
        return int(self.chain.ask("eth_getTransactionCount", self.theirs, "latest"), 16)

    def receipt(self, job, own, client=STRANGER, prompt=30, tokens=12):
        """A receipt of so many tokens."""
        body = {
            "version": 1, "job": job, "provider": own, "client": client, "model": "model", "model_root": "11" * 32,
            "image": "sha256:" + "22" * 32, "request_hash": "33" * 32, "result_hash": "44" * 32,
            "usage": {"prompt_tokens": prompt, "completion_tokens": tokens},
            "timings": {"queue_ms": 0, "load_ms": 0, "first_token_ms": 1, "generate_ms": 1}, "finish": "stop",
            "unit_price": PRICE, "price": prompt + 2 * tokens, "finished_at": int(time.time())}
        return self.ledger.call("ledger.sign_receipt", {"body": body})

    def test_the_sdks_client_pays_this_node(self):
        own = self.node.call("ledger-d", "ledger.identity")["pubkey"]
        salt = "0x" + hashlib.sha256(f"infernet/x402/1\n{STRANGER}\n{own}".encode()).hexdigest()
        job = "job_" + secrets.token_hex(16)
        required = self.refusal(job).cause
        # Its first payment opens the channel; a facilitator, here this test, carries the deposit.
        first = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=0, charged=0)
        self.assertEqual(first["kind"], "deposit")
        self.chain.ask("test_mint", self.theirs, 1_000_000)
        amount = int(first["payload"]["deposit"]["amount"])
        raw = self.sdk.ask("deposit", key=KEY, payload=first["payload"], nonce=self.nonce())["raw"]
        self.chain.ask("eth_sendRawTransaction", raw)
        self.chain.ask("test_mine", 3)
        self.assertEqual(self.chain.tokens(self.theirs), 1_000_000 - amount)
        payment = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=amount, charged=0)
        self.assertEqual((payment["kind"], payment["channel"]), ("voucher", first["channel"]))
        # Of another channel than that of these two nodes it is worth nothing, and a changed one neither.
        other = self.sdk.ask("pay", key=KEY, required=required, salt="0x" + "00" * 32, balance=amount, charged=0)
        self.assertIn("not one between these two nodes", str(self.refusal(job, other["header"])))
        self.assertEqual(self.take(job, payment["header"]), {"repeated": False})
        self.assertEqual(self.take(job, payment["header"]), {"repeated": True})
        self.receipt(job, own)
        self.mine_until(lambda: self.chain.tokens(self.account()["address"]) == 54, "the claim")
        self.mine_until(lambda: self.account()["available"] == 54, "the claim in the books")
        # Its second voucher builds on what was charged, as its own books say.
        job = "job_" + secrets.token_hex(16)
        second = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=amount, charged=54)
        self.take(job, second["header"])
        self.receipt(job, own)
        self.mine_until(lambda: self.account()["available"] == 108, "the second claim")
        self.assertEqual((self.channel()["charged"], self.channel()["ceiling"]), (108, 2_054))
        self.node.ctl("wallet", "audit", check=True)

    def test_the_sdks_client_pays_an_answer_piece_by_piece(self):
        own = self.node.call("ledger-d", "ledger.identity")["pubkey"]
        salt = "0x" + hashlib.sha256(f"infernet/x402/1\n{STRANGER}\n{own}".encode()).hexdigest()
        job = "job_" + secrets.token_hex(16)
        asked = terms(job, 2_000)
        required = self.refusal(job, None, 2_000, STRANGER, 64).cause

        def covering(tokens):
            """The price of the prompt and so many tokens, as x402 has it."""
            said = json.loads(base64.b64decode(required))
            said["accepts"][0]["amount"] = str(asked["size"] // 4 * 3 + 512 + 2 * tokens)
            return base64.b64encode(json.dumps(said).encode()).decode()

        def top_up(payment, tokens):
            return self.ledger.call("ledger.take_top_up", {
                "client": STRANGER, "job": job, "tokens": tokens, "payment": payment["header"]})

        first = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=0, charged=0)
        self.chain.ask("test_mint", self.theirs, 1_000_000)
        amount = int(first["payload"]["deposit"]["amount"])
        raw = self.sdk.ask("deposit", key=KEY, payload=first["payload"], nonce=self.nonce())["raw"]
        self.chain.ask("eth_sendRawTransaction", raw)
        self.chain.ask("test_mine", 3)

        def pay(tokens):
            return self.sdk.ask("pay", key=KEY, required=covering(tokens), salt=salt, balance=amount, charged=0)

        # The first covers its piece; less does not do, and is told what does.
        refused = self.refusal(job, pay(63)["header"], 2_000, STRANGER, 64)
        self.assertEqual(int(json.loads(base64.b64decode(refused.cause))["accepts"][0]["amount"]),
                         int(json.loads(base64.b64decode(covering(64)))["accepts"][0]["amount"]))
        self.assertEqual(self.take(job, pay(64)["header"], 2_000, STRANGER, 64), {"repeated": False})
        for tokens, payment, code in [(96, pay(95), "payment_required"), (70, pay(70), "policy_refused")]:
            with self.assertRaises(Refused) as problem:
                top_up(payment, tokens)
            self.assertEqual(problem.exception.code, code)
        for tokens in (128, 192, 192, 224, 160):
            top_up(pay(tokens), tokens)
        with self.assertRaises(Refused) as problem:
            self.receipt(job, own, prompt=950, tokens=250)
        self.assertEqual(problem.exception.code, "policy_refused")
        self.receipt(job, own, tokens=224)
        price = 30 + 2 * 224
        self.mine_until(lambda: self.chain.tokens(self.account()["address"]) == price, "the claim")
        self.mine_until(lambda: self.account()["available"] == price, "the claim in the books")
        self.assertEqual((self.channel()["charged"], self.channel()["ceiling"], self.channel()["open"]),
                         (price, int(json.loads(base64.b64decode(covering(224)))["accepts"][0]["amount"]), 0))
        self.assertEqual(self.chain.tokens(self.theirs), 1_000_000 - amount)
        self.node.ctl("wallet", "audit", check=True)

    def test_the_sdks_client_is_given_back_what_is_left(self):
        own = self.node.call("ledger-d", "ledger.identity")["pubkey"]
        salt = "0x" + hashlib.sha256(f"infernet/x402/1\n{STRANGER}\n{own}".encode()).hexdigest()
        job = "job_" + secrets.token_hex(16)
        required = self.refusal(job).cause
        first = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=0, charged=0)
        self.chain.ask("test_mint", self.theirs, 1_000_000)
        amount = int(first["payload"]["deposit"]["amount"])
        raw = self.sdk.ask("deposit", key=KEY, payload=first["payload"], nonce=self.nonce())["raw"]
        self.chain.ask("eth_sendRawTransaction", raw)
        self.chain.ask("test_mine", 3)
        payment = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=amount, charged=0)
        self.take(job, payment["header"])

        def give(more=None, client=STRANGER):
            asked = self.sdk.ask("refund", key=KEY, required=required, salt=salt, balance=amount, charged=54,
                                 **({"amount": str(more)} if more else {}))
            return self.ledger.call("ledger.give_refund", {"client": client, "request": asked["header"]})["amount"]

        # Not beside a job, not to another, not more than is left.
        for code, arguments in [("conflict", ()), ("not_permitted", (None, OTHER))]:
            with self.assertRaises(Refused) as refused:
                give(*arguments)
            self.assertEqual(refused.exception.code, code)
        self.receipt(job, own)
        with self.assertRaises(Refused) as refused:
            give(amount - 53)
        self.assertEqual(refused.exception.code, "policy_refused")
        self.assertEqual(give(), amount - 54)
        again = self.sdk.ask("pay", key=KEY, required=required, salt=salt, balance=amount, charged=54)
        self.refusal("job_" + secrets.token_hex(16), again["header"])
        # A ledger-d that dies with it in its books goes on with it.
        self.node.kill("ledger-d")
        eventually(self.node.settled, 30, "the ledger's return")
        self.mine_until(lambda: self.chain.tokens(self.theirs) == 1_000_000 - 54, "the rest")
        self.mine_until(lambda: all(payment["state"] == "settled" for payment in self.node.call(
            "ledger-d", "ledger.payments", {"limit": 9})["payments"]), "the end of both")
        self.assertEqual(self.chain.tokens(self.account()["address"]), 54)
        self.mine_until(lambda: self.account()["available"] == 54, "the claim in the books")
        self.node.ctl("wallet", "audit", check=True)

    def test_what_two_of_the_sdks_clients_owe_is_claimed_by_one_transaction(self):
        own = self.node.call("ledger-d", "ledger.identity")["pubkey"]
        jobs = []
        for number, client in enumerate((STRANGER, OTHER)):
            key = "0x" + f"{0x50 + number:02x}" * 32
            account = self.sdk.ask("address", key=key)["address"]
            self.chain.ask("test_coins", account, 10**18)
            self.chain.ask("test_mint", account, 1_000_000)
            salt = "0x" + hashlib.sha256(f"infernet/x402/1\n{client}\n{own}".encode()).hexdigest()
            job = "job_" + secrets.token_hex(16)
            with self.assertRaises(Refused) as refused:
                self.take(job, client=client)
            required = refused.exception.cause
            first = self.sdk.ask("pay", key=key, required=required, salt=salt, balance=0, charged=0)
            raw = self.sdk.ask("deposit", key=key, payload=first["payload"], nonce=0)["raw"]
            self.chain.ask("eth_sendRawTransaction", raw)
            self.chain.ask("test_mine", 3)
            amount = int(first["payload"]["deposit"]["amount"])
            payment = self.sdk.ask("pay", key=key, required=required, salt=salt, balance=amount, charged=0)
            self.take(job, payment["header"], client=client)
            jobs.append((job, client))
        # The chain is silent while both become due, so that the ledger finds both at once.
        self.chain.process.send_signal(signal.SIGSTOP)
        time.sleep(2)  # the look that was under way waits now, too
        for job, client in jobs:
            self.receipt(job, own, client)
        self.chain.process.send_signal(signal.SIGCONT)
        self.mine_until(lambda: self.chain.tokens(self.account()["address"]) == 108, "the claim")
        self.mine_until(lambda: self.account()["available"] == 108, "the claim in the books")
        self.mine_until(lambda: all(payment["state"] == "settled" for payment in self.node.call(
            "ledger-d", "ledger.payments", {"limit": 9})["payments"]), "the end of both")
        sent = self.chain.ask("eth_getTransactionCount", self.account()["address"], "latest")
        self.assertEqual(int(sent, 16), 1)
        channels = self.node.call("ledger-d", "ledger.channels")["channels"]
        self.assertEqual([(each["charged"], each["balance"]) for each in channels], [(54, 0), (54, 0)])
        self.node.ctl("wallet", "audit", check=True)

    def test_the_sdks_server_is_paid_by_this_node_and_the_rest_comes_back(self):
        address = self.account()["address"]
        self.chain.ask("test_mint", address, 1_000_000)
        self.mine_until(lambda: self.account()["available"] == 1_000_000, "the deposit")
        way = {"provider": STRANGER, "pay_to": {"address": self.theirs, "withdraw_delay_s": 900}}
        self.node.call("ledger-d", "ledger.open_channel", way | {"asset": USDC, "id": "first", "amount": 100_000})
        own = self.node.call("ledger-d", "ledger.identity")["pubkey"]
        self.mine_until(lambda: self.channel()["balance"] == 100_000, "the channel")

        def promise(amount):
            asked = terms("job_" + secrets.token_hex(16), amount)
            made = int(time.time())
            # As docs/protocol/payments.md has it, by a provider of another make.
            quote = schnorr.event(2, 7871, made, [
                ["p", own], ["job", asked["job"]], ["payload", asked["payload"], str(asked["size"])],
                ["model", asked["model_root"]], ["price", "1", "2", USDC], ["max_tokens", str(asked["max_tokens"])],
                ["ceiling", str(amount)], ["rails", "x402 batch-settlement"], ["verification", "likelihoods"],
                ["expiration", str(made + 60)]])
            return self.ledger.call("ledger.promise_price", way | {"terms": asked, "quote": quote})["payment"]

        first = promise(1_500)
        said = self.sdk.ask("verify", header=first, balance=100_000, charged=0, amount=1_500)
        self.assertEqual((said["valid"], said["payer"], said["why"]), (True, address, None))
        # The SDK looks: at the balance, at the ceiling it asked for, at the signature.
        self.assertFalse(self.sdk.ask("verify", header=first, balance=1_499, charged=0, amount=1_500)["valid"])
        self.assertFalse(self.sdk.ask("verify", header=first, balance=100_000, charged=0, amount=1_501)["valid"])
        second = promise(700)
        self.assertTrue(self.sdk.ask("verify", header=second, balance=100_000, charged=1_500, amount=700)["valid"])
        raw = self.sdk.ask("claim", key=KEY, header=second, total=2_200, nonce=self.nonce())["raw"]
        self.chain.ask("eth_sendRawTransaction", raw)
        self.assertEqual(self.chain.tokens(self.theirs), 2_200)

        self.node.ctl("wallet", "leave", STRANGER, check=True)
        def payments(word):
            found = self.node.call("ledger-d", "ledger.payments", {"limit": 20})["payments"]
            return [each["state"] for each in found if word in each["id"]]
        self.mine_until(lambda: payments("channel-leave") == ["settled"], "the request")
        with self.assertRaises(Refused):
            promise(600)
        self.node.kill("ledger-d")
        eventually(self.node.settled, 30, "the ledger's return")
        self.chain.ask("test_wait", 900)
        # Two promises are under way by this node's books, so that they stay behind.
        self.mine_until(lambda: payments("channel-withdraw") == ["settled"], "the money")
        self.assertEqual(self.chain.tokens(address), 900_000 + 97_800)
        self.mine_until(lambda: self.account()["available"] == 900_000 + 97_800, "the money in the books")
        self.assertEqual((self.channel()["balance"], self.channel()["open"]), (0, 2_200))
        shown = json.loads(self.node.ctl("wallet", "channels", "--json", check=True).stdout)
        self.assertEqual(shown["channels"][0]["ceiling"], 2_200)
        self.node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

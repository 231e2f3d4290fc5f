"""Jobs between two whole nodes, paid in USDC on a real EVM by x402 vouchers.
Proves that who signs nothing gets nothing, that what a receipt charges is what the chain moves, that a provider that
dies with a voucher in its books loses nothing, that the official SDK alone claims the last of an answer's vouchers, and that
what was promised for a job that died is free again at once."""

import base64
import hmac
import json
import secrets
import time
import unittest

import ledger_file
from answer import Answer
from evm_chain import Chain
from ipc_client import Refused
from node import MODEL
from paid_case import PaidCase
from waiting import eventually
from x402_peer import SDK

USDC = "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
# Twice the generator, which is on the curve.
STRANGER = "c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5"
CEILING = 100_000
CHANNEL = 1_000_000
# Tokens that one voucher pays: the jobs of most tests here are shorter.
CHUNK = 32
# Who pays for the way to the chain, where no node does.
CARRIER = "0x" + "48" * 32


class PaidJobs(PaidCase):
    """A client without a model, a provider that takes USDC alone, and a chain that both ask."""

    asset = USDC

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain()
        cls.addClassCleanup(cls.chain.stop)
        chain = f"ledger:\n  chains:\n    - name: polygon\n      rpc: {cls.chain.url}\n      poll_s: 1\n"
        # Far above what this test's jobs cost, so that only age makes it claim.
        claims = "  channels:\n    claim_at: 1000000\n    claim_after_s: 20\n"
        cls.start_both(chain, chain + claims, f"    prompt: 1\n    completion: 2\n    chunk: {CHUNK}\n")
        cls.await_plan()

    def channel(self, node):
        """The one channel of a node."""
        (channel,) = node.call("ledger-d", "ledger.channels")["channels"]
        return channel

    def mine_until(self, check, what):
        """Blocks come while something is waited for."""
        def step():
            self.chain.ask("test_mine", 1)
            return check()
        return eventually(step, 90, what)

    def test_1_who_has_no_channel_is_told_so_and_who_sends_no_voucher_is_refused(self):
        answer = Answer(self.client, "Name a colour.", 8)
        self.assertEqual(answer.outcome(60), "error")
        self.assertEqual((answer.http_status, answer.error["code"]), (402, "payment_required"))
        self.assertIn("no channel with the provider", answer.error["message"])
        self.assertIn("wallet channel", answer.error["message"])
        # A client of another make, which connects properly and sends a job without a payment.
        entry = self.provider.call("content-d", "content.list")["entries"][0]
        stranger = self.client.call("ledger-d", "ledger.identity")["pubkey"]
        gate = self.provider.rpc("aggregator-d", caller="ws-d")
        self.addCleanup(gate.close)
        job = {
            "job": "job_" + secrets.token_hex(16), "model": MODEL, "model_root": entry["root"], "max_tokens": 8,
            "unit_price": {"asset": USDC, "prompt": 1, "completion": 2},
            "payload": {"ciphertext": "AAAA", "wrapped_key": "AgAAAA==", "sender": stranger}}
        with self.assertRaises(Refused) as refused:
            gate.call("aggregator.serve", {"peer": stranger, "job": job})
        self.assertEqual(refused.exception.code, "payment_required", refused.exception)

    def test_2_jobs_are_paid_claimed_and_nothing_is_lost(self):
        for node in (self.client, self.provider):
            eventually(lambda node=node: self.account(node)["ok"], 60, "the chain being heard")
            self.chain.ask("test_coins", self.account(node)["address"], 10**18)
        payer, payee = self.account(self.client)["address"], self.account(self.provider)["address"]
        self.chain.ask("test_mint", payer, 5_000_000)
        self.mine_until(lambda: self.account(self.client)["available"] == 5_000_000, "the deposit")
        self.client.ctl("wallet", "channel", self.key, MODEL, "1", "--id", "first", check=True)
        self.mine_until(lambda: self.channel(self.client)["balance"] == 1_000_000, "the channel")
        self.assertEqual(self.chain.tokens(payer), 4_000_000)

        cost = self.price(self.ask("Name three colours.").job)
        self.assertGreater(cost, 24)
        own, theirs = self.channel(self.client), self.channel(self.provider)
        self.assertEqual((own["charged"], own["balance"]), (cost, 1_000_000 - cost))
        self.assertEqual((theirs["charged"], theirs["balance"]), (cost, cost))
        self.assertLessEqual(own["ceiling"], CEILING)
        self.assertEqual(own["ceiling"], theirs["ceiling"])

        # Its ledger dies between the voucher and the claim, again and again until the claim is through.
        for pause in (0, 0.4, 1.1):
            self.kill_ledger(self.provider)
            self.chain.ask("test_mine", 1)
            time.sleep(pause)
        self.mine_until(lambda: self.chain.tokens(payee) == cost, "the claim")
        self.mine_until(lambda: self.account(self.provider)["available"] == cost, "the claim in the books")

        # Both nodes go on; a client whose ledger died has not forgotten what it signed.
        self.kill_ledger(self.client)
        for prompt in ("Name a fruit.", "Count to five.", "Say hello."):
            cost += self.price(self.ask(prompt).job)
        self.assertEqual(self.channel(self.client)["charged"], cost)
        self.mine_until(lambda: self.chain.tokens(payee) == cost, "the second claim")
        self.mine_until(lambda: self.account(self.provider)["available"] == cost, "the second claim in the books")
        self.assertEqual(self.chain.tokens(payer), 4_000_000)
        self.assertEqual(self.client.total(USDC), {"asset": USDC, "earned": 0, "spent": cost})
        eventually(lambda: self.provider.total(USDC)["earned"] == cost, 20, "the acceptances")
        self.assertEqual(self.client.total()["spent"], 0)
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)
            self.assertIn("USDC", node.ctl("wallet", "channels", check=True).stdout)
        print(f"figure: four jobs cost {cost} millionths of a dollar, paid by {self.channel(self.client)['ceiling']} at most")

    def terms(self, entry):
        """What a job of another make could be."""
        return {"job": "job_" + secrets.token_hex(16), "model_root": entry["root"], "payload": secrets.token_hex(32),
                "size": 400, "unit_price": {"asset": USDC, "prompt": 1, "completion": 2}, "max_tokens": 16}

    def test_2a_the_quote_is_in_the_story_in_both_books_and_on_the_receipt(self):
        job = self.ask("Name a metal.").job
        told = {}
        for node in (self.client, self.provider):
            story = json.loads(node.ctl("job", job, "--json", check=True).stdout)
            bundle = json.loads(node.ctl("receipt", "show", job, check=True).stdout)
            self.assertEqual(bundle["receipt"]["tags"][1:], [["quote", story["record"]["quote"]]])
            self.assertIn(story["record"]["quote"], node.ctl("job", job, check=True).stdout)
            told[node] = story["record"]["quote"]
        self.assertEqual(told[self.client], told[self.provider])
        file = self.client.ctl("receipt", "show", job, check=True).stdout
        verified = self.client.ctl("receipt", "verify", "-", "--json", input=file, check=True).stdout
        self.assertEqual(json.loads(verified)["quote"], told[self.client])
        changed = file.replace(told[self.client], "00" * 32)
        self.assertNotEqual(self.client.ctl("receipt", "verify", "-", input=changed).returncode, 0)

    def test_2b_a_quote_outlives_kills_on_both_sides_and_serves_its_own_job_alone(self):
        entry = self.provider.call("content-d", "content.list")["entries"][0]
        own = self.client.call("ledger-d", "ledger.identity")["pubkey"]
        plan = self.client.call("aggregator-d", "aggregator.plan", {"model": MODEL})
        endpoint = next(each["endpoint"] for each in plan["candidates"] if each.get("provider") == self.key)
        pay_to = {"address": self.account(self.provider)["address"], "withdraw_delay_s": 86_400}
        wire = self.client.rpc("ws-d", caller="aggregator-d")
        self.addCleanup(wire.close)

        def quoted(asked):
            return wire.call("ws.quote", {"endpoint": endpoint, "provider": self.key,
                                          "quote": {"model": MODEL, "terms": asked}})

        def asking(node, method, params):
            ledger = node.rpc("ledger-d", caller="aggregator-d")
            try:
                return ledger.call(method, params)
            finally:
                ledger.close()

        times = []
        for _ in range(24):
            started = time.monotonic()
            quoted(self.terms(entry))
            times.append(time.monotonic() - started)
        print(f"figure: a quote takes {sorted(times)[12] * 1000:.2f} ms from the client's aggregator-d and back")

        asked = self.terms(entry)
        quote = quoted(asked)
        self.kill_ledger(self.provider)
        terms = {"provider": self.key, "pay_to": pay_to, "terms": asked, "quote": quote}
        payment = asking(self.client, "ledger.promise_price", terms)["payment"]
        self.kill_ledger(self.client)
        self.assertEqual(asking(self.client, "ledger.promise_price", terms)["payment"], payment)
        def heard():
            eventually(lambda: self.account(self.provider)["ok"], 60, "the chain being heard again")

        heard()
        taken = {"job": asked["job"], "client": own, "model_root": asked["model_root"], "unit_price": asked["unit_price"],
                 "max_tokens": 16, "ceiling": 300 + 512 + 32, "payment": payment}
        taken["quoted"] = {"event": quote, "payload": asked["payload"], "size": asked["size"]}
        # Neither with another payload, nor for another job, nor without.
        other = taken | {"quoted": taken["quoted"] | {"payload": "00" * 32}}
        for wrong, code in [(other, "policy_refused"), (taken | {"job": "job_" + "00" * 16}, "policy_refused"),
                            (taken | {"quoted": None}, "payment_required"), (taken | {"max_tokens": 17}, "policy_refused")]:
            with self.assertRaises(Refused) as refused:
                asking(self.provider, "ledger.take_job", wrong)
            self.assertEqual(refused.exception.code, code, refused.exception)
        self.assertEqual(asking(self.provider, "ledger.take_job", taken), {"repeated": False})
        self.kill_ledger(self.provider)
        heard()
        self.assertEqual(asking(self.provider, "ledger.take_job", taken), {"repeated": True})
        for node, peer, served in ((self.client, self.key, False), (self.provider, own, True)):
            asking(node, "ledger.release_price", {"job": asked["job"], "peer": peer, "served": served})
            self.assertEqual(self.channel(node)["open"], 0)
            node.ctl("wallet", "audit", check=True)

    def test_2c_no_quote_is_signed_for_what_the_provider_would_not_do(self):
        entry = self.provider.call("content-d", "content.list")["entries"][0]
        gate = self.provider.rpc("aggregator-d", caller="ws-d")
        self.addCleanup(gate.close)
        asked = self.terms(entry)
        cheaper = asked | {"unit_price": asked["unit_price"] | {"completion": 1}}
        for wrong, code in [(cheaper, "conflict"), (asked | {"model_root": "00" * 32}, "model_not_found"),
                            (asked | {"max_tokens": 0}, "invalid_request")]:
            with self.assertRaises(Refused) as refused:
                gate.call("aggregator.quote", {"peer": STRANGER, "quote": {"model": MODEL, "terms": wrong}})
            self.assertEqual(refused.exception.code, code, refused.exception)
        with self.assertRaises(Refused) as refused:
            for _ in range(400):
                gate.call("aggregator.quote", {"peer": STRANGER, "quote": {"model": MODEL, "terms": asked}})
        self.assertEqual(refused.exception.code, "too_many_requests")

    def usage(self, job):
        """Tokens of a job's answer, by the receipt that both nodes keep, and what it cost."""
        bundles = [json.loads(node.ctl("receipt", "show", job, check=True).stdout) for node in (self.client, self.provider)]
        bodies = [json.loads(bundle["receipt"]["content"]) for bundle in bundles]
        self.assertEqual(bodies[0], bodies[1])
        return bodies[0]["usage"]["completion_tokens"], bodies[0]["price"]

    def test_2d_a_long_answer_is_paid_while_it_comes_whoever_is_killed(self):
        before = self.channel(self.client)
        answer = Answer(self.client, max_tokens=400)
        self.assertTrue(answer.began.wait(60), "the story did not begin")
        # All of it is set aside, and a piece of it signed for.
        during = self.channel(self.client)
        self.assertGreater(during["open"], 500 + 2 * 400)
        self.assertLess(during["ceiling"] - during["charged"], during["open"] - 300)
        for node in (self.client, self.provider):
            self.kill_ledger(node)
        self.assertEqual(answer.outcome(90), "whole", (answer.error, answer.cut))
        tokens, price = self.usage(answer.job)
        self.assertGreater(tokens, 4 * CHUNK)
        own, theirs = self.channel(self.client), self.channel(self.provider)
        self.assertEqual((own["charged"], theirs["charged"]), (before["charged"] + price,) * 2)
        # Never more than a piece ahead: the prompt's bytes and template, and that.
        self.assertLessEqual(own["ceiling"], before["charged"] + 900 + 2 * (tokens + CHUNK))
        self.assertLessEqual(theirs["ceiling"], own["ceiling"])
        self.assertEqual((own["open"], theirs["open"]), (0, 0))
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)

    def test_2e_a_call_of_a_function_is_paid_while_it_comes(self):
        before = self.channel(self.client)
        tool = {"type": "function", "function": {"name": "write_down", "parameters": {
            "type": "object", "properties": {"lines": {
                "type": "array", "items": {"type": "string", "minLength": 40, "maxLength": 80}, "minItems": 8, "maxItems": 9}},
            "required": ["lines"], "additionalProperties": False}}}
        answer = Answer(self.client, max_tokens=500, tools=[tool], tool_choice="required", parallel_tool_calls=False)
        self.assertEqual(answer.outcome(90), "whole", (answer.error, answer.cut))
        tokens, price = self.usage(answer.job)
        self.assertGreater(tokens, 2 * CHUNK)
        (call,) = answer.calls
        if answer.finish == "tool_calls":
            self.assertGreaterEqual(len(json.loads(call["function"]["arguments"])["lines"]), 8)
        else:
            self.assertEqual((answer.finish, tokens), ("length", 500), "it ended because it was not paid further")
        own, theirs = self.channel(self.client), self.channel(self.provider)
        self.assertEqual((own["charged"], theirs["charged"]), (before["charged"] + price,) * 2)
        self.assertLessEqual(own["ceiling"], before["charged"] + 1800 + 2 * (tokens + CHUNK))
        self.assertEqual((own["open"], theirs["open"]), (0, 0))
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)

    def restart_provider(self, *changes):
        """The provider's node with other lines of configuration; until the client plans with it."""
        self.provider.stop()
        for old, new in changes:
            self.provider.extra = self.provider.extra.replace(old, new)
        self.provider.write_config()
        self.provider.start().wait_warm()
        eventually(lambda: self.account(self.provider)["ok"], 60, "the chain being heard")
        self.await_plan()

    def test_2f_the_official_sdk_alone_claims_the_last_voucher_of_a_long_answer(self):
        sdk = SDK()
        self.addCleanup(sdk.stop)
        # The node claims nothing from here on, and what it gives costs more than a first voucher covers.
        changes = [("claim_after_s: 20", "claim_after_s: 86400"), ("completion: 2", "completion: 9")]
        self.restart_provider(*changes)
        payee = self.account(self.provider)["address"]

        def long_answer():
            # Its card was taken back when it stopped, which the client may hear of a second time.
            charged, answer = self.channel(self.provider)["charged"], Answer(self.client, max_tokens=400)
            return (charged, answer) if answer.outcome(90) == "whole" else None

        before, answer = eventually(long_answer, 60, "a long answer")
        tokens, price = self.usage(answer.job)
        self.assertGreater(tokens, 4 * CHUNK)
        self.assertEqual(self.channel(self.provider)["charged"], before + price)
        # It is gone before it claims. What is left is its key, and the vouchers that it was given.
        self.provider.stop()
        pieces = ledger_file.vouchers(self.provider, answer.job)
        self.assertGreater(len(pieces), 3)
        # As docs/protocol/keys.md has it.
        prk = hmac.digest(b"infernet/keys/1", ledger_file.secret(self.provider), "sha256")
        key = "0x" + hmac.digest(prk, b"evm/0/0\x01", "sha256").hex()
        self.assertEqual(sdk.ask("address", key=key)["address"], payee)
        carrier = sdk.ask("address", key=CARRIER)["address"]
        self.chain.ask("test_coins", carrier, 10**18)
        held, sent = self.chain.tokens(payee), self.chain.ask("eth_getTransactionCount", payee, "latest")

        def redeem(voucher, charge=price):
            return sdk.ask("redeem", key=key, carrier=CARRIER, rpc=self.chain.url, voucher=voucher, charged=before,
                           price=charge)

        # The first pays for a piece, and the SDK does not charge the whole to it; nor more to any than was signed.
        problem, last = "invalid_batch_settlement_evm_", pieces[-1]
        exceeds = {"refused": problem + "charge_exceeds_signed_cumulative"}
        self.assertEqual(redeem(pieces[0]), exceeds)
        self.assertEqual(redeem(last, last["ceiling"] - before + 1), exceeds)
        forged = last | {"ceiling": last["ceiling"] + 1}
        self.assertEqual(redeem(forged), {"refused": problem + "voucher_signature"})
        self.assertEqual(self.chain.tokens(payee), held)
        done = redeem(last)
        self.assertEqual(done.get("by"), carrier, done)
        for name in (done["claim"], done["settle"]):
            self.assertEqual(self.chain.ask("eth_getTransactionReceipt", name)["status"], "0x1")
        # What was charged before and not claimed yet, and what this receipt says, to the last unit. The node sent nothing.
        self.assertEqual(self.chain.tokens(payee), held + before - done["claimed"] + price)
        self.assertEqual(self.chain.tokens(payee), before + price)
        self.assertEqual(self.chain.ask("eth_getTransactionCount", payee, "latest"), sent)
        # It comes back and finds its money, claims nothing twice, and goes on.
        self.restart_provider(*[(new, old) for old, new in changes])
        charged = self.channel(self.provider)["charged"]
        self.mine_until(lambda: self.account(self.provider)["available"] == charged, "all of it in the books")
        self.mine_until(lambda: self.channel(self.provider)["balance"] == 0, "nothing being due any more")
        self.assertEqual(self.chain.tokens(payee), charged)
        self.assertEqual(self.channel(self.client)["charged"], charged)
        eventually(lambda: Answer(self.client, "Name a river.", 8).outcome(60) == "whole", 60, "the next job")
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)
        print(f"figure: the SDK claimed the {price} of {tokens} tokens by the last of {len(pieces)} vouchers")

    def test_3_what_is_required_is_said_in_x402s_own_words(self):
        entry = self.provider.call("content-d", "content.list")["entries"][0]
        client = self.provider.rpc("ledger-d", caller="aggregator-d")
        self.addCleanup(client.close)
        with self.assertRaises(Refused) as refused:
            client.call("ledger.take_job", {
                "job": "job_" + secrets.token_hex(16), "client": self.client.call("ledger-d", "ledger.identity")["pubkey"],
                "model_root": entry["root"], "unit_price": {"asset": USDC, "prompt": 1, "completion": 2},
                "max_tokens": 8, "ceiling": 600})
        required = json.loads(base64.b64decode(refused.exception.cause))
        self.assertEqual(required["x402Version"], 2)
        (way,) = required["accepts"]
        self.assertEqual((way["scheme"], way["network"], way["amount"]), ("batch-settlement", "eip155:137", "600"))
        self.assertEqual(way["payTo"], self.account(self.provider)["address"])

    def test_4_what_was_promised_for_a_job_that_died_is_free_again(self):
        for node in (self.client, self.provider):
            before = self.channel(self.client)["charged"]
            answer = Answer(self.client, max_tokens=400)
            self.assertTrue(answer.began.wait(60), "the story did not begin")
            self.assertGreater(self.channel(self.client)["open"], 0)
            self.assertGreater(self.channel(self.provider)["open"], 0)
            dead = node.kill("aggregator-d")
            eventually(lambda node=node, dead=dead: node.daemon("aggregator-d").get("pid") not in (None, dead)
                       and node.settled(), 30, "aggregator-d's return")
            answer.join(60)
            self.assertFalse(answer.whole)
            eventually(lambda: self.channel(self.client)["open"] == 0, 30, "the client's promise ending")
            eventually(lambda: self.channel(self.provider)["open"] == 0, 30, "the provider's promise ending")
            self.assertEqual(self.channel(self.client)["charged"], before)
            # The next job goes on where the last one that was paid left it.
            def goes(before=before):
                again = Answer(self.client, "Name a tree.", 16)
                return again.outcome(60) == "whole" and self.channel(self.client)["charged"] > before
            eventually(goes, 90, "the next job")
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)

    def test_4a_who_risks_no_more_gets_what_was_paid_for(self):
        # The prompt may cost some 800, so that about a hundred tokens are within the bound.
        self.client.stop()
        self.client.extra = self.client.extra.replace("  chains:", "  channels:\n    max_at_risk: 1000\n  chains:")
        self.client.write_config()
        self.client.start()
        self.await_plan()
        eventually(lambda: self.account(self.client)["ok"], 60, "the chain being heard")
        before = self.channel(self.provider)["charged"]
        answer = Answer(self.client, max_tokens=400)
        self.assertEqual(answer.outcome(90), "whole", (answer.error, answer.cut))
        tokens, price = self.usage(answer.job)
        self.assertEqual(answer.finish, "length")
        self.assertTrue(CHUNK <= tokens < 200, tokens)
        story = self.client.call("aggregator-d", "aggregator.job", {"job": answer.job})["steps"]
        self.assertTrue(any(f"ended early, after {tokens} tokens" in step["reason"] for step in story), story)
        own, theirs = self.channel(self.client), self.channel(self.provider)
        self.assertEqual((own["charged"], theirs["charged"]), (before + price,) * 2)
        self.assertLessEqual(own["ceiling"] - before, 1000)
        self.assertEqual(own["ceiling"], theirs["ceiling"])
        print(f"figure: a client that stops paying gets {tokens} of 400 tokens, and pays {price} for them")

    def test_5_who_leaves_has_the_rest_at_once(self):
        started = self.chain.tokens(self.account(self.client)["address"])
        channel = self.channel(self.client)
        self.assertGreater(channel["balance"], 0)
        # While the provider's node does not answer there is the delay; here it answers.
        left = json.loads(self.client.ctl("wallet", "leave", self.key, "--json", check=True).stdout)
        self.assertEqual([(each["state"], each["amount"]) for each in left], [("handed", channel["balance"])])
        self.mine_until(lambda: self.client.call("ledger-d", "ledger.payments", {"limit": 1})["payments"][0]["state"]
                        == "settled", "the money")
        charged = self.channel(self.provider)["charged"]
        self.assertEqual(self.chain.tokens(self.account(self.client)["address"]), started + CHANNEL - charged)
        self.mine_until(lambda: self.account(self.client)["available"]
                        == self.chain.tokens(self.account(self.client)["address"]), "the money in the books")
        self.mine_until(lambda: self.account(self.provider)["available"] == charged, "what was due to the provider")
        self.assertEqual(self.channel(self.client)["balance"], 0)
        # Nothing is left to pay a job with.
        answer = Answer(self.client, "Name a bird.", 8)
        self.assertEqual(answer.outcome(60), "error")
        for node in (self.client, self.provider):
            node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

"""Answers sold to strangers over HTTP by x402's `exact`: the official SDK's HTTP client buys at a whole node, whose ledger brings
its authorizations to a real EVM.
Proves that who pays gets a real answer, that what is replayed, forged, short, late or uncovered gets none, and that a kill
takes nobody's money twice."""

import base64
import json
import secrets
import threading
import unittest
import urllib.error
import urllib.request

from evm_chain import Chain
from node import MODEL, Node, free_port
from waiting import eventually
from x402_peer import SDK

USDC = "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
KEY = "0x" + "46" * 32
POOR = "0x" + "47" * 32
CARRIER = "0x" + "48" * 32
MONEY = 10_000_000


def question(prompt="Name a colour.", **more):
    """The body of a request."""
    return {"model": MODEL, "messages": [{"role": "user", "content": prompt}], "max_tokens": 16, "temperature": 0} | more


class Sale(unittest.TestCase):
    """One node that sells, its chain, and strangers with and without money."""

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain()
        cls.addClassCleanup(cls.chain.stop)
        cls.sdk = SDK()
        cls.addClassCleanup(cls.sdk.stop)
        cls.place = f"127.0.0.1:{free_port()}"
        cls.url = f"http://{cls.place}/v1/chat/completions"
        cls.node = Node(extra=(
            f"sale:\n  listen: \"{cls.place}\"\n  url: \"http://{cls.place}\"\n"
            f"ledger:\n  chains:\n    - name: polygon\n      rpc: {cls.chain.url}\n      poll_s: 1\n"
            f"aggregator:\n  price:\n    prompt: 1\n    completion: 2\n    asset: {USDC}\n"))
        cls.addClassCleanup(cls.node.destroy)
        cls.node.start().add_model().wait_warm()
        eventually(lambda: cls.account()["ok"], 60, "the chain being heard")
        cls.chain.ask("test_coins", cls.account()["address"], 10**18)
        cls.payer = cls.sdk.ask("address", key=KEY)["address"]
        cls.chain.ask("test_mint", cls.payer, MONEY)

    @classmethod
    def account(cls):
        """The one account of the node."""
        (account,) = cls.node.call("ledger-d", "ledger.accounts")["accounts"]
        return account

    def tokens(self):
        """What payer and payee hold on the chain."""
        return self.chain.tokens(self.payer), self.chain.tokens(self.account()["address"])

    def ask(self, body, payment=None, timeout=100):
        """One request without the SDK: status, headers, decoded body."""
        headers = {"Content-Type": "application/json"} | ({"PAYMENT-SIGNATURE": payment} if payment else {})
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as reply:
                return reply.status, reply.headers, reply.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.headers, refused.read().decode()

    def price(self, body):
        """The `PAYMENT-REQUIRED` header for a request."""
        status, headers, _ = self.ask(body)
        self.assertEqual(status, 402)
        return headers["PAYMENT-REQUIRED"]

    def refused(self, body, payment, words):
        """A payment is refused with these words, and nothing moves."""
        before = self.tokens()
        status, headers, text = self.ask(body, payment)
        self.assertEqual(status, 402, text)
        self.assertIn(words, json.loads(text)["error"]["message"])
        said = json.loads(base64.b64decode(headers["PAYMENT-REQUIRED"]))
        self.assertIn(words, said["error"])
        self.assertEqual(self.tokens(), before)

    def kill(self, name):
        """kill -9 of a daemon; returns when another one serves."""
        dead = self.node.kill(name)
        eventually(lambda: self.node.daemon(name).get("pid") not in (None, dead) and self.node.settled(), 30,
                   f"{name}'s return")

    def test_1_the_sdks_client_buys_an_answer(self):
        before = self.tokens()
        bought = self.sdk.ask("buy", key=KEY, url=self.url, body=question())
        self.assertEqual(bought["status"], 200, bought["text"])
        answer = json.loads(bought["text"])
        self.assertTrue(answer["choices"][0]["message"]["content"].strip())
        self.assertTrue(bought["settled"]["success"])
        self.assertEqual(bought["settled"]["network"], "eip155:137")
        receipt = self.chain.ask("eth_getTransactionReceipt", bought["settled"]["transaction"])
        self.assertEqual(receipt["status"], "0x1")
        cost = int(bought["settled"]["amount"])
        self.assertEqual(self.tokens(), (before[0] - cost, before[1] + cost))
        # What was paid for is used up.
        self.refused(question(), bought["payment"], "used before")
        # It is in the books when it is final.
        def booked():
            self.chain.ask("test_mine", 1)
            return self.account()["available"] == self.tokens()[1]
        eventually(booked, 60, "the money in the books")

        def sale():
            self.chain.ask("test_mine", 1)
            (found,) = json.loads(self.node.ctl("wallet", "sales", "--json", check=True).stdout)["sales"]
            return found if found["state"] == "settled" else None
        sold = eventually(sale, 60, "the sale being final")
        self.assertEqual((sold["model"], sold["amount"], sold["buyer"], sold["delivered"], sold["transaction"]),
                         (MODEL, cost, self.payer, True, bought["settled"]["transaction"]))
        self.assertEqual((sold["prompt_tokens"], sold["completion_tokens"]),
                         (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]))
        self.assertIn(self.payer, self.node.ctl("wallet", "sales", check=True).stdout)
        (day,) = json.loads(self.node.ctl("wallet", "earnings", "--json", check=True).stdout)["days"]
        self.assertEqual((day["sales"], day["earned"], day["unpaid"]), (1, cost, 0))
        self.node.ctl("wallet", "audit", check=True)
        print(f"figure: an answer of {answer['usage']['completion_tokens']} tokens cost {cost} millionths of a dollar")

    def test_2_a_stream_is_paid_before_its_first_piece(self):
        body = question("Count to five.", stream=True, stream_options={"include_usage": True})
        asked = json.loads(base64.b64decode(self.price(body)))["accepts"][0]
        self.assertEqual(asked["extra"]["paymentFlow"], "upfront")
        before = self.tokens()
        bought = self.sdk.ask("buy", key=KEY, url=self.url, body=body)
        self.assertEqual(bought["status"], 200, bought["text"])
        self.assertTrue(bought["text"].rstrip().endswith("data: [DONE]"))
        self.assertTrue(bought["settled"]["success"])
        cost = int(asked["amount"])
        self.assertEqual(self.tokens(), (before[0] - cost, before[1] + cost))
        self.refused(body, bought["payment"], "used before")

    def test_2_b_responses_and_functions_are_sold_alike(self):
        function = {"name": "set_colour", "parameters": {
            "type": "object", "properties": {"colour": {"enum": ["red", "blue"]}}, "required": ["colour"]}}
        chat = question(max_tokens=64, tools=[{"type": "function", "function": function}], tool_choice="required")
        response = {"model": MODEL, "input": "Name a colour.", "max_output_tokens": 64, "temperature": 0,
                    "tools": [{"type": "function"} | function], "tool_choice": "required"}
        for url, body in ((self.url, chat), (f"http://{self.place}/v1/responses", response)):
            for stream in (False, True):
                with self.subTest(url=url, stream=stream):
                    before = self.tokens()
                    bought = self.sdk.ask("buy", key=KEY, url=url, body=body | {"stream": stream})
                    self.assertEqual(bought["status"], 200, bought["text"])
                    self.assertTrue(bought["settled"]["success"])
                    cost = int(bought["settled"]["amount"])
                    self.assertGreater(cost, 0)
                    self.assertEqual(self.tokens(), (before[0] - cost, before[1] + cost))
                    self.assertIn("set_colour", bought["text"])
                    if not stream:
                        answer = json.loads(bought["text"])
                        said = (answer["output"][0] if url != self.url
                                else answer["choices"][0]["message"]["tool_calls"][0]["function"])["arguments"]
                        self.assertIn(json.loads(said)["colour"], ("red", "blue"))

    def test_3_what_is_wrong_buys_nothing(self):
        body = question()
        required = self.price(body)
        def signed(key=KEY, **changes):
            return self.sdk.ask("exact", key=key, required=required, **changes)
        asked = json.loads(base64.b64decode(required))["accepts"][0]
        self.assertEqual((asked["scheme"], asked["network"], asked["payTo"]),
                         ("exact", "eip155:137", self.account()["address"]))
        self.assertNotIn("paymentFlow", asked["extra"])
        self.refused(body, signed(amount=str(int(asked["amount"]) - 1))["header"], "another amount")
        self.refused(body, signed(amount=str(int(asked["amount"]) + 1))["header"], "another amount")
        self.refused(body, signed(pay_to=self.payer)["header"], "somebody else")
        self.refused(body, signed(max_timeout_seconds=3)["header"], "runs out")
        self.refused(body, signed(max_timeout_seconds=60)["header"], "too soon")
        self.refused(body, signed(asset="0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174")["header"], "not the payer's")
        self.refused(body, signed(extra=asked["extra"] | {"version": "1"})["header"], "not the payer's")
        self.refused(body, signed(key=POOR)["header"], "does not hold so much")
        payload = signed()["payload"]
        forged = payload | {"authorization": payload["authorization"] | {
            "from": self.sdk.ask("address", key=POOR)["address"]}}
        self.refused(body, self.sdk.ask("header", payload=forged, required=required)["header"], "not the payer's")
        late = payload | {"authorization": payload["authorization"] | {"validAfter": "4000000000"}}
        self.refused(body, self.sdk.ask("header", payload=late, required=required)["header"], "not valid yet")
        for nonsense in ("AAAA", "e30=", base64.b64encode(b"{" * 5000).decode()):
            self.refused(body, nonsense, "cannot be taken")
        # The price of a longer answer is another; the payment for this one does not do.
        self.refused(question(max_tokens=17), signed()["header"], "not what is asked for")
        # One authorization, two requests at once: one is answered, the other is not, and the money moves once.
        before, header, seen = self.tokens(), signed()["header"], []
        threads = [threading.Thread(target=lambda: seen.append(self.ask(body, header)[0])) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(seen)[0], 200)
        self.assertIn(sorted(seen)[1], (402, 409))
        self.assertEqual(self.tokens()[0], before[0] - int(asked["amount"]))

    def test_4_the_way_in_is_for_buyers_alone(self):
        for path in ("/healthz", "/metrics"):
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(f"http://{self.place}{path}", timeout=10)
            self.assertEqual(refused.exception.code, 404)
            refused.exception.close()
        with urllib.request.urlopen(f"http://{self.place}/v1/models", timeout=10) as reply:
            self.assertEqual([model["id"] for model in json.load(reply)["data"]], [MODEL])
        self.assertEqual(self.ask(question() | {"model": "none"})[0], 404)
        # The node's own people pay nobody, and a payment means nothing there.
        status, headers, _ = self.node.request(
            "POST", "/v1/chat/completions", question(), {"PAYMENT-SIGNATURE": "AAAA"})
        self.assertEqual(status, 200)
        self.assertIsNone(headers["PAYMENT-RESPONSE"])

    def test_5_kills_lose_no_money_and_take_none_twice(self):
        for name, stream in (("ledger-d", True), ("aggregator-d", True), ("ledger-d", False), ("ws-d", False)):
            body = question("Write a story about a lighthouse. " + secrets.token_hex(4), max_tokens=160, stream=stream)
            required = self.price(body)
            cost = int(json.loads(base64.b64decode(required))["accepts"][0]["amount"])
            header = self.sdk.ask("exact", key=KEY, required=required)["header"]
            before, first = self.tokens(), []

            def attempt(body=body, header=header, first=first):
                try:
                    first.append(self.ask(body, header))
                except OSError as problem:
                    first.append((0, {}, str(problem)))

            thread = threading.Thread(target=attempt)
            thread.start()
            eventually(lambda: any(job["state"] == "running" for job in self.node.jobs(1)) or first, 60, "the work")
            self.kill(name)
            thread.join(150)
            whole = first[0][0] == 200 and (not stream or "[DONE]" in first[0][2])
            if not whole:
                # The same payment buys the answer that it did not get.
                def again(body=body, header=header):
                    status, _, text = self.ask(body, header)
                    return status == 200 and (not body["stream"] or "[DONE]" in text)
                eventually(again, 120, f"the answer after the end of {name}")
            self.assertEqual(self.tokens(), (before[0] - cost, before[1] + cost), name)
            eventually(lambda body=body, header=header: self.ask(body, header)[0] == 402, 20, "the end of the sale")
        def booked():
            self.chain.ask("test_mine", 1)
            return self.account()["available"] == self.tokens()[1]
        eventually(booked, 60, "the money in the books")
        self.node.ctl("wallet", "audit", check=True)


class ByFacilitator(unittest.TestCase):
    """A node without coins, whose buyers' payments the SDK's facilitator brings to the chain."""

    def test_the_facilitator_carries_and_the_chain_is_believed(self):
        chain, sdk = Chain(), SDK()
        self.addCleanup(chain.stop)
        self.addCleanup(sdk.stop)
        carrier = sdk.ask("address", key=CARRIER)["address"]
        chain.ask("test_coins", carrier, 10**18)
        place = f"127.0.0.1:{free_port()}"
        node = Node(extra=(
            f"sale:\n  listen: \"{place}\"\n  url: \"http://{place}\"\n"
            f"ledger:\n  facilitator: {sdk.ask('facilitate', key=CARRIER, rpc=chain.url)['url']}\n"
            f"  chains:\n    - name: polygon\n      rpc: {chain.url}\n      poll_s: 1\n"
            f"aggregator:\n  price:\n    prompt: 1\n    completion: 2\n    asset: {USDC}\n"))
        self.addCleanup(node.destroy)
        node.start().add_model().wait_warm()

        def account():
            (found,) = node.call("ledger-d", "ledger.accounts")["accounts"]
            return found
        eventually(lambda: account()["ok"], 60, "the chain being heard")
        chain.ask("test_mint", sdk.ask("address", key=KEY)["address"], MONEY)
        for stream in (False, True):
            bought = sdk.ask("buy", key=KEY, url=f"http://{place}/v1/chat/completions", body=question(stream=stream))
            self.assertEqual(bought["status"], 200, bought["text"])
            receipt = chain.ask("eth_getTransactionReceipt", bought["settled"]["transaction"])
            self.assertEqual((receipt["status"], receipt["from"].lower()), ("0x1", carrier.lower()))
        self.assertEqual(int(chain.ask("eth_getTransactionCount", account()["address"], "latest"), 16), 0)

        def booked():
            chain.ask("test_mine", 1)
            return account()["available"] == chain.tokens(account()["address"]) > 0
        eventually(booked, 60, "the money in the books")
        eventually(lambda: all(payment["state"] == "settled" for payment in node.call(
            "ledger-d", "ledger.payments", {"limit": 9})["payments"]), 60, "the end of both")
        node.ctl("wallet", "audit", check=True)


if __name__ == "__main__":
    unittest.main()

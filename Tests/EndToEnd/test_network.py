"""Proves that one node's job is done by another: found through the DHT, sealed, streamed, paid for; and that losing the
provider is told, soon and clearly. Two whole nodes with keys, stores and sockets of their own.
It must never let the two share anything but the network."""

import contextlib
import hashlib
import json
import os
import secrets
import signal
import time
import unittest

import krpc
import schema
import schnorr
from answer import Answer
from kernel import in_memory
from mainline import DHTProcess
from node import MODEL, Node, docker, eventually, free_port, has_ipv6

MARKER = "zanzibar-quokka-7731"


def identity(node):
    """A node's public key."""
    return node.call("ledger-d", "ledger.identity")["pubkey"]


class NetworkCase(unittest.TestCase):
    """A client without a model and a provider with one."""

    six = False

    @classmethod
    def setUpClass(cls):
        cls.provider = Node("127.0.0.3", provide=True, six=cls.six)
        cls.client = Node("127.0.0.2", image="", bootstrap=cls.provider.dht, six=cls.six)
        cls.addClassCleanup(cls.client.destroy)
        cls.addClassCleanup(cls.provider.destroy)
        cls.provider.start().add_model().wait_warm()
        cls.client.start()
        cls.await_provider()

    def reputation(self):
        """What the client's node has seen of others."""
        return json.loads(self.client.ctl("reputation", "--json", check=True).stdout)["standings"]

    @classmethod
    def await_provider(cls, seconds=60):
        """Returns when the client plans to use the provider."""
        endpoint = f"ws://{cls.provider.peer}/peer"

        def planned():
            plan = cls.client.call("aggregator-d", "aggregator.plan", {"model": MODEL})
            return any(found["chosen"] and found.get("endpoint") == endpoint for found in plan["candidates"])

        eventually(planned, seconds, "the provider in the client's plan")

    def ask(self, prompt, max_tokens=16, **options):
        """One question to the client's node; the finished answer."""
        answer = Answer(self.client, prompt, max_tokens, **options)
        self.assertEqual(answer.outcome(60), "whole", (answer.error, answer.cut))
        return answer


@unittest.skipUnless(has_ipv6(), "this machine has no IPv6")
class TwoNodesOverIPv6(NetworkCase):
    """Nothing between them goes over IPv4."""

    six = True

    def test_a_job_is_done_over_ipv6(self):
        self.ask("Name three colours.")
        line = json.loads(self.client.ctl("peers", "--json", check=True).stdout)
        self.assertEqual([peer["address"] for peer in line["network"]["peers"]], [self.provider.dht])
        self.assertEqual(line["network"]["good_peers6"], 1)
        self.assertIn(self.provider.dht, self.client.ctl("peers", check=True).stdout)
        # Its card says where it is asked how it is, and there it answers.
        [card] = self.client.call("dht-d", "dht.find", {"model": MODEL, "limit": 4})["cards"]
        self.assertEqual([tag[1] for tag in card["tags"] if tag[0] == "status"], [self.provider.dht])
        self.assertEqual(schema.problems([("card", card)]), [[]])
        event = krpc.status(self.provider.dht, card["pubkey"])
        self.assertEqual(schema.problems([("status", event)]), [[]])
        self.assertEqual(event["pubkey"], card["pubkey"])


class TwoNodes(NetworkCase):
    """All is well."""

    def test_plan_names_the_provider(self):
        shown = self.client.ctl("plan", MODEL, check=True).stdout
        self.assertIn(f"ws://{self.provider.peer}/peer", shown)

    def test_answer_receipt_and_both_ledgers(self):
        client_before, provider_before = self.client.total(), self.provider.total()
        answer = self.ask("Name three colours.")
        self.assertGreater(len(answer.pieces), 3, "it was not streamed")
        record = self.client.job(answer.job)
        self.assertEqual((record["state"], record["side"], record["peer"]), ("done", "client", identity(self.provider)))
        served = self.provider.job(answer.job)
        self.assertEqual((served["state"], served["side"], served["peer"]), ("done", "provider", identity(self.client)))

        file = self.client.ctl("receipt", "show", answer.job, check=True).stdout
        self.client.ctl("receipt", "verify", "-", input=file, check=True)
        bundle = json.loads(file)
        made = [("receipt", bundle), ("receipt-body", json.loads(bundle["receipt"]["content"]))]
        self.assertEqual(schema.problems(made), [[], []])
        body = json.loads(bundle["receipt"]["content"])
        self.assertEqual(bundle["receipt"]["pubkey"], identity(self.provider))
        self.assertEqual(body["client"], identity(self.client))
        self.assertNotEqual(body["client"], body["provider"])
        self.assertEqual(bundle["acceptance"]["pubkey"], identity(self.client))
        broken = file.replace(f'\\"price\\":{body["price"]}', f'\\"price\\":{body["price"] + 1}')
        self.assertNotEqual(broken, file)
        self.assertEqual(self.client.ctl("receipt", "verify", "-", input=broken).returncode, 1)

        [seen] = self.reputation()
        self.assertEqual((seen["provider"], seen["bad"]), (identity(self.provider), 0))
        self.assertGreater(seen["score"], 0.4)
        self.assertIn("5 % quantile", self.client.ctl("reputation", identity(self.provider), "--explain", check=True).stdout)
        self.assertGreater(body["price"], 0)
        self.assertEqual(self.client.total()["spent"] - client_before["spent"], body["price"])
        eventually(
            lambda: self.provider.total()["earned"] - provider_before["earned"] == body["price"], 20,
            "the provider's earning")

    def test_others_can_hear_how_it_went(self):
        answer = self.ask("Name a fruit.")
        receipt = json.loads(self.client.ctl("receipt", "show", answer.job, check=True).stdout)["receipt"]
        client, provider = identity(self.client), identity(self.provider)

        def held():
            return krpc.Holder(self.provider.dht).evidence(provider)

        # Of several good jobs one is told; which, is the first one's luck.
        [evidence] = eventually(held, 30, "evidence at the only other node")
        self.assertEqual(schema.problems([("evidence", evidence)]), [[]])
        tags = {tag[0]: tag[1:] for tag in evidence["tags"]}
        self.assertEqual((evidence["pubkey"], tags["p"], tags["outcome"]), (client, [provider], ["ok"]))
        self.assertTrue(schnorr.verify(
            bytes.fromhex(client), bytes.fromhex(evidence["id"]), bytes.fromhex(evidence["sig"])))
        foil = schnorr.event_id(
            provider, 7864, int(tags["finished"][0]),
            [["e", *tags["e"]], ["p", client], ["price", *tags["price"]], ["tokens", *tags["tokens"]]], "")
        signature = bytes.fromhex(tags["counterfoil"][0])
        self.assertTrue(schnorr.verify(bytes.fromhex(provider), foil, signature))
        # Nothing of the job is in it, not even its number.
        body = json.loads(receipt["content"])
        for secret in (body["job"], body["request_hash"], body["result_hash"], body["model"], body["model_root"]):
            self.assertNotIn(secret, json.dumps(evidence))
        # Without a token there is nothing to be had.
        self.assertEqual(
            krpc.ask(self.provider.dht, "inf_rget", {"k": bytes.fromhex(provider), "h": bytes(32), "token": b"12345678"})[0],
            203)
        # The provider hears what is said of it, and believes nobody whom it has not worked with.
        shown = self.client.ctl("reputation", provider, "--explain", check=True).stdout
        self.assertIn("Beta(1 + 5 ×", shown)

    def test_search_with_bounds_and_reasons(self):
        found = json.loads(self.client.ctl("find", MODEL, "--json", check=True).stdout)
        self.assertEqual([each["card"]["provider"] for each in found["providers"]], [identity(self.provider)])
        bounds = ("--max-price", "2", "--max-load", "15", "--vram", "0")
        self.assertIn(f"ws://{self.provider.peer}/peer", self.client.ctl("find", MODEL, *bounds, check=True).stdout)
        none = json.loads(self.client.ctl("find", MODEL, "--max-price", "1", "--json", check=True).stdout)
        self.assertEqual(none["providers"], [])
        self.assertTrue(any(each.startswith("dearer than wanted: ") for each in none["left_out"]), none)
        more = self.client.ctl("find", MODEL, "--vram", "900000", check=True).stdout
        self.assertIn("less memory than wanted: ", more)
        some = json.loads(self.client.ctl("find", MODEL, "--min-reputation", "0", "--json", check=True).stdout)
        thought = some["providers"][0]["reputation"]
        self.assertTrue(0 < thought < 1, thought)
        bound = ("--min-reputation", str(thought + 0.001))
        best = json.loads(self.client.ctl("find", MODEL, *bound, "--json", check=True).stdout)
        self.assertEqual(best["providers"], [])
        # Its earlier card may still be about.
        self.assertIn("less reputation than wanted: 1", best["left_out"])
        cards = self.client.call("dht-d", "dht.find", {"model": MODEL, "limit": 4})["cards"]
        self.assertEqual(schema.problems(("card", each) for each in cards), [[]] * len(cards))

    def test_the_provider_says_all_of_itself(self):
        """In pieces over UDP, from its own node, signed; and nobody answers for who is not there."""
        shown = self.client.ctl("descriptor", identity(self.provider), check=True).stdout
        for word in (f"ws://{self.provider.peer}/peer", MODEL, "cpu: "):
            self.assertIn(word, shown)
        said = json.loads(self.client.ctl("descriptor", identity(self.provider), "--json", check=True).stdout)
        self.assertEqual(said["descriptor"]["provider"], identity(self.provider))
        self.assertEqual(schema.problems([("descriptor", said["descriptor"])]), [[]])
        self.assertIn("No card of", self.client.ctl("descriptor", identity(self.client)).stderr)

    def test_the_provider_says_how_it_is(self):
        """To a stranger who has nothing but the protocol's description."""
        key = identity(self.provider)
        challenge = secrets.token_bytes(8)
        event = krpc.status(self.provider.dht, key, challenge)
        self.assertEqual(schema.problems([("status", event)]), [[]])
        self.assertTrue(schnorr.verify(bytes.fromhex(key), bytes.fromhex(event["id"]), bytes.fromhex(event["sig"])))
        tags = {tag[0]: tag[1:] for tag in event["tags"]}
        self.assertEqual((event["pubkey"], tags["challenge"], tags["accepts"]), (key, [challenge.hex()], ["1"]))
        self.assertGreaterEqual(int(tags["slots"][0]), 1)
        self.assertEqual(len(tags["loaded"]), 1)
        # Not for somebody else, not for a question smaller than the answer, and not at a node that works for nobody.
        self.assertEqual(krpc.status(self.provider.dht, "ab" * 32)[0], 201)
        self.assertEqual(krpc.status(self.provider.dht, key, pad=100)[0], 203)
        self.assertEqual(krpc.status(self.client.dht, identity(self.client))[0], 201)

    def test_why_idle(self):
        self.ask("Say yes.")
        done = self.provider.ctl("why-idle", "--json")
        findings = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        for name in ("announced", "network", "seen", "room", f"price of {MODEL}"):
            self.assertEqual(findings[name]["result"], "ok", findings)
        # The client's node works for nobody, and is told so.
        idle = self.client.ctl("why-idle")
        self.assertEqual(idle.returncode, 3, idle.stdout + idle.stderr)
        self.assertIn("✗ announced", idle.stdout)
        stats = self.provider.ctl("dht", "stats", check=True).stdout
        self.assertIn("yes, 1 other nodes hold the card", stats)

    def test_provider_keeps_nothing_of_what_was_said(self):
        answer = self.ask(f"Repeat exactly this and nothing else: {MARKER}", 24)
        self.assertGreater(len(answer.text), 12)
        eventually(lambda: self.provider.job(answer.job)["state"] == "done", 20, "the provider's record")
        hidden = {"the prompt": MARKER.encode(), "the answer": answer.text.strip().encode()}
        searched = 0
        for top, folders, names in os.walk(self.provider.home):
            # The weights themselves: 98 MB that were there before any question.
            if os.path.basename(top) == "content-d":
                folders[:] = [name for name in folders if name != "files"]
            for name in names:
                path = os.path.join(top, name)
                if not os.path.isfile(path):
                    continue
                with open(path, "rb") as file:
                    data = file.read()
                searched += 1
                for what, secret in hidden.items():
                    self.assertNotIn(secret, data, f"{what} lies in {path}")
        self.assertGreater(searched, 8)
        for path in ("aggregator-d/jobs.sqlite", "exec-d/runs.sqlite", "ledger-d/ledger.db"):
            self.assertTrue(os.path.exists(os.path.join(self.provider.home, "state", path)), path)
        with open(os.path.join(self.provider.home, "state", "logs", "node.jsonl"), encoding="utf-8") as file:
            self.assertIn(answer.job, file.read(), "the search would find a job's traces")
        for container in self.provider.labelled_containers():
            said = docker("GET", f"/v1.41/containers/{container}/logs?stdout=1&stderr=1", raw=True)
            for what, secret in hidden.items():
                self.assertNotIn(secret, said, f"{what} is in the engine's log")
        # The daemons with the network never had it: not even now, in memory.
        for name in ("ws-d", "aggregator-d", "dht-d", "content-d", "ledger-d"):
            self.assertFalse(in_memory(self.provider.daemon(name)["pid"], MARKER.encode()), f"the prompt is in {name}")

    def test_two_at_once(self):
        answers = [Answer(self.client, f"Count to {number} in words.", 48) for number in (10, 20)]
        self.assertEqual([answer.outcome(60) for answer in answers], ["whole", "whole"], [a.error for a in answers])
        for answer in answers:
            self.assertEqual(self.client.job(answer.job)["state"], "done")
        self.assertNotEqual(answers[0].job, answers[1].job)

    def test_another_node_answers_in_the_form_that_was_asked_for(self):
        shape = {"type": "object", "properties": {"z": {"type": "boolean"}, "a": {"enum": ["left", "right"]}},
                 "required": ["z", "a"], "additionalProperties": False}
        answer = self.ask("Left or right?", 40, response_format={
            "type": "json_schema", "json_schema": {"name": "way", "schema": shape, "strict": True}})
        said = json.loads(answer.text)
        self.assertEqual((list(said), type(said["z"]), said["a"] in ("left", "right")), (["z", "a"], bool, True), said)
        self.client.ctl("receipt", "verify", "-", input=self.client.ctl("receipt", "show", answer.job, check=True).stdout,
                        check=True)

    def test_another_node_calls_a_function(self):
        tool = {"type": "function", "function": {"name": "turn", "parameters": {
            "type": "object", "properties": {"way": {"enum": ["left", "right"]}}, "required": ["way"],
            "additionalProperties": False}}}
        answer = self.ask("Left or right?", 120, tools=[tool], tool_choice="required", parallel_tool_calls=False)
        self.assertEqual(answer.finish, "tool_calls")
        (call,) = answer.calls
        self.assertEqual(call["function"]["name"], "turn")
        self.assertIn(json.loads(call["function"]["arguments"])["way"], ("left", "right"))
        receipt = self.client.ctl("receipt", "show", answer.job, check=True).stdout
        self.client.ctl("receipt", "verify", "-", input=receipt, check=True)
        body = json.loads(json.loads(receipt)["receipt"]["content"])
        # As docs/protocol/receipt.md has it, by other means.
        arguments = hashlib.sha256(call["function"]["arguments"].encode()).hexdigest()
        lines = f'{call["id"]} turn {arguments}\n'.encode()
        parts = b"".join(hashlib.sha256(part).digest() for part in (b"", lines, b""))
        self.assertEqual(body["result_hash"], hashlib.sha256(b"\xff" + parts).hexdigest())
        self.assertEqual(body["finish"], "tool_calls")

    def test_another_node_tells_likelihoods(self):
        answer = self.ask("What is 2+2?", 8, logprobs=True, top_logprobs=2)
        self.assertEqual("".join(token["token"] for token in answer.tokens), answer.text)
        self.assertTrue(all(len(token["top_logprobs"]) == 2 for token in answer.tokens))
        self.client.ctl("receipt", "verify", "-", input=self.client.ctl("receipt", "show", answer.job, check=True).stdout,
                        check=True)

    def test_unknown_model(self):
        answer = Answer(self.client, "Hello?", 8, model="no-such-model")
        self.assertEqual(answer.outcome(30), "error")
        self.assertEqual((answer.http_status, answer.error["code"]), (404, "model_not_found"))


class Chosen(NetworkCase):
    """A stranger offers the same model."""

    def test_what_a_provider_says_now_counts_for_more_than_its_card(self):
        """A cheaper provider, nobody's software: it gets the job when it is idle, and not when it is full or silent."""
        stranger = krpc.Provider(secrets.randbelow(schnorr.ORDER - 1) + 1, "127.0.0.9")
        self.addCleanup(stranger.close)
        node = DHTProcess("127.0.0.9", free_port("127.0.0.9"), [self.provider.dht.split(":")],
                          ("infernetctl", "aggregator-d"))
        self.addCleanup(node.destroy)
        eventually(lambda: node.good() > 0, 30, "an acquaintance")
        line = node.line("aggregator-d")
        self.addCleanup(line.socket.close)
        endpoint = "ws://127.0.0.9:1/peer"
        card = schnorr.card(stranger.secret, int(time.time()), model=MODEL, price=(0, 1), endpoint=endpoint,
                            status=stranger.address)
        line.call("dht.announce", {"card": card})
        self.addCleanup(line.call, "dht.withdraw", {})

        ours = f"ws://{self.provider.peer}/peer"

        def chosen(endpoint, *words):
            """Waits for a plan that chooses this one and says these words."""
            def planned():
                found = self.client.call("aggregator-d", "aggregator.plan", {"model": MODEL})["candidates"]
                reasons = {each["endpoint"]: each["reason"] for each in found if each.get("endpoint")}
                first = [each.get("endpoint") for each in found if each["chosen"]]
                if first != [endpoint] or not all(word in reasons.get(place, "") for place, word in words):
                    raise AssertionError((first, reasons))
                return True
            eventually(planned, 30, "another plan")

        chosen(endpoint, (endpoint, "load 0/15 just now"), (ours, "just now"))
        stranger.busy = 4
        chosen(ours, (endpoint, "load 15/15 just now"))
        stranger.busy = None
        chosen(ours, (endpoint, "asked now: no answer"))
        # Once is enough for a while: the next job does not wait for it.
        chosen(ours, (endpoint, " s ago"))
        self.assertGreaterEqual(stranger.asked, 3)
        # Of whom no job was asked nothing is known.
        self.assertNotIn(card["pubkey"], [each["provider"] for each in self.reputation()])
        # And what is planned is done.
        self.assertEqual(self.client.job(self.ask("Say yes.").job)["peer"], identity(self.provider))


class LostProvider(NetworkCase):
    """The provider goes, and comes back."""

    def assert_gone(self, answer):
        """It was offered, and cannot be had: by a card that is still found, or by one that is remembered."""
        self.assertEqual(answer.http_status, 503, answer.error)
        self.assertIn(answer.error["code"], ("no_provider", "upstream_lost"), answer.error)

    def test_lost_mid_answer_then_stopped_then_back(self):
        answer = Answer(self.client, max_tokens=500)
        self.assertTrue(answer.began.wait(30), "no first token")
        self.assertFalse(answer.error, answer.error)
        self.provider.kill_house()
        since = time.monotonic()
        outcome = answer.outcome(30)
        took = answer.ended_at - since
        self.assertEqual(outcome, "error", answer.cut)
        self.assertLess(took, 30)
        self.assertIn(answer.error["code"], ("provider_failed", "upstream_lost"))
        print(f"\n  told after {took * 1000:.0f} ms: {answer.error['message']}", end="", flush=True)
        record = eventually(
            lambda: (job := self.client.job(answer.job))["state"] == "failed" and job, 10, "a failed record")
        self.assertTrue(record["reason"])

        with self.subTest("gone: said, with what to do"):
            gone = Answer(self.client, "Hello?", 8)
            self.assertEqual(gone.outcome(60), "error")
            self.assert_gone(gone)
            told = self.client.ctl("chat", "-m", MODEL, "Hello?")
            self.assertEqual(told.returncode, 1)
            self.assertIn("fix:", told.stderr)
            print(f"\n  gone: {gone.error}", end="", flush=True)

        with self.subTest("restarted: used again"):
            self.provider.start().wait_warm()
            since = time.monotonic()
            self.await_provider()
            again = eventually(
                lambda: (a := Answer(self.client, "Name a colour.", 8)).outcome(60) == "whole" and a, 60,
                "an answer by the restarted provider", every=0.5)
            self.assertEqual(self.client.job(again.job)["peer"], identity(self.provider))
            print(f"\n  used again {time.monotonic() - since:.1f} s after it was ready", end="", flush=True)
            # What the killed provider did for the lost job left no container and no run behind.
            eventually(
                lambda: self.provider.labelled_containers() == sorted(self.provider.containers()), 20, "no leftovers")
            for job in self.provider.jobs():
                self.assertIn(job["state"], ("done", "failed", "cancelled"), job)

        with self.subTest("frozen: noticed"):
            answer = Answer(self.client, max_tokens=500)
            self.assertTrue(answer.began.wait(30), "no first token")
            pids = [self.provider.process.pid, *self.provider.pids().values()]
            containers = self.provider.labelled_containers()
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            try:
                self.assertTrue(containers)
                since = time.monotonic()
                self.assertEqual(answer.outcome(40), "error", answer.cut)
                self.assertLess(answer.ended_at - since, 30)
                print(f"\n  frozen: told after {answer.ended_at - since:.1f} s: {answer.error}", end="", flush=True)
            finally:
                for pid in pids:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)

        with self.subTest("stopped: said, with what to do"):
            eventually(self.provider.settled, 30, "the thawed provider")
            self.assertEqual(self.provider.stop(), 0)
            gone = Answer(self.client, "Hello?", 8)
            self.assertEqual(gone.outcome(60), "error")
            print(f"\n  stopped: {gone.http_status} {gone.error}", end="", flush=True)
            self.assert_gone(gone)
            told = self.client.ctl("chat", "-m", MODEL, "Hello?")
            self.assertIn("fix:", told.stderr)


if __name__ == "__main__":
    unittest.main()

"""Proves that nothing is left of what ill-mannered clients and dying daemons do to nodes under load: no descriptor, connection,
job, slot or container; that every answer is whole or says why not; and that both books agree at the end, and the chain with
them where answers are paid for while they come.
It must never pass because nothing was asked: it counts what was served. SOAK_SECONDS is how long each goes on."""

import collections
import json
import os
import random
import threading
import time
import unittest

import ledger_file
from answer import Answer
from evm_chain import Chain
from ill_manners import Crowd
from node import DAEMONS, MODEL, Node, eventually
from paid_case import PaidCase

SECONDS = float(os.environ.get("SOAK_SECONDS", "12"))
SEED = int(os.environ.get("SOAK_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
FINAL = ("done", "failed", "cancelled")


def unhurried(node):
    """Lets a node's clients ask as often as they can."""
    with open(node.config, encoding="utf-8") as file:
        text = file.read().replace("http:\n", "http:\n  requests_per_second: 0\n", 1)
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text)
    return node


def descriptors(node):
    """Open descriptors by daemon."""
    return {name: len(os.listdir(f"/proc/{pid}/fd")) for name, pid in node.pids().items() if pid}


def gauges(node, *names):
    """Values of /metrics whose name ends in one of these, of all daemons."""
    _, _, body = node.get("/metrics")
    lines = [line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in lines if name.split("{")[0].endswith(names)}


class SoakCase(unittest.TestCase):
    """What must hold of any node when all is quiet again."""

    def assert_nothing_left(self, node, before):
        if node.image:
            eventually(lambda: node.call("exec-d", "exec.inventory")["busy"] == 0, 20, "idle engines")
            eventually(lambda: node.labelled_containers() == sorted(node.containers()), 20, "known containers only")
        eventually(lambda: all(job["state"] in FINAL for job in node.jobs()), 20, "the end of every job")
        self.assertTrue(all(job["reason"] for job in node.jobs()))
        # The one that asks is a connection too.
        eventually(lambda: max(gauges(node, "http_connections").values()) <= 1, 20, "an end of all connections")
        # Kept connections between daemons and spare readers of databases come and go; a leak of each request does not.
        eventually(
            lambda: all(now <= before[name] + 12 for name, now in descriptors(node).items()), 20,
            f"no more descriptors than {before}")

    def loud(self, node):
        """What the log says at `warning` and above, counted."""
        return collections.Counter(
            (line["daemon"], line["msg"]) for line in node.log() if line["level"] in ("warning", "error", "critical"))


class IllMannered(SoakCase):
    """One node and a crowd without manners."""

    def test_nothing_is_left_of_them(self):
        node = unhurried(Node(extra="exec:\n"
                                    f"  image: \"{os.environ['INFERNET_IMAGE']}\"\n  warm: [{MODEL}]\n  slots: 4\n"))
        self.addCleanup(node.destroy)
        node.start().add_model().wait_warm()
        before, said = descriptors(node), self.loud(node)
        crowd = Crowd(node, 12, SEED).start()
        time.sleep(SECONDS)
        crowd.stop()
        print(f"\n  seed {SEED}, {SECONDS:.0f} s: {dict(sorted(crowd.counts.items()))}, longest {crowd.longest:.1f} s",
              flush=True)
        self.assert_nothing_left(node, before)
        served = crowd.counts["whole 200"] + crowd.counts["stream done"]
        self.assertGreater(served, SECONDS / 2)
        # A full house may say so; nothing else may go wrong for who asks well.
        odd = {what: count for what, count in crowd.counts.items()
               if what.split()[0] in ("whole", "stream") and what.split()[-1] not in ("200", "done", "429", "503")
               or "no answer" in what or "Error" in what}
        self.assertEqual(odd, {}, crowd.errors)
        self.assertEqual({what for what in crowd.counts if what.startswith("bad_json")}, {"bad_json 400"})
        self.assertEqual({what for what in crowd.counts if what.startswith("no_model")}, {"no_model 404"})
        self.assertEqual(self.loud(node) - said, collections.Counter())


class DyingDaemons(SoakCase):
    """Two nodes under load, and kill -9 of any daemon of either."""

    def test_every_answer_is_whole_or_says_why(self):
        provider = unhurried(Node("127.0.0.3", provide=True, extra=(
            f"exec:\n  image: \"{os.environ['INFERNET_IMAGE']}\"\n  warm: [{MODEL}]\n  slots: 4\n")))
        client = unhurried(Node("127.0.0.2", image="", bootstrap=provider.dht))
        for node in (client, provider):
            self.addCleanup(node.destroy)
        provider.start().add_model().wait_warm()
        client.start()

        def planned():
            plan = client.call("aggregator-d", "aggregator.plan", {"model": MODEL})
            return any(found["chosen"] for found in plan["candidates"])

        eventually(planned, 60, "the provider in the client's plan")
        before = {node: descriptors(node) for node in (client, provider)}
        crowd = Crowd(client, 6, SEED, ("whole", "stream", "first_bytes", "soon")).start()
        dice, killed, end = random.Random(f"{SEED}/kills"), [], time.monotonic() + 2 * SECONDS
        while time.monotonic() < end:
            time.sleep(dice.uniform(1, 4))
            node = dice.choice((client, provider))
            name = dice.choice([name for name in DAEMONS if node is provider or name != "exec-d"])
            try:
                node.kill(name)
                killed.append(("client's " if node is client else "provider's ") + name)
            except (KeyError, ProcessLookupError):
                pass  # it is dead already
        crowd.stop()
        print(f"\n  seed {SEED}, killed {', '.join(killed)}: {dict(sorted(crowd.counts.items()))}, "
              f"longest {crowd.longest:.1f} s", flush=True)
        for node in (client, provider):
            eventually(lambda node=node: node.settled(), 30, "both nodes at rest")
            self.assert_nothing_left(node, before[node])
        self.assertGreater(len(killed), SECONDS / 4)
        self.assertGreater(crowd.counts["whole 200"] + crowd.counts["stream done"], SECONDS / 4)
        self.assertFalse([what for what in crowd.counts if "no answer" in what], crowd.counts)
        # Cut off without a word is only what went down with the client's own ws-d: one request of each client.
        cut = sum(count for what, count in crowd.counts.items()
                  if what.split()[-1] in ("cut", "closed") or "Error" in what)
        self.assertLessEqual(cut, 6 * killed.count("client's ws-d"), (crowd.counts, crowd.errors))
        self.assert_books_agree(client, provider)

    def assert_books_agree(self, client, provider):
        """Both chains hold, and what one says it spent is what the other says it earned, once all acceptances arrived."""
        eventually(lambda: client.total()["spent"] == provider.total()["earned"] > 0, 60, "books that agree")
        for node in (client, provider):
            audit = json.loads(node.ctl("wallet", "audit", "--json", check=True).stdout)
            self.assertEqual(audit["faults"], [])


class PaidAnswers(PaidCase):
    """Four callers whose node pays another piece by piece on a real EVM, and kill -9 of any daemon of either every 0.4 s, in
    waves: after each somebody must be answered again."""

    asset = "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
    callers = 4
    deposit = 5_000_000

    @classmethod
    def setUpClass(cls):
        cls.chain = Chain()
        cls.addClassCleanup(cls.chain.stop)
        chain = f"ledger:\n  chains:\n    - name: polygon\n      rpc: {cls.chain.url}\n      poll_s: 1\n"
        # So that it claims while it is killed, too.
        claims = "  channels:\n    claim_at: 5000\n    claim_after_s: 3\n"
        slots = f"exec:\n  image: \"{os.environ['INFERNET_IMAGE']}\"\n  warm: [{MODEL}]\n  slots: {cls.callers}\n"
        cls.start_both(chain, slots + chain + claims, "    prompt: 1\n    completion: 2\n    chunk: 16\n")
        cls.await_plan()

    def channel(self, node):
        """The one channel of a node."""
        (channel,) = node.call("ledger-d", "ledger.channels")["channels"]
        return channel

    def mine_until(self, check, what, seconds=60):
        """Blocks come while something is waited for."""
        def step():
            self.chain.ask("test_mine", 1)
            return check()
        return eventually(step, seconds, what)

    def open_channel(self):
        """The client's money in a channel with the provider."""
        for node in (self.client, self.provider):
            eventually(lambda node=node: self.account(node)["ok"], 60, "the chain being heard")
            self.chain.ask("test_coins", self.account(node)["address"], 10**18)
        self.chain.ask("test_mint", self.account(self.client)["address"], self.deposit)
        self.mine_until(lambda: self.account(self.client)["available"] == self.deposit, "the money")
        self.client.ctl("wallet", "channel", self.key, MODEL, str(self.deposit // 10**6), "--id", "all", check=True)
        self.mine_until(lambda: self.channel(self.client)["balance"] == self.deposit, "the channel")

    def ask(self, dice, answers, over):
        """One caller, who asks again when he was answered, until all is over."""
        while not over.is_set():
            answer = Answer(self.client, f"Tell me of {dice.choice(('rivers', 'towns', 'ships'))}.", dice.choice((8, 24, 64)))
            answer.outcome(120)
            answers.append(answer)

    def soak(self):
        """Callers and kills at once; the answers, what was killed, and in how many waves."""
        dice, answers, killed, waves = random.Random(f"{SEED}/paid"), [], [], 0
        over, end = threading.Event(), time.monotonic() + SECONDS
        callers = [threading.Thread(
            target=self.ask, args=(random.Random(f"{SEED}/paid/{number}"), answers, over), daemon=True)
            for number in range(self.callers)]
        for caller in callers:
            caller.start()
        while time.monotonic() < end:
            for _ in range(dice.randint(4, 10)):
                time.sleep(dice.uniform(0.2, 0.6))
                node = dice.choice((self.client, self.provider))
                name = dice.choice([name for name in DAEMONS if node is self.provider or name != "exec-d"])
                try:
                    node.kill(name)
                    killed.append(("client's " if node is self.client else "provider's ") + name)
                except (KeyError, ProcessLookupError):
                    pass  # it is dead already
                self.chain.ask("test_mine", 1)
            waves, before = waves + 1, sum(answer.whole for answer in answers)
            self.mine_until(lambda before=before: sum(answer.whole for answer in answers) > before, "an answer after the kills")
        over.set()
        for caller in callers:
            caller.join(180)
            self.assertFalse(caller.is_alive(), "a caller still waits for its answer")
        return answers, killed, waves

    def test_no_unit_is_lost_whoever_dies(self):
        self.open_channel()
        answers, killed, waves = self.soak()
        whole = [answer for answer in answers if answer.whole]
        said = collections.Counter((answer.error or {}).get("code", answer.cut) for answer in answers if not answer.whole)
        print(f"\n  seed {SEED}, {len(killed)} killed in {waves} waves: {dict(sorted(collections.Counter(killed).items()))}; of {len(answers)} "
              f"answers {len(whole)} whole, the others: {dict(said)}", flush=True)
        self.assertGreater(len(killed), 2 * waves)
        self.assertGreaterEqual(len(whole), waves)
        # Lost with a reason; but for what went down with the client's own ws-d, which is one request of each caller.
        self.assertTrue(all(answer.error["message"] for answer in answers if answer.error))
        self.assertLessEqual(sum(answer.cut is not None for answer in answers), self.callers * killed.count("client's ws-d"))
        for node in (self.client, self.provider):
            eventually(node.settled, 30, "both nodes at rest")
            eventually(lambda node=node: all(job["state"] in FINAL and job["reason"] for job in node.jobs(1000)), 30,
                       "an end of every job, with a reason")
            eventually(lambda node=node: self.channel(node)["open"] == 0, 30, "an end of every promise")
        self.assert_books_and_chain_agree({answer.job for answer in whole})

    def assert_books_and_chain_agree(self, whole):
        """Both nodes' books and the chain say the same of every unit, when all acceptances came and all was claimed."""
        spent, charged = ledger_file.charges(self.client), ledger_file.charges(self.provider)
        # What only the provider charged is an answer that was done, and whose receipt did not come through the kills.
        lost = {job: amount for job, amount in charged.items() if job not in spent}
        self.assertEqual({job: amount for job, amount in charged.items() if job in spent}, spent)
        self.assertLessEqual(whole, set(spent))
        for job in lost:
            self.assertNotEqual(self.client.job(job)["state"], "done")
        own, due = sum(spent.values()), sum(charged.values())
        print(f"  {len(spent)} jobs were paid {own}; {len(lost)} more, {due - own}, with receipts that were lost", flush=True)
        self.assertEqual((self.channel(self.client)["charged"], self.channel(self.provider)["charged"]), (own, due))
        eventually(lambda: (self.client.total(self.asset)["spent"], self.provider.total(self.asset)["earned"]) == (own, own),
                   60, "the acceptances")
        payee = self.account(self.provider)["address"]
        self.mine_until(lambda: self.chain.tokens(payee) == due, "all of it on the chain")
        self.mine_until(lambda: self.account(self.provider)["available"] == due, "all of it in the books")
        self.assertEqual(self.channel(self.provider)["balance"], 0)
        self.assertEqual(self.channel(self.client)["balance"], self.deposit - own)
        self.assertEqual(self.account(self.client)["available"], 0)
        for node in (self.client, self.provider):
            eventually(lambda node=node: ledger_file.set_aside(node) == [], 30, "nothing being set aside")
            audit = json.loads(node.ctl("wallet", "audit", "--json", check=True).stdout)
            self.assertEqual(audit["faults"], [])


if __name__ == "__main__":
    unittest.main()

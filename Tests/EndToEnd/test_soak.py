"""Proves that nothing is left of what ill-mannered clients and dying daemons do to nodes under load: no descriptor, connection,
job, slot or container; that every answer is whole or says why not; and that both books agree at the end.
It must never pass because nothing was asked: it counts what was served. SOAK_SECONDS is how long each goes on."""

import collections
import json
import os
import random
import time
import unittest

from ill_manners import Crowd
from node import DAEMONS, MODEL, Node, eventually

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


if __name__ == "__main__":
    unittest.main()

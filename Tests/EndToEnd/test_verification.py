"""Proves that a node which has the model finds out a provider whose answers are another model's, and blames nobody honest: two
real providers, one of which runs coarser weights behind the right name, and a client that reads some of their answers again."""

import json
import os
import unittest

import coarse_model
from node import IMAGE, MODEL, MODEL_FILE, Node, eventually
from wrong_docker import WrongDocker

QUESTIONS = ["Name three colours.", "Why is the sky blue?", "What is a black hole?"]


class Verification(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.honest = Node("127.0.0.3", provide=True)
        home = cls.honest.home
        coarse_model.write(MODEL_FILE, os.path.join(home, "coarse.gguf"))
        path = os.path.join(home, "wrong.sock")
        cls.docker = WrongDocker(
            path, os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"), os.path.join(home, "coarse.gguf"))
        cls.cheat = Node(
            "127.0.0.4", provide=True, bootstrap=cls.honest.dht,
            extra=f'exec:\n  image: "{IMAGE}"\n  warm: [{MODEL}]\n  docker_socket: {path}\n')
        cls.client = Node("127.0.0.2", bootstrap=cls.honest.dht)
        cls.addClassCleanup(cls.docker.close)
        for node in (cls.honest, cls.cheat, cls.client):
            cls.addClassCleanup(node.destroy)
        for node in (cls.honest, cls.cheat, cls.client):
            node.start().add_model().wait_warm()
        assert cls.docker.swapped > 0, "the cheat runs the right model"

    def ask(self, provider, question, *options):
        """One question to this provider; the job's id."""
        key = provider.call("ledger-d", "ledger.identity")["pubkey"]

        def asked():
            done = self.client.ctl(
                "chat", question, "--provider", key, "--model", MODEL, "--max-tokens", "48", "--json", *options)
            return json.loads(done.stdout.splitlines()[-1]) if done.returncode == 0 else None
        reply = eventually(asked, 60, "an answer from the provider", every=1)
        record = reply.get("record", reply)
        self.assertEqual(record["peer"], key)
        return record["job"]

    def verdict(self, job):
        """What came of the check, once it has been made."""
        def checked():
            words = [step["reason"] for step in self.client.call("aggregator-d", "aggregator.job", {"job": job})["steps"]]
            return next((each for each in words if "checked: " in each or "found wrong: " in each), None)
        return eventually(checked, 60, "the check of an answer")

    def standing(self, provider):
        key = provider.call("ledger-d", "ledger.identity")["pubkey"]
        reply = self.client.call("aggregator-d", "aggregator.reputation", {"provider": key, "limit": 1})
        return reply["standings"][0]

    def test_a_the_cheat_is_found_out_and_the_honest_is_not_blamed(self):
        for question in QUESTIONS:
            words = self.verdict(self.ask(self.honest, question, "--temperature", "0"))
            self.assertIn("; checked: ", words)
            self.assertNotIn("not checked", words)
        # Drawn words, as most people have them.
        words = self.verdict(self.ask(self.honest, QUESTIONS[0]))
        self.assertIn("; checked: ", words)
        honest = self.standing(self.honest)
        self.assertEqual([round(each["right"]) for each in honest["checked"]], [4])
        self.assertEqual(honest["bad"], 0)
        found = [self.verdict(self.ask(self.cheat, question, "--temperature", "0")) for question in QUESTIONS]
        self.assertEqual([("found wrong: " in each) for each in found], [True] * len(QUESTIONS), found)
        cheat = self.standing(self.cheat)
        self.assertEqual(cheat["checked"][0]["right"], 0)
        self.assertEqual(cheat["checked"][0]["share"], 1)
        self.assertLess(cheat["good"], 0.1)
        self.assertGreater(cheat["bad"], 2.9)
        self.assertLess(cheat["score"], honest["score"])
        shown = self.client.ctl("reputation", "--explain", check=True).stdout
        self.assertIn("answers in a row were found right", shown)

    def test_b_what_was_found_outlives_a_kill(self):
        before = self.standing(self.honest)["checked"]
        self.client.kill("aggregator-d")
        after = eventually(lambda: self.standing(self.honest)["checked"], 30, "the standing after a kill")
        self.assertEqual(round(after[0]["right"], 2), round(before[0]["right"], 2))


if __name__ == "__main__":
    unittest.main()

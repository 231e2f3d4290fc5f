"""A provider's card on Nostr relays: two that share no line with ours, and one that asks who is there (NIP-42). Proves that
rust-nostr reads card and descriptor back and finds their signatures right, and that a relay which does not take them is
named."""

import json
import os
import subprocess
import unittest

import schema
from node import MODEL, Node
from relays import ASKING, KINDS, Relay, nostr
from waiting import eventually

CARD, DESCRIPTOR = 31860, 31861


def read(relay, author, kind=CARD):
    """The events of this kind by an author that a relay has."""
    done = subprocess.run(
        [os.path.join(nostr(), "bin", "python"), os.path.join(os.path.dirname(__file__), "read_relay.py"), relay.url,
         str(kind), author], capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


class RelayTests(unittest.TestCase):
    def test_the_card_is_read_back_by_strangers(self):
        relays = [Relay(kind) for kind in [*KINDS, ASKING]]
        for relay in relays:
            self.addCleanup(relay.stop)
        node = Node("127.0.0.3", provide=True)
        self.addCleanup(node.destroy)
        with open(node.config, encoding="utf-8") as file:
            text = file.read()
        urls = [relay.url for relay in relays]
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(text.replace("peer:\n", f"peer:\n  relays: {json.dumps(urls)}\n", 1))
        node.start()
        # Without anything to offer there is no card.
        refused = node.ctl("publish")
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("no card to publish", refused.stderr)
        node.add_model().wait_warm()
        own = node.call("ledger-d", "ledger.identity")["pubkey"]

        def published():
            done = node.ctl("publish", "--json")
            return json.loads(done.stdout) if done.returncode == 0 else None
        reply = eventually(published, 60, "the card on every relay", every=1)
        self.assertEqual([(o["relay"], o["accepted"]) for o in reply["relays"]], [(url, True) for url in urls])
        for relay in relays:
            with self.subTest(relay=relay.url):
                (event,) = read(relay, own)
                self.assertEqual((event["id"], event["pubkey"], event["kind"]), (reply["event"], own, CARD))
                self.assertEqual(schema.problems([("card", event)]), [[]])
                self.assertIn(MODEL, json.dumps(event))
                (event,) = read(relay, own, DESCRIPTOR)
                self.assertEqual((event["id"], event["pubkey"], event["kind"]), (reply["descriptor"], own, DESCRIPTOR))
                self.assertEqual(schema.problems([("descriptor", json.loads(event["content"]))]), [[]])
                self.assertEqual([model["name"] for model in json.loads(event["content"])["models"]], [MODEL])
        # Again they take the places of those before.
        published()
        for kind in CARD, DESCRIPTOR:
            self.assertEqual([len(read(relay, own, kind)) for relay in relays], [1, 1, 1])
        relays[1].halt()
        done = node.ctl("publish")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(f"{urls[1]}  did not take both", done.stdout)
        self.assertIn(f"{urls[0]}  took both", done.stdout)


if __name__ == "__main__":
    unittest.main()

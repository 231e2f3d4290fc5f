"""Proves that a node hears from another whether it is reached, with two whole nodes.
It must never let a node dial itself and call that a proof."""

import json
import unittest

from node import Node, eventually, free_port


class DialledBack(unittest.TestCase):
    """Two providers of one model, the second of which announces a port at which nobody listens."""

    def reachable(self, node):
        """What why-idle says of it, and how it ended."""
        done = node.ctl("why-idle", "--json")
        findings = {each["name"]: each for each in json.loads(done.stdout)["findings"]}
        return findings["reachable"], done.returncode

    def test_a_closed_port_is_told_and_an_open_one_too(self):
        first = Node("127.0.0.1", provide=True, warm=False)
        self.addCleanup(first.destroy)
        closed = f"127.0.0.1:{free_port()}"
        second = Node("127.0.0.1", provide=True, warm=False, bootstrap=first.dht, advertise=closed)
        self.addCleanup(second.destroy)
        first.start().add_model()
        # Nobody else offers anything yet: nobody can be asked, and that is no fault.
        eventually(lambda: "nobody could be asked" in self.reachable(first)[0]["reason"], 60, "a word on its reach")
        self.assertEqual(self.reachable(first)[0]["result"], "skipped")
        second.start().add_model()

        def told(node, *words):
            finding, code = self.reachable(node)
            if not all(word in finding["reason"] for word in words):
                raise AssertionError(finding)
            return finding, code

        finding, code = eventually(
            lambda: told(second, f"dialled {closed}", "got no connection"), 60, "a call back to the closed port")
        self.assertEqual((finding["result"], code), ("failed", 3), finding)
        self.assertIn("router", finding["fix"])
        # The first one cannot ask the second, which is not where it says; it is not told that it is unreachable.
        finding, _ = eventually(lambda: told(first, "who was asked to dial back did not"), 30, "an honest word")
        self.assertNotEqual(finding["result"], "failed")

        second.stop()
        second.advertise = None
        second.write_config()
        second.start()
        for node in (first, second):
            finding, _ = eventually(
                lambda node=node: told(node, f"dialled {node.peer}", "was answered with this node's key"), 60,
                "a call back that is answered")
            self.assertEqual(finding["result"], "ok")
        self.assertIn("dialled", first.ctl("why-idle").stdout)
        # It says that it knows nothing of strangers: two nodes on one machine are no internet.
        self.assertIn("40 good peers", second.ctl("dht", "stats", check=True).stdout)
        self.assertFalse(second.call("dht-d", "dht.stats")["read_only"])


if __name__ == "__main__":
    unittest.main()

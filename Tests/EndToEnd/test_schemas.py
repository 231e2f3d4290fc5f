"""Proves that schemas and examples say the same, that each rule of a schema bites, and that the product takes the examples.
That what the product makes passes is proved where it makes it, in test_network.py."""

import copy
import json
import os
import subprocess
import unittest

import schema
from node import BIN

NAMES = ("card", "descriptor", "status", "job", "receipt", "receipt-body", "evidence",
         "credit-request", "credit-offer", "credit-note", "quote")


def without_each(value, path=()):
    """The value with one member of one of its objects left out, each in turn, and where that was."""
    if isinstance(value, dict):
        for key in value:
            rest = {other: inner for other, inner in value.items() if other != key}
            yield path + (key,), rest
            for where, inner in without_each(value[key], path + (key,)):
                yield where, {**value, key: inner}
    elif isinstance(value, list):
        for place, each in enumerate(value):
            for where, inner in without_each(each, path + (place,)):
                yield where, value[:place] + [inner] + value[place + 1:]


class Schemas(unittest.TestCase):
    """Every schema with its example."""

    def test_examples_pass(self):
        for name, found in zip(NAMES, schema.problems((name, schema.example(name)) for name in NAMES)):
            self.assertEqual(found, [], name)

    def test_a_card_of_several_devices_passes(self):
        card = schema.example("card")
        card["tags"].insert(5, ["devices", "8"])
        self.assertEqual(list(schema.problems([("card", card)])), [[]])

    def test_what_is_left_out_or_added_is_seen(self):
        # What may be absent: the sampling's wishes, the answer's form, and the acceptance.
        optional = {("format",), ("sampling", "temperature"), ("sampling", "max_tokens"), ("acceptance",), ("interconnect",), ("image",),
                    ("attestation",), ("devices", 0, "driver"),
                    ("models", 0, "details", "architecture")}
        cases = []
        for name in NAMES:
            example = schema.example(name)
            cases += [(name, changed, where) for where, changed in without_each(example) if where not in optional]
            cases.append((name, {**example, "surprise": 1}, ("surprise",)))
        self.assertGreater(len(cases), 50)
        for case, found in zip(cases, schema.problems((name, changed) for name, changed, _ in cases)):
            self.assertNotEqual(found, [], (case[0], case[2]))

    def test_wrong_values_are_seen(self):
        changes = [
            ("card", ("kind",), 1), ("card", ("tags", 1, 1), "1e3"), ("card", ("tags", 4, 2), "16"),
            ("card", ("tags", 6, 1), "Upper"), ("card", ("tags", 6, 2), "zz"), ("card", ("content",), "words"),
            ("card", ("tags", 5, 1), "provider.example:1"),
            ("card", ("tags", 5, 1), "2001:db8::1:9203"), ("card", ("tags", 5, 1), "[203.0.113.7]:9203"), ("card", ("tags", 6), ["status", "203.0.113.7:9203"]),
            ("card", ("tags", 5), ["devices", "1"]), ("card", ("tags", 5), ["devices", "8", "8"]),
            ("descriptor", ("endpoints",), []), ("descriptor", ("version",), 2), ("descriptor", ("provider",), "AB"),
            ("descriptor", ("models", 0, "name"), "Upper"), ("descriptor", ("devices", 0, "memory_mib"), -1),
            ("descriptor", ("status_addresses", 0), "provider.example:1"), ("descriptor", ("attestation", "evidence"), "xyz"),
            ("status", ("kind",), 31860), ("status", ("tags", 0, 1), "01"), ("status", ("tags", 1, 1), "yes"),
            ("status", ("tags", 2, 1), "-1"), ("status", ("tags", 3, 1), "1d1243022ea5c99"),
            ("status", ("tags", 4, 1), "-1"), ("status", ("tags", 4), ["free", "1", "2"]), ("status", ("tags", 4, 0), "free_mib"),
            ("job", ("messages", 0, "role"), "nobody"), ("job", ("sampling", "max_tokens"), 0),
            ("job", ("format", "type"), "xml"), ("job", ("tools",), schema.example("job-tools")["tools"]),
            ("job", ("sampling", "logprobs"), 3), ("job", ("messages", 0, "tool_call_id"), "call_1"),
            ("receipt", ("receipt", "kind"), 7861), ("receipt", ("receipt", "sig"), "00"),
            ("receipt", ("acceptance", "content"), "x"), ("receipt-body", ("price",), -1),
            ("receipt-body", ("price",), 0.5), ("receipt-body", ("finish",), "tired"),
            ("evidence", ("kind",), 7864), ("evidence", ("tags", 0, 1), "ab"), ("evidence", ("tags", 2, 1), "-1"),
            ("evidence", ("tags", 2, 2), "gold"), ("evidence", ("tags", 3), ["tokens", "1"]),
            ("evidence", ("tags", 5, 1), "fine"), ("evidence", ("tags", 6, 1), "00"), ("evidence", ("content",), "x"),
            ("credit-request", ("kind",), 7869), ("credit-request", ("tags", 1, 1), "0"),
            ("credit-request", ("tags", 1, 3), "test:credit"), ("credit-request", ("tags", 2, 1), ""),
            ("credit-offer", ("tags", 1, 1), "-5"), ("credit-offer", ("tags", 2, 1), "ab"),
            ("credit-offer", ("tags", 0, 0), "e"), ("credit-note", ("tags", 1, 1), "job_1"),
            ("credit-note", ("tags", 2, 1), "020000"), ("credit-note", ("content",), "x"),
            ("quote", ("kind",), 7870), ("quote", ("tags", 0, 1), "ab"), ("quote", ("tags", 1, 1), "job_1"),
            ("quote", ("tags", 2, 2), "0"), ("quote", ("tags", 2, 2), "0624"), ("quote", ("tags", 3, 1), "zz"),
            ("quote", ("tags", 4, 3), "test:credit"), ("quote", ("tags", 4, 1), "-1"), ("quote", ("tags", 5, 1), "0"),
            ("quote", ("tags", 6, 1), "1e3"), ("quote", ("tags", 7), ["rails"]), ("quote", ("tags", 7, 1), "gold"),
            ("quote", ("tags", 8, 1), "trust"), ("quote", ("tags", 9, 1), "soon"), ("quote", ("content",), "x"),
            ("quote", ("tags",), schema.example("quote")["tags"] + [["chunk", "15"]]),
            ("quote", ("tags",), schema.example("quote")["tags"] + [["piece", "128"]]),
            ("receipt", ("receipt", "tags"), [["p", "ab" * 32], ["quote", "ab"]]),
            ("receipt", ("receipt", "tags"), [["p", "ab" * 32], ["e", "ab" * 32]]),
            ("receipt-body", ("job",), "job_1"), ("receipt-body", ("version",), 2),
        ]
        cases = []
        for name, path, value in changes:
            document = copy.deepcopy(schema.example(name))
            inner = document
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = value
            cases.append((name, document))
        for change, found in zip(changes, schema.problems(cases)):
            self.assertNotEqual(found, [], change)

    def test_a_job_may_have_functions(self):
        asked = schema.example("job-tools")
        plain = {key: value for key, value in asked.items() if key != "tools"}
        plain["sampling"] = {}
        told = {**plain, "conversation": asked["conversation"][:1], "sampling": {"logprobs": 0}}
        # The rest is optional, and so is each of the three that make a conversation of messages.
        good = [asked, plain, told, {**asked, "conversation": asked["conversation"][:1]}]
        for case, found in zip(good, schema.problems(("job", case) for case in good)):
            self.assertEqual(found, [], case)
        bad = [{**plain, "conversation": asked["conversation"][:1]}, {**asked, "messages": asked["conversation"][:1]},
               {key: value for key, value in asked.items() if key != "conversation"},
               {**told, "sampling": {"logprobs": 21}}, {**told, "sampling": {"logit_bias": {"the": 1}}}]
        for path, value in ((("choice",), "none"), (("only",), "a b"), (("tools",), []), (("tools", 0, "name"), ""),
                            (("tools", 0, "strict"), True), (("tools", 0, "parameters"), {})):
            changed = copy.deepcopy(asked)
            inner = changed["tools"]
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = value
            bad.append(changed)
        for path, value in (((1, "tool_calls"), []), ((1, "tool_calls", 0, "id"), "a b"), ((2, "tool_call_id"), "")):
            changed = copy.deepcopy(asked)
            inner = changed["conversation"]
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = value
            bad.append(changed)
        for case, found in zip(bad, schema.problems(("job", case) for case in bad)):
            self.assertNotEqual(found, [], case)

    def test_body_and_receipt_are_one(self):
        self.assertEqual(json.loads(schema.example("receipt")["receipt"]["content"]), schema.example("receipt-body"))

    def test_evidence_is_of_the_receipt(self):
        receipt, evidence = schema.example("receipt")["receipt"], schema.example("evidence")
        body = schema.example("receipt-body")
        self.assertEqual(evidence["pubkey"], body["client"])
        self.assertEqual(evidence["tags"][:2], [["e", receipt["id"]], ["p", receipt["pubkey"]]])

    def test_a_receipt_may_name_its_quote(self):
        bundle, quote = schema.example("receipt"), schema.example("quote")
        bundle["receipt"]["tags"].append(["quote", quote["id"]])
        self.assertEqual(schema.problems([("receipt", bundle)]), [[]])

    def test_a_quote_may_say_how_it_is_divided(self):
        quote = schema.example("quote")
        quote["tags"].append(["chunk", "128"])
        self.assertEqual(schema.problems([("quote", quote)]), [[]])

    def test_the_product_takes_the_receipt(self):
        path = os.path.join(schema.FOLDER, "examples", "receipt.json")
        done = subprocess.run(
            [os.path.join(BIN, "infernetctl"), "receipt", "verify", path], capture_output=True, text=True, timeout=30,
            check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()

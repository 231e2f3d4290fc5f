"""Holds documents against schemas/, with a validator that nobody here wrote.
It must never pass a document when the validator did not run."""

import json
import os
import subprocess
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "schemas")


def problems(pairs):
    """For each pair of a schema's name and a document: what is wrong with it, as a list of sentences."""
    from mainline import peers_python

    done = subprocess.run(
        [peers_python(), os.path.abspath(__file__)], input=json.dumps(list(pairs)), capture_output=True, text=True,
        timeout=60, check=True)
    return json.loads(done.stdout)


def example(name):
    """The example of a schema."""
    with open(os.path.join(FOLDER, "examples", name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def main():
    """The validator, run by the Python that has it."""
    from jsonschema import Draft202012Validator

    out = []
    for name, document in json.load(sys.stdin):
        with open(os.path.join(FOLDER, name + ".schema.json"), encoding="utf-8") as file:
            schema = json.load(file)
        Draft202012Validator.check_schema(schema)
        found = Draft202012Validator(schema).iter_errors(document)
        out.append([f"{'/'.join(map(str, each.path))}: {each.message[:200]}" for each in found])
    print(json.dumps(out))


if __name__ == "__main__":
    main()

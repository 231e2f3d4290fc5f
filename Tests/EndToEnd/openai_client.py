"""The official openai package, from a virtual environment in the cache, made when it is missing.
It must never change the package: what passes here passes with what people install."""

import glob
import importlib
import os
import sys

from environment import environment


def load():
    """The module `openai`."""
    for path in glob.glob(os.path.join(environment("venv", ["openai"]), "lib", "python3*", "site-packages")):
        if path not in sys.path:
            sys.path.append(path)
    return importlib.import_module("openai")

"""The official openai package, from a virtual environment in the cache, made when it is missing.
It must never change the package: what passes here passes with what people install."""

import fcntl
import glob
import importlib
import os
import subprocess
import sys

CACHE = os.environ.get("INFERNET_CACHE", os.path.expanduser("~/.cache/infernet"))
VENV = os.path.join(CACHE, "venv")


def load():
    """The module `openai`."""
    ready = os.path.join(VENV, f"openai-ready-{sys.version_info.major}.{sys.version_info.minor}")
    os.makedirs(CACHE, exist_ok=True)
    with open(os.path.join(CACHE, "venv.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(ready):
            subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
            subprocess.run(
                [os.path.join(VENV, "bin", "python"), "-m", "pip", "install", "-q", "openai"], check=True,
                timeout=600)
            with open(ready, "w", encoding="utf-8"):
                pass
    for path in glob.glob(os.path.join(VENV, "lib", "python3*", "site-packages")):
        if path not in sys.path:
            sys.path.append(path)
    return importlib.import_module("openai")

"""Python environments of their own for foreign packages, each made once and kept in the cache.
It must never give an environment that was left half made, nor let two processes make one at once."""

import fcntl
import os
import subprocess
import sys

CACHE = os.environ.get("INFERNET_CACHE", os.path.expanduser("~/.cache/infernet"))


def environment(name, packages):
    """The folder of an environment with these packages."""
    folder = os.path.join(CACHE, name)
    wanted = f"{sys.version_info.major}.{sys.version_info.minor} " + " ".join(packages)
    mark = os.path.join(folder, "made-of")
    os.makedirs(CACHE, exist_ok=True)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made_of(mark, wanted):
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "-q", *packages],
                           check=True, timeout=600)
            with open(mark, "w", encoding="utf-8") as file:
                file.write(wanted)
    return folder


def made_of(mark, wanted):
    """Whether the environment was made to its end, of just this."""
    try:
        with open(mark, encoding="utf-8") as file:
            return file.read() == wanted
    except FileNotFoundError:
        return False


def python(name, packages):
    """The interpreter of an environment."""
    return os.path.join(environment(name, packages), "bin", "python")

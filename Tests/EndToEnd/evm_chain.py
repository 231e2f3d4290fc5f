"""A chain for tests: py-evm in an environment of its own, made once and kept in the cache.
It must never stand in for the EVM: the token is compiled, its calls are computed."""

import json
import os
import subprocess
import urllib.request

from environment import python

# Exact, because the first two are pre-releases.
PACKAGES = ["eth-tester==0.14.0b1", "py-evm==0.12.1b1", "vyper==0.4.3", "coincurve==21.0.0"]
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evm")


class Chain:
    """A running chain."""

    def __init__(self):
        self.process = subprocess.Popen(
            [python("evm-venv", PACKAGES), os.path.join(HERE, "server.py"), HERE], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        if not line:
            raise AssertionError("the chain did not start")
        self.url = f"http://127.0.0.1:{line}"

    def ask(self, method, *params):
        """One question."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}).encode()
        request = urllib.request.Request(self.url, data=body, headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            reply = json.load(answer)
        if "error" in reply:
            raise AssertionError(f"{method}: {reply['error']}")
        return reply["result"]

    def tokens(self, who):
        """How many of the token's smallest units an account holds."""
        data = "0x70a08231" + who[2:].lower().rjust(64, "0")
        token = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
        return int(self.ask("eth_call", {"to": token, "data": data}, "latest"), 16)

    def stop(self):
        """Ends the chain."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)

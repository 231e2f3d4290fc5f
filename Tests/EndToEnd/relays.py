"""Two real Nostr relays that share no line with ours or with each other: rust-nostr's, in memory, and nostr-relay, in
Python over SQLite. It must never change what a relay does, but for where it listens and how often it may be asked."""

import glob
import os
import shutil
import socket
import subprocess
import tempfile

from environment import environment
from node import free_port
from waiting import eventually

PACKAGES = ["nostr-sdk==0.45.1", "nostr-relay==1.14"]
RUST = """
import asyncio
from nostr_sdk import LocalRelayBuilder, LocalRelayBuilderNip42, LocalRelayBuilderNip42Mode, RateLimit
async def main():
    limit = RateLimit(max_reqs=1000, notes_per_minute=100000)
    builder = LocalRelayBuilder().addr("127.0.0.1").port({port}).rate_limit(limit)
    if {asks}:
        builder = builder.nip42(LocalRelayBuilderNip42(mode=LocalRelayBuilderNip42Mode.BOTH))
    relay = builder.build()
    await relay.run()
    await asyncio.sleep(1e9)
asyncio.run(main())
"""
KINDS = ["rust-nostr", "nostr-relay"]
# NIP-42: nothing is taken or given before the client has said who it is.
ASKING = "rust-nostr that asks who is there"


def nostr():
    """The environment that both come from."""
    return environment("nostr-venv", PACKAGES)


class Relay:
    """A running relay."""

    def __init__(self, kind):
        folder = nostr()
        self.home = tempfile.mkdtemp(prefix="relay-", dir="/tmp")
        self.port = free_port()
        self.url = f"ws://127.0.0.1:{self.port}"
        if kind != "nostr-relay":
            text = RUST.format(port=self.port, asks=kind == ASKING)
            words = [os.path.join(folder, "bin", "python"), "-c", text]
        else:
            (given,) = glob.glob(f"{folder}/lib/python3*/site-packages/nostr_relay/config.yaml")
            config = os.path.join(self.home, "relay.yaml")
            with open(given, encoding="utf-8") as file:
                text = file.read().replace("///nostr.sqlite3", f"///{self.home}/relay.sqlite3").replace(
                    "6969", str(self.port))
            with open(config, "w", encoding="utf-8") as file:
                file.write(text)
            words = [os.path.join(folder, "bin", "nostr-relay"), "-c", config, "serve"]
        self.words = words
        self.process = None
        self.start()

    def start(self):
        """Starts it, or starts it again."""
        with open(os.path.join(self.home, "log"), "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            eventually(self.listens, 60, "the relay's start", every=0.1)
        except BaseException:
            self.stop()
            raise

    def listens(self):
        """Whether somebody listens."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def halt(self):
        """Ends the process, and keeps what it stored."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it for good."""
        self.halt()
        shutil.rmtree(self.home, ignore_errors=True)

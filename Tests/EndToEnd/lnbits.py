"""A real LNbits for tests, in an environment of its own: two wallets that pay each other over its FakeWallet.
It must never stand in for LNbits: the server is the one from the package, asked by its own interface."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request

from environment import environment
from node import free_port
from waiting import eventually

# bitstring 5 breaks this version's reader of invoices.
PACKAGES = ["lnbits==1.6.2", "bitstring<5"]


class LNbits:
    """A running LNbits."""

    def __init__(self):
        folder = environment("lnbits-venv", PACKAGES)
        program = os.path.join(folder, "bin", "lnbits")
        self.home = tempfile.mkdtemp(prefix="lnbits-", dir="/tmp")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        # It looks for its own files where it is started.
        (packages,) = [
            os.path.join(folder, "lib", name, "site-packages") for name in os.listdir(os.path.join(folder, "lib"))]
        settings = {
            "LNBITS_DATA_FOLDER": os.path.join(self.home, "data"),
            "LNBITS_EXTENSIONS_PATH": os.path.join(self.home, "extensions"),
            "LNBITS_BACKEND_WALLET_CLASS": "FakeWallet", "LNBITS_ADMIN_UI": "true",
            "LNBITS_RATE_LIMIT_NO": "1000000", "FAKE_WALLET_SECRET": "a test's",
        }
        with open(os.path.join(self.home, "log"), "wb") as log:
            # Its server is a child of the program: they go together.
            self.process = subprocess.Popen(
                [program, "--host", "127.0.0.1", "--port", str(port)], cwd=packages, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **settings}, start_new_session=True)
        try:
            answer = eventually(self.install, 60, "LNbits' start", every=0.3)
            self.token = answer["access_token"]
        except BaseException:
            self.stop()
            raise

    def install(self):
        """Makes its first user, who may give money out."""
        words = {"username": "tester", "password": "secret1234", "password_repeat": "secret1234"}
        return self.ask("PUT", "/api/v1/auth/first_install", words)

    def ask(self, method, path, body=None, headers=None):
        """One request: the decoded answer."""
        request = urllib.request.Request(
            self.url + path, method=method, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.code} {error.read()!r}") from None

    def wallet(self, satoshis=0):
        """A new wallet, with money from nowhere."""
        wallet = Wallet(self, self.ask("POST", "/api/v1/account", {"name": "wallet"}))
        if satoshis:
            self.ask("PUT", "/users/api/v1/balance", {"id": wallet.id, "amount": satoshis},
                     {"Authorization": f"Bearer {self.token}"})
        return wallet

    def stop(self):
        """Ends it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        shutil.rmtree(self.home, ignore_errors=True)


class Wallet:
    """One wallet of it."""

    def __init__(self, lnbits, made):
        self.lnbits = lnbits
        self.id, self.key = made["id"], made["adminkey"]

    def ask(self, method, path, body=None):
        """One request with the wallet's key."""
        return self.lnbits.ask(method, path, body, {"X-Api-Key": self.key})

    def invoice(self, satoshis, memo="test", seconds=600):
        """Makes an invoice: what a payer needs, and its hash."""
        made = self.ask("POST", "/api/v1/payments", {
            "out": False, "amount": satoshis, "unit": "sat", "memo": memo, "expiry": seconds})
        return made["bolt11"], made["payment_hash"]

    def pay(self, invoice):
        """Pays an invoice."""
        return self.ask("POST", "/api/v1/payments", {"out": True, "bolt11": invoice})

    def balance(self):
        """Millisatoshis."""
        return self.ask("GET", "/api/v1/wallet")["balance"]

    def payments(self):
        """All that came in or left, as (hash, millisatoshis, status); what leaves is below zero."""
        rows = self.ask("GET", "/api/v1/payments?limit=1000")
        return [(row["payment_hash"], row["amount"], row["status"]) for row in rows]

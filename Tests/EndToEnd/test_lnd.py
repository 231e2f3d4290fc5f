"""LND by its REST interface: a whole node, and a stand-in that answers as LND's documentation says, over TLS with a
certificate of its own, its money at a real LNbits. No real LND was to be had where this was written.
Proves that invoices are paid and booked, that an answer which goes on is not waited for, and that no other certificate than
the pinned one is believed."""

import base64
import http.server
import json
import os
import ssl
import subprocess
import tempfile
import threading
import unittest
import urllib.error
import urllib.request

from lightning_account import LightningAccount, hand_key
from lnbits import LNbits
from node import Node
from waiting import eventually

MACAROON = "0201036c6e64" * 8


class StandIn(http.server.ThreadingHTTPServer):
    """Answers for one wallet of LNbits."""
    daemon_threads = True

    def __init__(self, lnbits, wallet, certificate):
        super().__init__(("127.0.0.1", 0), Answering)
        self.lnbits, self.wallet = lnbits, wallet
        # Payments that stay under way, as on a way where somebody holds them; and what was asked.
        self.holds, self.failed, self.asked = set(), set(), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        """A client that does not believe the certificate is no news."""

    def money(self, path, body=None):
        """LNbits' answer, or its refusal's words."""
        request = urllib.request.Request(
            self.lnbits.url + path, data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-Api-Key": self.wallet.key})
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return {"refused": json.load(error).get("detail", "")}

    def payment(self, hexadecimal):
        """A payment as LND shows it; nil when there is none."""
        found = self.money("/api/v1/payments/" + hexadecimal)
        if hexadecimal in self.holds:
            return {"payment_hash": hexadecimal, "status": "IN_FLIGHT", "fee_msat": "0"}
        if hexadecimal in self.failed:
            return {"payment_hash": hexadecimal, "status": "FAILED", "fee_msat": "0",
                    "failure_reason": "FAILURE_REASON_INSUFFICIENT_BALANCE"}
        if "refused" in found or found["details"]["amount"] > 0:
            return None
        return {"payment_hash": hexadecimal, "status": "SUCCEEDED" if found["paid"] else "FAILED",
                "payment_preimage": found.get("preimage") or "0" * 64, "fee_msat": "1000", "failure_reason":
                "FAILURE_REASON_NONE" if found["paid"] else "FAILURE_REASON_NO_ROUTE"}


class Answering(http.server.BaseHTTPRequestHandler):
    """The handful of paths that a node asks."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        """Quiet."""

    def tell(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def stream(self, body, goes_on):
        """One line of a stream, which ends or goes on."""
        line = json.dumps({"result": body}).encode() + b"\n"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()
        if goes_on:
            self.server.goes_on.wait(60)
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        self.answer(None)

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, asked):
        house = self.server
        house.asked.append((self.path, asked))
        if self.headers["Grpc-Metadata-macaroon"] != MACAROON:
            return self.tell(401, {"code": 16, "message": "verification failed: no macaroon", "details": []})
        if self.path == "/v1/getinfo":
            return self.tell(200, {"identity_pubkey": "02" + "ab" * 32, "version": "0.19.0-beta",
                                   "chains": [{"chain": "bitcoin", "network": "mainnet"}]})
        if self.path == "/v1/invoices":
            made = house.money("/api/v1/payments", {
                "out": False, "amount": int(asked["value_msat"]) // 1000, "memo": asked["memo"],
                "expiry": int(asked["expiry"])})
            return self.tell(200, {"payment_request": made["bolt11"], "add_index": "1"})
        if self.path.startswith("/v1/invoice/"):
            name = self.path.split("/")[-1]
            found = house.money("/api/v1/payments/" + name)
            if "refused" in found:
                return self.tell(404, {"code": 5, "message": "unable to locate invoice", "details": []})
            return self.tell(200, {
                "state": "SETTLED" if found["paid"] else "OPEN",
                "r_hash": base64.b64encode(bytes.fromhex(name)).decode(),
                "r_preimage": base64.b64encode(bytes.fromhex(found["preimage"])).decode() if found.get("preimage") else ""})
        if self.path == "/v2/router/send":
            return self.send(asked)
        if self.path.startswith("/v2/router/track/"):
            name = base64.urlsafe_b64decode(self.path.split("/")[-1]).hex()
            found = house.payment(name)
            if found is None:
                return self.tell(404, {"error": {"code": 5, "message": "payment isn't initiated", "details": []}})
            return self.stream(found, found["status"] == "IN_FLIGHT")
        return self.tell(404, {"code": 5, "message": "Not Found", "details": []})

    def send(self, asked):
        house = self.server
        name = house.money("/api/v1/payments/decode", {"data": asked["payment_request"]})["payment_hash"]
        if name in house.held_back:
            house.holds.add(name)
            return self.stream(house.payment(name), True)
        paid = house.money("/api/v1/payments", {"out": True, "bolt11": asked["payment_request"]})
        if "already paid" in paid.get("refused", "").lower():
            return self.tell(409, {"error": {"code": 6, "message": "invoice is already paid", "details": []}})
        if "refused" in paid:
            # LND remembers what failed.
            house.failed.add(name)
        return self.stream(house.payment(name), False)


class LNDTests(LightningAccount, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lnbits = LNbits()
        cls.addClassCleanup(cls.lnbits.stop)

    def certificate(self):
        """A fresh one for 127.0.0.1: the file with its key, and its text."""
        folder = tempfile.TemporaryDirectory(prefix="tls-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
             path + ".key", "-out", path + ".crt", "-days", "2", "-subj", "/O=lnd autogenerated cert/CN=node", "-addext",
             "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
        with open(path, "wb") as both:
            for part in (".key", ".crt"):
                with open(path + part, "rb") as file:
                    both.write(file.read())
        with open(path + ".crt", encoding="ascii") as file:
            return path, file.read()

    def begin(self, pinned=None):
        self.own, self.other = self.lnbits.wallet(), self.lnbits.wallet(1_000_000)
        path, text = self.certificate()
        self.lnd = StandIn(self.lnbits, self.own, path)
        self.lnd.held_back, self.lnd.goes_on = set(), threading.Event()
        self.addCleanup(self.lnd.server_close)
        self.addCleanup(self.lnd.shutdown)
        self.addCleanup(self.lnd.goes_on.set)
        lines = "".join(f"      {line}\n" for line in (pinned or text).splitlines())
        extra = ("ledger:\n  lightning:\n    name: own-lnd\n    kind: lnd\n    poll_s: 1\n"
                 f"    url: {self.lnd.url}\n    certificate: |\n{lines}")
        self.node = Node(image="", extra=extra)
        self.addCleanup(self.node.destroy)
        self.node.start()
        hand_key(self.node, MACAROON)

    def test_money_comes_and_goes(self):
        self.begin()
        eventually(lambda: self.account()["ok"], 60, "the node being heard")
        self.assertIn("heard; node 02ab", self.account()["reason"])
        made = json.loads(self.node.ctl("wallet", "invoice", "5000", "--memo", "a model", "--json", check=True).stdout)
        self.other.pay(made["text"])
        eventually(lambda: self.account()["available"] == 5_000_000, 30, "the invoice being booked")
        invoice, payment_hash = self.other.invoice(1_200)
        before = self.other.balance()
        self.node.ctl("wallet", "pay", invoice, check=True)
        eventually(lambda: self.payment(payment_hash)["state"] == "settled", 30, "the payment")
        self.assertEqual(self.other.balance() - before, 1_200_000)
        # What the way cost is the node's word.
        self.assertEqual(self.account()["available"], 3_800_000 - 1_000)
        # One that somebody holds: its answer goes on, and nobody waits for its end.
        held, held_hash = self.other.invoice(100)
        self.lnd.held_back.add(held_hash)
        self.node.ctl("wallet", "pay", held, check=True)
        eventually(lambda: self.payment(held_hash)["state"] == "answered", 30, "the payment being under way")
        self.lnd.held_back.clear()
        self.lnd.holds.clear()
        self.own.pay(held)
        eventually(lambda: self.payment(held_hash)["state"] == "settled", 30, "its end")
        # What fails comes back, half a minute after it left.
        drain, _ = self.other.invoice(3_600)
        self.own.pay(drain)
        unpaid, unpaid_hash = self.other.invoice(1_000)
        available = self.account()["available"]
        self.node.ctl("wallet", "pay", unpaid, check=True)
        eventually(lambda: self.payment(unpaid_hash)["state"] in ("handed", "failed"), 30, "the failure")
        eventually(lambda: self.payment(unpaid_hash)["state"] == "failed", 60, "the money coming back")
        self.assertEqual(self.account()["available"], available)
        sends = [asked for path, asked in self.lnd.asked if path == "/v2/router/send"]
        self.assertTrue(all(ask["timeout_seconds"] == 12 and ask["no_inflight_updates"] for ask in sends))
        self.assertEqual([ask["payment_request"] for ask in sends].count(invoice), 1)
        self.node.ctl("wallet", "audit", check=True)

    def test_another_certificate_is_not_believed(self):
        _, other = self.certificate()
        self.begin(pinned=other)
        eventually(lambda: "does not answer" in self.account()["reason"], 60, "the doubt")
        self.assertFalse(self.account()["ok"])
        self.assertEqual(self.lnd.asked, [])


if __name__ == "__main__":
    unittest.main()

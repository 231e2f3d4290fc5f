"""hold_bank NAME=MILLISATOSHIS...: a stand-in for several LNDs on one network, as LND's REST documentation says, with its money in
a book of its own: what is paid to an invoice on somebody's hash is held until it is settled or cancelled. Prints its port. No real
LND was to be had where this was written; invoices are real ones, by the `bolt11` package. It must never know a preimage that
nobody has shown it."""

import base64
import hashlib
import http.server
import json
import secrets
import sys
import threading
import time

from bolt11 import Bolt11, MilliSatoshi, Tags, encode

LOCK = threading.RLock()


class Book:
    """Who has what, and what became of each hash."""

    def __init__(self, accounts):
        self.balances = {name: int(amount) for name, amount in accounts}
        self.keys = {name: hashlib.sha256(f"key of {name}".encode()).hexdigest() for name in self.balances}
        # By hash: owner, text, amount, state, preimage (None while only its payer has it), end.
        self.invoices = {}
        # By payer and hash: FAILED, IN_FLIGHT or SUCCEEDED.
        self.payments = {}

    def make(self, owner, payment_hash, amount, memo, expiry, preimage, blocks):
        if payment_hash in self.invoices:
            return 500, {"code": 2, "message": "invoice with payment hash already exists", "details": []}
        now = int(time.time())
        made = Bolt11(
            currency="bc", amount_msat=MilliSatoshi(amount), date=now, tags=Tags.from_dict({
                "payment_hash": payment_hash, "payment_secret": secrets.token_hex(32), "description": memo,
                "expire_time": expiry, "min_final_cltv_expiry": blocks}))
        text = encode(made, self.keys[owner])
        self.invoices[payment_hash] = {
            "owner": owner, "text": text, "amount": amount, "state": "OPEN", "preimage": preimage, "end": now + expiry}
        return 200, {"payment_request": text, "add_index": "1", "payment_addr": ""}

    def pay(self, payer, text):
        found = next(((h, i) for h, i in self.invoices.items() if i["text"] == text), None)
        if found is None:
            return 400, {"error": {"code": 3, "message": "no such payee", "details": []}}
        payment_hash, invoice = found
        if self.payments.get((payer, payment_hash)) in ("IN_FLIGHT", "SUCCEEDED"):
            return 409, {"error": {"code": 6, "message": "payment is in transition", "details": []}}
        good = (invoice["state"] == "OPEN" and time.time() < invoice["end"] and invoice["owner"] != payer
                and self.balances[payer] >= invoice["amount"])
        if good:
            self.balances[payer] -= invoice["amount"]
            invoice.update(state="ACCEPTED", payer=payer)
        self.payments[payer, payment_hash] = "IN_FLIGHT" if good else "FAILED"
        if good and invoice["preimage"]:
            self.settle(invoice["owner"], invoice["preimage"])
        return 200, {"result": self.payment(payer, payment_hash)}

    def payment(self, payer, payment_hash):
        status = self.payments[payer, payment_hash]
        return {"payment_hash": payment_hash, "status": status, "fee_msat": "0", "failure_reason":
                "FAILURE_REASON_INCORRECT_PAYMENT_DETAILS" if status == "FAILED" else "FAILURE_REASON_NONE",
                "payment_preimage": self.invoices[payment_hash]["preimage"] if status == "SUCCEEDED" else "0" * 64}

    def settle(self, owner, preimage):
        payment_hash = hashlib.sha256(bytes.fromhex(preimage)).hexdigest()
        invoice = self.invoices.get(payment_hash)
        if invoice is None or invoice["owner"] != owner or invoice["state"] not in ("ACCEPTED", "SETTLED"):
            return 500, {"code": 2, "message": "nothing is accepted", "details": []}
        if invoice["state"] == "ACCEPTED":
            invoice.update(state="SETTLED", preimage=preimage)
            self.balances[owner] += invoice["amount"]
            self.payments[invoice["payer"], payment_hash] = "SUCCEEDED"
        return 200, {}

    def cancel(self, owner, payment_hash):
        invoice = self.invoices.get(payment_hash)
        if invoice is None or invoice["owner"] != owner or invoice["state"] == "SETTLED":
            return 500, {"code": 2, "message": "it cannot be cancelled", "details": []}
        if invoice["state"] == "ACCEPTED":
            self.balances[invoice["payer"]] += invoice["amount"]
            self.payments[invoice["payer"], payment_hash] = "FAILED"
        invoice["state"] = "CANCELED"
        return 200, {}

    def invoice(self, owner, payment_hash):
        invoice = self.invoices.get(payment_hash)
        if invoice is None or invoice["owner"] != owner:
            return 404, {"code": 5, "message": "unable to locate invoice", "details": []}
        parts = [{"state": "ACCEPTED", "expiry_height": 800_144, "amt_msat": str(invoice["amount"])}]
        return 200, {
            "state": invoice["state"], "r_hash": base64.b64encode(bytes.fromhex(payment_hash)).decode(),
            "r_preimage": base64.b64encode(bytes.fromhex(invoice["preimage"] or "")).decode(),
            "htlcs": parts if invoice["state"] == "ACCEPTED" else []}


class Answering(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *words):
        """Quiet."""

    def do_GET(self):
        self.answer({})

    def do_POST(self):
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def answer(self, asked):
        name = bytes.fromhex(self.headers["Grpc-Metadata-macaroon"]).decode()
        with LOCK:
            status, body = self.look(self.server.book, name, asked)
        text = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def look(self, book, name, asked):
        """The answer of the LND of that name."""
        path, last = self.path, self.path.split("/")[-1]
        if name not in book.balances:
            return 401, {"code": 16, "message": "no macaroon", "details": []}
        if path == "/v1/getinfo":
            return 200, {"identity_pubkey": "02" + "ab" * 32, "block_height": 800_000,
                         "chains": [{"chain": "bitcoin", "network": "mainnet"}]}
        if path == "/v1/invoices":
            preimage = secrets.token_bytes(32)
            return book.make(
                name, hashlib.sha256(preimage).hexdigest(), int(asked["value_msat"]), asked["memo"],
                int(asked["expiry"]), preimage.hex(), 144)
        if path == "/v2/invoices/hodl":
            return book.make(
                name, base64.b64decode(asked["hash"]).hex(), int(asked["value_msat"]), asked.get("memo", ""),
                int(asked["expiry"]), None, int(asked["cltv_expiry"]))
        if path == "/v2/invoices/settle":
            return book.settle(name, base64.b64decode(asked["preimage"]).hex())
        if path == "/v2/invoices/cancel":
            return book.cancel(name, base64.b64decode(asked["payment_hash"]).hex())
        if path.startswith("/v1/invoice/"):
            return book.invoice(name, last)
        if path == "/v2/router/send":
            return book.pay(name, asked["payment_request"])
        if path.startswith("/v2/router/track/"):
            payment_hash = base64.urlsafe_b64decode(last).hex()
            if (name, payment_hash) not in book.payments:
                return 404, {"error": {"code": 5, "message": "payment isn't initiated", "details": []}}
            return 200, {"result": book.payment(name, payment_hash)}
        # For the test alone: what is in the book.
        if path == "/book":
            return 200, {"balances": book.balances, "invoices": book.invoices}
        return 404, {"code": 5, "message": "Not Found", "details": []}


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    server.book = Book(words.split("=") for words in sys.argv[1:])
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()

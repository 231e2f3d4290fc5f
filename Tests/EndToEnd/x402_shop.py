"""A shop: the official x402 SDK's resource server behind its own middleware for Flask, with the SDK's facilitator, which brings
what it is paid to a chain. Runs in an environment of its own; `Shop` starts it.
It must never hold a line of Infernet's: whatever it takes is taken by software that nobody here wrote."""

import json
import subprocess
import sys

from x402_peer import PACKAGES as SDK

PACKAGES = [*SDK, "flask==3.1.2"]


class Shop:
    """A running shop that sells to `pay_to` for `price` of the token's smallest unit."""

    def __init__(self, rpc, carrier, pay_to, price, flow="authorization", fails=False):
        from environment import python

        self.process = subprocess.Popen(
            [python("x402-shop-venv", PACKAGES), __file__, rpc, carrier, pay_to, str(price), flow, str(int(fails))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline().strip()
        if not line:
            raise AssertionError("the shop did not start")
        self.url = f"http://127.0.0.1:{line}/answer"

    def stop(self):
        """Closes it."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


def serve(rpc, carrier, pay_to, price, flow, fails):
    """Sells until the input ends; prints its port."""
    import logging
    import threading

    from flask import Flask, jsonify, request
    from werkzeug.serving import make_server
    from x402 import x402FacilitatorSync, x402ResourceServerSync
    from x402.http.middleware.flask import payment_middleware
    from x402.http.types import PaymentOption, RouteConfig
    from x402.mechanisms.evm.exact.facilitator import ExactEvmScheme as Carrying
    from x402.mechanisms.evm.exact.server import ExactEvmScheme as Selling
    from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
    from x402.schemas import AssetAmount

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    facilitator = x402FacilitatorSync()
    facilitator.register(["eip155:137"], Carrying(FacilitatorWeb3Signer(carrier, rpc)))
    server = x402ResourceServerSync(facilitator)
    server.register("eip155:137", Selling())
    app = Flask("shop")
    extra = {"name": "USD Coin", "version": "2"} | ({"paymentFlow": flow} if flow != "authorization" else {})
    amount = AssetAmount(amount=price, asset="0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", extra=extra)
    payment_middleware(app, {"POST /answer": RouteConfig(accepts=PaymentOption(
        scheme="exact", pay_to=pay_to, price=amount, network="eip155:137", max_timeout_seconds=120, extra=extra))}, server)

    @app.post("/answer")
    def answer():
        if int(fails):
            return jsonify({"error": "broken"}), 500
        return jsonify({"echo": request.get_json()})

    listening = make_server("127.0.0.1", 0, app, threaded=True)
    print(listening.server_port, flush=True)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    serve(*sys.argv[1:])

"""electrum_service RELAY PORT: a wallet service (NIP-47) for one Electrum, asked by its JSON-RPC, with the commands for hold
invoices that Electrum's own service lacks. Speaks by rust-nostr. Prints its connection, then answers until it is killed. It must
never decide anything: what is held, taken and given back is what Electrum says of its channel."""

import asyncio
import hashlib
import os
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "EndToEnd"))
sys.path.insert(0, HERE)

import wallet_service  # noqa: E402
from electrum_rpc import Refused, ask  # noqa: E402
from wallet_service import Refusal, Silence  # noqa: E402

PORT = int(sys.argv[2])
# It gives back what is held 144 blocks before its end; what is asked for comes before that.
BLOCKS = 144
PAYING = {}
wallet_service.METHODS.clear()


def electrum(method, **named):
    """Its answer; what it refuses goes on as words."""
    try:
        return ask(PORT, method, **named)
    except Refused as refused:
        raise Refusal("OTHER", str(refused.args[0])) from None


@wallet_service.method
def get_info(_):
    return {"methods": sorted(wallet_service.METHODS), "block_height": electrum("getinfo")["blockchain_height"]}


@wallet_service.method
def get_balance(_):
    return {"balance": sum(channel["local_balance"] for channel in electrum("list_channels")) * 1000}


def made(text, payment_hash, params):
    """An invoice as the NIP shows it."""
    return {"type": "incoming", "state": "pending", "invoice": text, "payment_hash": payment_hash,
            "amount": params["amount"], "fees_paid": 0}


@wallet_service.method
def make_invoice(params):
    request = electrum("add_request", amount=params["amount"] / 1e11, memo=params["description"],
                       expiry=params["expiry"], lightning=True)
    return made(request["lightning_invoice"], request["rhash"], params)


@wallet_service.method
def make_hold_invoice(params):
    request = electrum(
        "add_hold_invoice", payment_hash=params["payment_hash"], amount=params["amount"] / 1e11,
        memo=params["description"], expiry=params["expiry"],
        min_final_cltv_expiry_delta=params["min_cltv_expiry_delta"] + BLOCKS)
    return made(request["invoice"], params["payment_hash"], params)


@wallet_service.method
def settle_hold_invoice(params):
    electrum("settle_hold_invoice", preimage=params["preimage"])
    return {}


@wallet_service.method
def cancel_hold_invoice(params):
    electrum("cancel_hold_invoice", payment_hash=params["payment_hash"])
    return {}


@wallet_service.method
def pay_invoice(params):
    payment_hash = hash_of(params["invoice"])
    done = threading.Event()
    PAYING[payment_hash] = {"state": "pending"}

    def pay():
        try:
            paid = ask(PORT, "lnpay", invoice=params["invoice"])
            PAYING[payment_hash] = (
                {"state": "settled", "preimage": paid["preimage"]} if paid["success"] else {"state": "failed"})
        except (Refused, OSError) as error:
            # Only a look at the channel tells what became of it.
            PAYING[payment_hash]["words"] = str(error)
        done.set()

    threading.Thread(target=pay, daemon=True).start()
    done.wait(10)
    if PAYING[payment_hash]["state"] != "settled":
        raise Silence
    return {"preimage": PAYING[payment_hash]["preimage"], "fees_paid": 0}


def hash_of(invoice):
    """The payment hash of an invoice, in hexadecimal: the tagged field 'p' of its data."""
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    words = [letters.index(letter) for letter in invoice[invoice.rindex("1") + 1:]][7:-110]
    while words:
        kind, length = words[0], words[1] * 32 + words[2]
        field, words = words[3:3 + length], words[3 + length:]
        if kind == 1 and length == 52:
            number = 0
            for word in field:
                number = number << 5 | word
            return (number >> 4).to_bytes(32, "big").hex()
    raise Refusal("OTHER", "an invoice without a payment hash")


@wallet_service.method
def lookup_invoice(params):
    payment_hash = params["payment_hash"]
    answer = {"payment_hash": payment_hash, "amount": 0, "fees_paid": 0}
    if payment_hash in PAYING:
        return {**answer, "type": "outgoing", **{k: v for k, v in PAYING[payment_hash].items() if k != "words"}}
    past = next((item for item in electrum("lightning_history") if item.get("payment_hash") == payment_hash), None)
    if past is not None and past["preimage"]:
        assert hashlib.sha256(bytes.fromhex(past["preimage"])).hexdigest() == payment_hash
        return {**answer, "type": "incoming" if past["amount_msat"] > 0 else "outgoing", "state": "settled",
                "amount": abs(past["amount_msat"]), "preimage": past["preimage"], "settled_at": past["timestamp"]}
    held = electrum("check_hold_invoice", payment_hash=payment_hash)
    state = {"unpaid": "pending", "paid": "accepted", "settled": "accepted"}.get(held["status"])
    if state is None:
        raise Refusal("NOT_FOUND", "no such invoice")
    answer.update(type="incoming", state=state, amount=held["invoice_amount_sat"] * 1000)
    if held.get("closest_htlc_expiry_height"):
        answer["settle_deadline"] = held["closest_htlc_expiry_height"] - BLOCKS
    return answer


asyncio.run(wallet_service.main(sys.argv[1], "nip44_v2"))

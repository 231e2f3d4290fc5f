"""wallet_service RELAY LNBITS_URL KEY ENCRYPTION: a wallet service (NIP-47) that speaks by rust-nostr and keeps its money at
a real LNbits. Prints its connection, then answers until it is killed. It must never use a line of ours: it is the stranger
that the node is held against."""

import asyncio
import json
import os
import sys
import urllib.error
import urllib.request

import nostr_sdk as nostr

REQUEST, RESPONSE = 23194, 23195
METHODS = {}


def method(function):
    """Something that can be asked."""
    METHODS[function.__name__] = function
    return function


class Refusal(Exception):
    """An answer with one of the NIP's codes."""


class Silence(Exception):
    """Nothing is answered."""


def ask(path, body=None):
    """LNbits' answer."""
    request = urllib.request.Request(
        sys.argv[2] + path, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "X-Api-Key": sys.argv[3]})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            detail = json.load(error).get("detail", "")
        code = "INSUFFICIENT_BALANCE" if "nsufficient" in detail else "NOT_FOUND" if error.code == 404 else "OTHER"
        raise Refusal(code, detail) from None


@method
def pay_invoice(params):
    made = ask("/api/v1/payments", {"out": True, "bolt11": params["invoice"]})
    found = ask("/api/v1/payments/" + made["payment_hash"])
    return {"preimage": found["preimage"], "fees_paid": abs(found["details"].get("fee") or 0)}


@method
def make_invoice(params):
    made = ask("/api/v1/payments", {
        "out": False, "amount": params["amount"] // 1000, "memo": params["description"], "expiry": params["expiry"]})
    return {"type": "incoming", "state": "pending", "invoice": made["bolt11"], "amount": params["amount"],
            "payment_hash": made["payment_hash"], "fees_paid": 0}


@method
def lookup_invoice(params):
    found = ask("/api/v1/payments/" + params["payment_hash"])
    details = found["details"]
    answer = {"type": "incoming" if details["amount"] > 0 else "outgoing", "amount": abs(details["amount"]),
              "payment_hash": params["payment_hash"], "invoice": details["bolt11"],
              "fees_paid": abs(details.get("fee") or 0),
              "state": "settled" if found["paid"] else "failed" if found.get("status") == "failed" else "pending"}
    if found["paid"]:
        answer.update(preimage=found["preimage"], settled_at=1_800_000_000)
    return answer


@method
def get_balance(params):
    return {"balance": ask("/api/v1/wallet")["balance"]}


def answer(keys, event, encryption):
    """The event that answers a request; none where the wallet says nothing."""
    secret, client = keys.secret_key(), event.author()
    wanted = next((tag.to_vec()[1] for tag in event.tags() if tag.to_vec()[0] == "encryption"), "nip04")
    seal = (lambda text: nostr.nip04_encrypt(secret, client, text)) if encryption == "nip04" else (
        lambda text: nostr.nip44_encrypt(secret, client, text, nostr.Nip44Version.V2))
    if wanted != encryption:
        reply = {"error": {"code": "UNSUPPORTED_ENCRYPTION", "message": encryption}}
    else:
        unseal = nostr.nip04_decrypt if encryption == "nip04" else nostr.nip44_decrypt
        question = json.loads(unseal(secret, client, event.content()))
        reply = {"result_type": question["method"]}
        if question["method"] not in METHODS:
            reply["error"] = {"code": "NOT_IMPLEMENTED", "message": question["method"]}
            question["method"] = None
        try:
            reply["result"] = METHODS[question["method"]](question["params"]) if question["method"] else None
        except Silence:
            return None
        except Refusal as refusal:
            reply["error"] = {"code": refusal.args[0], "message": refusal.args[1]}
    tags = [nostr.Tag.parse(["p", client.to_hex()]), nostr.Tag.parse(["e", event.id().to_hex()])]
    return nostr.EventBuilder(nostr.Kind(RESPONSE), seal(json.dumps(reply))).tags(tags).finalize(keys)


async def serve(client, keys, event, encryption):
    """Answers one request, if there is an answer."""
    reply = await asyncio.to_thread(answer, keys, event, encryption)
    if reply:
        await client.send_event(reply)


async def main(relay, encryption):
    # Its callbacks come from threads that have no loop.
    nostr.uniffi_set_event_loop(asyncio.get_running_loop())
    keys, client_keys = nostr.Keys.generate(), nostr.Keys.generate()
    client = nostr.ClientBuilder().authenticator(nostr.SignerAuthenticator(nostr.Keys.generate())).build()
    await client.add_relay(nostr.RelayUrl.parse(relay))
    await client.connect()
    stream = client.notifications()
    wanted = nostr.Filter().kind(nostr.Kind(REQUEST)).pubkey(keys.public_key()).author(client_keys.public_key())
    await client.subscribe(nostr.ReqTarget.auto([wanted]))
    connection = nostr.NostrWalletConnectUri(
        keys.public_key(), [nostr.RelayUrl.parse(relay)], client_keys.secret_key(), None)
    print(connection, flush=True)
    working = set()
    while True:
        notice = await stream.next()
        if notice is None:
            os._exit(0)
        if notice.is_new_event():
            # A payment may be held for minutes; others do not wait for it.
            working.add(task := asyncio.create_task(serve(client, keys, notice.event, encryption)))
            task.add_done_callback(working.discard)



if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[4]))

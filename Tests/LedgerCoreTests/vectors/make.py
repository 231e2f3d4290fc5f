"""Makes invoices.json: invoices with their preimages, by the `bolt11` package, which shares no line with this project.
Run with an interpreter that has bolt11 2.x. It must never use chance: the same file comes out each time."""

import hashlib
import json
import os

from bolt11 import Bolt11, MilliSatoshi, Tags, encode

PAYEE = "46" * 32
MADE = 1_790_000_000


def invoice(name, amount, currency="bc", expiry=3600, memo=None):
    """One invoice with its preimage."""
    preimage = hashlib.sha256(f"preimage of {name}".encode()).digest()
    tags = {
        "payment_hash": hashlib.sha256(preimage).hexdigest(),
        "payment_secret": hashlib.sha256(f"secret of {name}".encode()).hexdigest(),
        "description": memo or name, "expire_time": expiry,
    }
    made = Bolt11(
        currency=currency, amount_msat=MilliSatoshi(amount) if amount else None, date=MADE,
        tags=Tags.from_dict(tags))
    return {
        "name": name, "amount": amount, "text": encode(made, PAYEE), "hash": tags["payment_hash"],
        "preimage": preimage.hex(), "memo": memo or name, "expiry": expiry,
    }


made = [invoice(f"coffee-{n}", 1_000_000 + 1_000 * n) for n in range(12)]
made += [invoice(f"own-{n}", 2_000_000 + 1_000 * n, memo="for the model") for n in range(6)]
made += [
    invoice("open", None), invoice("testnet", 1_000_000, currency="tb"), invoice("brief", 1_000_000, expiry=120),
    invoice("large", 90_000_000_000), invoice("uneven", 1_234_567),
]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "invoices.json")
with open(path, "w", encoding="utf-8") as file:
    json.dump(made, file, indent=1)
    file.write("\n")

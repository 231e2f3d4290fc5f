"""BIP-340 signatures and Nostr events for tests, from the BIP's text, in plain numbers; slow, and nobody's secret is safe here.
It must never be used with a key that means anything."""

import hashlib
import json

FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
BASE = (0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)


def add(one, other):
    """The sum of two points; None is the point at infinity."""
    if one is None or other is None:
        return one or other
    if one[0] == other[0] and (one[1] + other[1]) % FIELD == 0:
        return None
    if one == other:
        slope = 3 * one[0] * one[0] * pow(2 * one[1], -1, FIELD) % FIELD
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, FIELD) % FIELD
    x = (slope * slope - one[0] - other[0]) % FIELD
    return x, (slope * (one[0] - x) - one[1]) % FIELD


def times(number, point=BASE):
    """A point so many times."""
    total = None
    while number:
        if number & 1:
            total = add(total, point)
        point, number = add(point, point), number >> 1
    return total


def tagged(tag, data):
    """The BIP's tagged hash, as a number."""
    head = hashlib.sha256(tag.encode()).digest()
    return int.from_bytes(hashlib.sha256(head + head + data).digest(), "big")


def sign(secret, message):
    """Signs 32 bytes, with auxiliary randomness of zeros; the public key and the signature."""
    point = times(secret)
    even = secret if point[1] % 2 == 0 else ORDER - secret
    public = point[0].to_bytes(32, "big")
    masked = (even ^ tagged("BIP0340/aux", bytes(32))).to_bytes(32, "big")
    nonce = tagged("BIP0340/nonce", masked + public + message) % ORDER
    spot = times(nonce)
    nonce = nonce if spot[1] % 2 == 0 else ORDER - nonce
    first = spot[0].to_bytes(32, "big")
    challenge = tagged("BIP0340/challenge", first + public + message) % ORDER
    return public, first + ((nonce + challenge * even) % ORDER).to_bytes(32, "big")


def verify(public, message, signature):
    """Whether a signature of 32 bytes holds."""
    x = int.from_bytes(public, "big")
    square = (pow(x, 3, FIELD) + 7) % FIELD
    y = pow(square, (FIELD + 1) // 4, FIELD)
    if y * y % FIELD != square:
        return False
    challenge = tagged("BIP0340/challenge", signature[:32] + public + message) % ORDER
    key = (x, y if y % 2 == 0 else FIELD - y)
    spot = add(times(int.from_bytes(signature[32:], "big")), times(ORDER - challenge, key))
    return spot is not None and spot[1] % 2 == 0 and spot[0] == int.from_bytes(signature[:32], "big")


def event_id(public, kind, created_at, tags, content):
    """The 32 bytes that an event's author signs (NIP-01)."""
    text = json.dumps([0, public, created_at, kind, tags, content], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).digest()


def event(secret, kind, created_at, tags, content=""):
    """A signed Nostr event (NIP-01)."""
    public = times(secret)[0].to_bytes(32, "big").hex()
    name = event_id(public, kind, created_at, tags, content)
    return {"id": name.hex(), "pubkey": public, "created_at": created_at, "kind": kind, "tags": tags,
            "content": content, "sig": sign(secret, name)[1].hex()}


def card(secret, created_at, model="model-x", root="ab" * 32, lifetime=1200, endpoint="ws://127.0.0.9:9100/peer",
         memory=8192, load=0, price=(1, 2), status=None, device="cpu"):
    """A provider's card, as docs/protocol/dht.md and `ProviderCard` describe it."""
    return event(secret, 31860, created_at, [
        ["d", "infernet"], ["expiration", str(created_at + lifetime)], ["endpoint", endpoint],
        ["device", device, str(memory)], ["slots", "2", str(load)], *([["status", status]] if status else []),
        ["model", model, root, "2048", "test:credit", str(price[0]), str(price[1])]])

"""The DHT's packets as docs/protocol/dht.md describes them, for a stranger's peer: bencode, one question, and `inf_stat`.
It must never know more of a node than its address."""

import hashlib
import secrets
import socket
import threading
import time

import schnorr


def encode(value):
    """Canonical bencode."""
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"%d:%s" % (len(value), value)
    if isinstance(value, list):
        return b"l" + b"".join(encode(each) for each in value) + b"e"
    return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"


def decode(data):
    """The value of one bencoded text; keys are text, all other strings bytes."""
    value, rest = _decode(data)
    if rest:
        raise ValueError("more than one value")
    return value


def _decode(data):
    if data[:1] == b"i":
        end = data.index(b"e")
        return int(data[1:end]), data[end + 1:]
    if data[:1] in (b"l", b"d"):
        items, rest = [], data[1:]
        while rest[:1] != b"e":
            item, rest = _decode(rest)
            items.append(item)
        if data[:1] == b"l":
            return items, rest[1:]
        return {key.decode(): value for key, value in zip(items[::2], items[1::2])}, rest[1:]
    length, rest = data.split(b":", 1)
    return rest[:int(length)], rest[int(length):]


def ask(address, method, arguments, timeout=5):
    """The reply's dictionary, or its error as [number, text]."""
    host, port = address.rsplit(":", 1)
    host = host.strip("[]")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(timeout)
        line.sendto(encode({"a": {"id": secrets.token_bytes(20), **arguments}, "q": method, "ro": 1, "t": "ab", "y": "q"}),
                    (host, int(port)))
        answer = decode(line.recv(2048))
    return answer.get("r") or [answer["e"][0], answer["e"][1].decode()]


def status(address, provider, challenge=None, pad=400):
    """How a provider says it is: its event as Nostr has it, or an error."""
    reply = ask(address, "inf_stat", {
        "k": bytes.fromhex(provider), "n": challenge or secrets.token_bytes(8), "pad": bytes(pad)})
    if isinstance(reply, list):
        return reply
    return nostr(reply["e"])


def nostr(event):
    """An event in compact form as Nostr has it."""
    tags = [[word.decode() for word in tag] for tag in event["t"]]
    author, content = event["p"].hex(), event["x"].decode()
    name = schnorr.event_id(author, event["k"], event["c"], tags, content)
    return {"id": name.hex(), "pubkey": author, "created_at": event["c"], "kind": event["k"], "tags": tags,
            "content": content, "sig": event["s"].hex()}


class Holder:
    """One socket on which a node is asked for evidence: its token is for this address and port."""

    def __init__(self, address, timeout=5):
        host, port = address.rsplit(":", 1)
        self.address = (host, int(port))
        self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.line.settimeout(timeout)

    def ask(self, method, arguments):
        """The reply's dictionary, or its error as [number, text]."""
        query = {"a": {"id": b"e" * 20, **arguments}, "q": method, "ro": 1, "t": "ab", "y": "q"}
        self.line.sendto(encode(query), self.address)
        answer = decode(self.line.recv(2048))
        return answer.get("r") or [answer["e"][0], answer["e"][1].decode()]

    def token(self, provider):
        """Its token, which any `inf_find` brings."""
        target = hashlib.sha256(f"infernet/1/r/{provider}/".encode()).digest()[:20]
        return self.ask("inf_find", {"target": target, "n": 0, "pad": bytes(400)})["token"]

    def evidence(self, provider):
        """All that it holds on a provider: compared with nothing on this side (NIP-77), then fetched by id."""
        key, token = bytes.fromhex(provider), self.token(provider)
        # Version 1; up to the end of all, without a prefix; by ids; none.
        answer = self.ask("inf_rsync", {"k": key, "token": token, "m": bytes([0x61, 0, 0, 2, 0])})["m"]
        if answer[:1] != b"\x61" or (len(answer) > 1 and answer[1:4] != bytes([0, 0, 2])):
            raise ValueError(f"not a list of ids: {answer.hex()}")
        if len(answer) == 1:
            return []
        count, ids = answer[4], answer[5:]
        if count >= 16 or len(ids) != 32 * count:
            raise ValueError(f"{count} ids in {len(ids)} bytes")
        found = {}
        while ids:
            got = self.ask("inf_rget", {"k": key, "token": token, "h": ids})["cards"]
            found |= {event["id"]: event for event in map(nostr, got)}
            ids = b"".join(ids[at:at + 32] for at in range(0, len(ids), 32) if ids[at:at + 32].hex() not in found)
        return list(found.values())


class Provider:
    """A UDP socket that says how a provider is: `busy` of four slots, None is silence; `free` MiB, None is not told."""

    def __init__(self, secret, host, free=None):
        self.secret, self.busy, self.asked, self.free = secret, 0, 0, free
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 0))
        self.address = "{}:{}".format(*self.socket.getsockname())
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Answers until the socket is closed."""
        while True:
            try:
                packet, asker = self.socket.recvfrom(2048)
            except OSError:
                return
            question = decode(packet)
            if question.get("q") != b"inf_stat":
                continue
            self.asked += 1
            if self.busy is None:
                continue
            event = schnorr.event(self.secret, 27860, int(time.time()), [
                ["challenge", question["a"]["n"].hex()], ["accepts", "1"], ["slots", "4", str(self.busy), "0"],
                *([] if self.free is None else [["free", str(self.free)]])])
            compact = {"c": event["created_at"], "k": event["kind"], "p": bytes.fromhex(event["pubkey"]),
                       "s": bytes.fromhex(event["sig"]), "t": event["tags"], "x": ""}
            try:
                self.socket.sendto(
                    encode({"r": {"e": compact, "id": bytes(20)}, "t": question["t"], "y": "r"}), asker)
            except OSError:  # closed while it signed
                return

    def close(self):
        """Falls silent for good."""
        self.socket.close()

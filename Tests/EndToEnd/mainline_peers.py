"""libtorrent's DHT nodes, driven over stdin by lines of JSON; run by the Python that has libtorrent.
It must never run code of ours: it is what ours is held against."""

import hashlib
import json
import os
import sys
import time

import libtorrent as lt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ALERTS = lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification
SESSIONS = []


def bencoded(value):
    """The one spelling of a byte string."""
    return str(len(value)).encode() + b":" + value


def session(address, port, strict):
    """One DHT node. `strict`: with libtorrent's own rules for addresses, which loopback does not pass."""
    place = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    settings = {
        "listen_interfaces": place, "enable_dht": True, "enable_lsd": False, "enable_upnp": False,
        "enable_natpmp": False, "dht_bootstrap_nodes": "", "alert_mask": int(ALERTS), "hashing_threads": 1,
        "aio_threads": 1, "dht_block_ratelimit": 1000000, "dht_upload_rate_limit": 100000000}
    if not strict:
        for name in ("restrict_routing_ips", "restrict_search_ips", "ignore_dark_internet", "prefer_verified_node_ids",
                     "enforce_node_id"):
            settings["dht_" + name] = False
    return lt.session(settings)


def wait(index, kind, fits, seconds=10):
    """The first alert that fits, or None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        SESSIONS[index].wait_for_alert(100)
        for alert in SESSIONS[index].pop_alerts():
            if isinstance(alert, kind) and fits(alert):
                return alert
    return None


def start(addresses, port, entrances, strict=False):
    """One node on each address, each told of all entrances."""
    for address in addresses:
        SESSIONS.append(session(address, port, strict))
        for entrance in entrances:
            SESSIONS[-1].add_dht_node(tuple(entrance))


def enter(at, entrances):
    """Tells one node of others."""
    for entrance in entrances:
        SESSIONS[at].add_dht_node(tuple(entrance))


def tables():
    """How many nodes each one knows."""
    return [each.status().dht_nodes for each in SESSIONS]


def sent():
    """Bytes that the DHT of all nodes has sent."""
    total = 0
    for index, each in enumerate(SESSIONS):
        each.pop_alerts()
        each.post_session_stats()
        alert = wait(index, lt.session_stats_alert, lambda a: True)
        total += alert.values["dht.dht_bytes_out"]
    return total


def announce(at, info_hash, port):
    """Announces a peer."""
    SESSIONS[at].dht_announce(lt.sha1_hash(bytes.fromhex(info_hash)), port, 0)


def get_peers(at, info_hash):
    """Peers as [address, port]."""
    wanted = lt.sha1_hash(bytes.fromhex(info_hash))
    SESSIONS[at].pop_alerts()
    SESSIONS[at].dht_get_peers(wanted)
    alert = wait(at, lt.dht_get_peers_reply_alert, lambda a: a.info_hash == wanted and a.num_peers() > 0)
    return [list(peer) for peer in alert.peers()] if alert else []


def put(at, value):
    """Puts an immutable byte string; its target and how many took it."""
    target = SESSIONS[at].dht_put_immutable_item(value.encode())
    alert = wait(at, lt.dht_put_alert, lambda a: True)
    return {"target": str(target), "stored": alert.num_success if alert else 0}


def get(at, target):
    """Gets an immutable byte string."""
    wanted = lt.sha1_hash(bytes.fromhex(target))
    SESSIONS[at].pop_alerts()
    SESSIONS[at].dht_get_immutable_item(wanted)
    alert = wait(at, lt.dht_immutable_item_alert, lambda a: a.target == wanted)
    return text(alert.item) if alert else None


def text(item):
    """A byte string out of an alert, in whichever form this libtorrent gives it."""
    if isinstance(item, dict):
        item = item.get("value")
    return item.decode() if isinstance(item, bytes) else item


def keys(seed):
    """The pair that a seed gives: libtorrent's 64-byte secret, and the public key."""
    secret = bytearray(hashlib.sha512(bytes.fromhex(seed)).digest())
    secret[0] &= 248
    secret[31] = secret[31] & 63 | 64
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
    return bytes(secret), key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), key


def put_mutable(at, seed, value, salt):
    """Puts a signed byte string; the author's key and how many took it."""
    secret, public, _ = keys(seed)
    SESSIONS[at].dht_put_mutable_item(secret, public, value.encode(), salt.encode())
    alert = wait(at, lt.dht_put_alert, lambda a: True)
    return {"key": public.hex(), "stored": alert.num_success if alert else 0}


def get_mutable(at, key, salt):
    """Gets a signed byte string."""
    SESSIONS[at].pop_alerts()
    SESSIONS[at].dht_get_mutable_item(bytes.fromhex(key), salt.encode())
    # Others tell what some node had before all were asked.
    alert = wait(at, lt.dht_mutable_item_alert, lambda a: a.authoritative)
    return text(alert.item) if alert else None


def sign(seed, value, salt, seq):
    """A mutable item as dht-d takes it, signed by another library than its own."""
    _, public, key = keys(seed)
    head = (b"4:salt" + bencoded(salt.encode()) if salt else b"") + f"3:seqi{seq}e1:v".encode()
    signature = key.sign(head + bencoded(value.encode()))
    return {"value": bencoded(value.encode()).hex(), "key": public.hex(), "salt": salt.encode().hex(), "seq": seq,
            "sig": signature.hex()}


def sample(at, address, port, target):
    """BEP 51: what one node has."""
    SESSIONS[at].pop_alerts()
    SESSIONS[at].dht_sample_infohashes((address, port), lt.sha1_hash(bytes.fromhex(target)))
    alert = wait(at, lt.dht_sample_infohashes_alert, lambda a: True)
    if alert is None:
        return None
    return {"total": alert.num_infohashes, "samples": [str(each) for each in alert.samples]}


def seed(at, folder):
    """Makes a torrent of the folder's file `payload`, serves it, and announces it; its hash."""
    storage = lt.file_storage()
    lt.add_files(storage, os.path.join(folder, "payload"))
    torrent = lt.create_torrent(storage, piece_size=16384, flags=lt.create_torrent.v1_only)
    lt.set_piece_hashes(torrent, folder)
    parameters = lt.add_torrent_params()
    parameters.ti = lt.torrent_info(torrent.generate())
    parameters.save_path = folder
    parameters.flags |= lt.torrent_flags.seed_mode
    parameters.flags &= ~(lt.torrent_flags.paused | lt.torrent_flags.auto_managed)
    handle = SESSIONS[at].add_torrent(parameters)
    handle.force_dht_announce()
    return str(handle.info_hash())


def main():
    """Answers one line after another until stdin ends."""
    for line in sys.stdin:
        order = json.loads(line)
        try:
            answer = {"ok": globals()[order.pop("do")](**order)}
        except Exception as error:  # the test shows it
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
    os._exit(0)


main()

"""Answers of one dht-d to a flood of questions, beside one node of libtorrent in the same run, and what a flood does to
searches. It must never compare wall times: both are held against the CPU time of the process that answers."""

import json
import os
import secrets
import socket
import struct
import subprocess
import time

from mainline import DHTProcess, Peers
from node import eventually, free_port
from table import median, percentile, row

ROUNDS, SECONDS, WINDOW, OTHERS, PACKETS = 3, 3, 64, 24, 20000
METHODS = ("ping", "find_node", "get_peers", "get")
CARDS = 12000


def text(value):
    """A byte string in bencode."""
    return str(len(value)).encode() + b":" + value


def query(method, arguments, transaction=b"aa"):
    """One packet; `arguments` are in the order of their names."""
    inner = b"".join(text(name.encode()) + value for name, value in arguments)
    return b"d1:ad" + inner + b"e1:q" + text(method.encode()) + b"1:t" + text(transaction) + b"1:y1:qe"


def packets(method):
    """Questions of one method about targets drawn by chance."""
    out, sender = [], text(secrets.token_bytes(20))
    for _ in range(1 if method == "ping" else PACKETS):
        arguments = [("id", sender)]
        if method != "ping":
            arguments.append(("info_hash" if method == "get_peers" else "target", text(secrets.token_bytes(20))))
        out.append(query(method, arguments))
    return out


def cpu(pid):
    """CPU seconds of all threads of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def blast(out, source, what, address, port, pid, seconds=SECONDS):
    """Sends packets from a socket; what came back, and the CPU seconds that it cost the one who answered."""
    path = os.path.join(out, "packets")
    with open(path, "wb") as file:
        for each in what:
            file.write(struct.pack(">H", len(each)) + each)
    before = cpu(pid)
    done = subprocess.run(
        [os.path.join(out, "blast"), str(source.fileno()), path, str(WINDOW), str(seconds), address, str(port)],
        pass_fds=[source.fileno()], capture_output=True, text=True, timeout=seconds + 60, check=True)
    return {**json.loads(done.stdout), "cpu": cpu(pid) - before}


def source(address):
    """A socket to ask from."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((address, 0))
    return made


def cards(out, asker, node):
    """Puts of so many cards by as many authors, each signed, with the token of the one who asks."""
    code = (
        "import coincurve,hashlib,json,sys,time\n"
        f"for n in range({CARDS}):\n"
        " key=coincurve.PrivateKey((n+1000).to_bytes(32,'big'));pub=coincurve.PublicKeyXOnly.from_secret(key.secret).format()\n"
        " at=int(time.time());tags=[['d','infernet'],['expiration',str(at+1200)],['endpoint','ws://203.0.113.7:9103/peer'],"
        "['device','cpu','8192'],['slots','2','0'],['model','m','ab'*32,'2048','test:credit','1','2']]\n"
        " name=hashlib.sha256(json.dumps([0,pub.hex(),at,31860,tags,''],separators=(',',':')).encode()).digest()\n"
        " print(json.dumps([pub.hex(),at,tags,key.sign_schnorr(name).hex()]))\n")
    with open(os.path.join(out, "cards.py"), "w", encoding="ascii") as file:
        file.write(code)
    from mainline import peers_python
    made = subprocess.run(
        [peers_python(), os.path.join(out, "cards.py")], capture_output=True, text=True, timeout=120,
        check=True)
    sender = text(secrets.token_bytes(20))
    asker.settimeout(5)
    asker.sendto(query("get_peers", [("id", sender), ("info_hash", text(secrets.token_bytes(20)))]),
                 (node.address, node.port))
    answer = asker.recv(2048)
    at = answer.index(b"5:token") + 7
    length, rest = answer[at:].split(b":", 1)
    token = text(rest[:int(length)])
    import hashlib
    out_packets = []
    for line in made.stdout.splitlines():
        author, created, tags, signature = json.loads(line)
        encoded = b"l" + b"".join(b"l" + b"".join(text(word.encode()) for word in tag) + b"e" for tag in tags) + b"e"
        card = (b"d1:ci%de1:ki31860e1:p" % created + text(bytes.fromhex(author)) + b"1:s"
                + text(bytes.fromhex(signature)) + b"1:t" + encoded + b"1:x0:e")
        target = hashlib.sha256(f"infernet/1/p/{author}/".encode()).digest()[:20]
        out_packets.append(query("inf_put", [("e", card), ("id", sender), ("target", text(target)), ("token", token)]))
    return out_packets


def flooded(out, ours, target):
    """Searches by one node, quiet, and while another part of the network floods it from one address and from many."""
    def searches(count=60):
        times, found = [], 0
        for number in range(count):
            began = time.perf_counter()
            found += bool(target.call("dht.get_peers", info_hash=hashes[number % len(hashes)])["peers"])
            times.append((time.perf_counter() - began) * 1000)
        return times, found

    hashes = [secrets.token_hex(20) for _ in range(20)]
    for number, each in enumerate(hashes):
        assert ours[number % len(ours)].call("dht.announce_peer", info_hash=each, port=7001)["stored"] > 3
    quiet, found = searches()
    figures = [("quiet", quiet, found)]
    for title, addresses in (("one address", 1), ("16 addresses", 16)):
        path = os.path.join(out, "flood")
        with open(path, "wb") as file:
            for each in packets("find_node"):
                file.write(struct.pack(">H", len(each)) + each)
        floods = []
        for number in range(addresses):
            asker = source(f"127.52.{addresses}.{number + 1}")
            floods.append(subprocess.Popen(
                [os.path.join(out, "blast"), str(asker.fileno()), path, "32", "6", target.address, str(target.port)],
                pass_fds=[asker.fileno()], stdout=subprocess.PIPE, text=True))
            asker.close()
        figures.append((f"flooded from {title}", *searches()))
        rate = sum(json.loads(each.communicate(timeout=60)[0])["replies"] for each in floods) / 6
        print(f"flood from {title}: {rate:.0f} answers/s", flush=True)
    return figures


def measure(out):
    """One dht-d and one libtorrent, each in a network of its own kind."""
    port = free_port("127.50.0.1")
    ours, theirs, crowd = [], Peers(), Peers()
    try:
        for number in range(OTHERS + 1):
            ours.append(DHTProcess(f"127.50.0.{number + 1}", port, [(ours[0].address, port)] if ours else []))
        theirs.start(addresses=["127.51.0.1"], port=port, entrances=[])
        crowd.start(
            addresses=[f"127.51.{number + 1}.1" for number in range(OTHERS)], port=port,
            entrances=[["127.51.0.1", port]])
        theirs.enter(at=0, entrances=[[f"127.51.{number + 1}.1", port] for number in range(OTHERS)])
        eventually(lambda: min(node.good() for node in ours) >= 16, 60, "our tables")
        eventually(lambda: theirs.tables()[0] >= 16, 60, "libtorrent's table")
        target = ours[0]
        asker, seen = source("127.52.0.1"), {}
        for _ in range(ROUNDS):
            for method in METHODS:
                for name, address, pid in (("ours", target.address, target.process.pid),
                                           ("theirs", "127.51.0.1", theirs.process.pid)):
                    got = blast(out, asker, packets(method), address, port, pid)
                    seen.setdefault((name, method), []).append(got["replies"] / max(0.01, got["cpu"]))
        for method in METHODS:
            ratio = median(a / b for a, b in zip(seen["ours", method], seen["theirs", method]))
            wanted = method in ("ping", "find_node")
            row(f"DHT {method}, answers per CPU second", f"{median(seen['ours', method]):,.0f}", "libtorrent",
                f"{median(seen['theirs', method]):,.0f}", f"{ratio:.0%}", "≥ 50 %" if wanted else "",
                ratio >= 0.5 if wanted else None)
        asker.close()
        asker = source("127.52.0.2")
        got = blast(out, asker, cards(out, asker, target), target.address, port, target.process.pid, seconds=0)
        rate = got["replies"] / max(0.01, got["cpu"])
        row("DHT inf_put, signed cards stored per CPU second", f"{rate:,.0f}", "", "–",
            f"{got['replies']} stored, {got['errors']} refused", "≥ 30,000", rate >= 30000)
        for title, times, found in flooded(out, ours[1:], target):
            row(f"DHT search, {title}", f"p50 {median(times):.1f} ms, p95 {percentile(times, 0.95):.1f} ms", "", "–",
                f"{found} of {len(times)} found", "all", found == len(times))
    finally:
        for node in ours:
            node.destroy()
        theirs.close()
        crowd.close()

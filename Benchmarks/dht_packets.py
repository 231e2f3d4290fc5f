"""Packets for the DHT's benchmarks: questions, signed cards, and a flood of either.
It must never count what was sent for what was answered."""

import hashlib
import json
import os
import secrets
import socket
import struct
import subprocess

from mainline import peers_python

WINDOW, PACKETS = 64, 20000


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
    """CPU seconds of all threads of a process, to the nanosecond."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def source(address):
    """A socket to ask from."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((address, 0))
    return made


def blast(out, source, what, address, port, pid, seconds):
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


def cards(out, asker, node, count):
    """Puts of `count` cards by as many authors, each signed, with the token of the one who asks."""
    code = (
        "import coincurve,hashlib,json,sys,time\n"
        f"for n in range({count}):\n"
        " key=coincurve.PrivateKey((n+1000).to_bytes(32,'big'));pub=coincurve.PublicKeyXOnly.from_secret(key.secret).format()\n"
        " at=int(time.time());tags=[['d','infernet'],['expiration',str(at+1200)],['endpoint','ws://203.0.113.7:9103/peer'],"
        "['device','cpu','8192'],['slots','2','0'],['model','m','ab'*32,'2048','test:credit','1','2']]\n"
        " name=hashlib.sha256(json.dumps([0,pub.hex(),at,31860,tags,''],separators=(',',':')).encode()).digest()\n"
        " print(json.dumps([pub.hex(),at,tags,key.sign_schnorr(name).hex()]))\n")
    with open(os.path.join(out, "cards.py"), "w", encoding="ascii") as file:
        file.write(code)
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
    out_packets = []
    for line in made.stdout.splitlines():
        author, created, tags, signature = json.loads(line)
        encoded = b"l" + b"".join(b"l" + b"".join(text(word.encode()) for word in tag) + b"e" for tag in tags) + b"e"
        card = (b"d1:ci%de1:ki31860e1:p" % created + text(bytes.fromhex(author)) + b"1:s"
                + text(bytes.fromhex(signature)) + b"1:t" + encoded + b"1:x0:e")
        target = hashlib.sha256(f"infernet/1/p/{author}/".encode()).digest()[:20]
        out_packets.append(query("inf_put", [("e", card), ("id", sender), ("target", text(target)), ("token", token)]))
    return out_packets

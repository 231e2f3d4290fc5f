"""Run inside an empty network namespace: twelve dht-d on public-looking addresses, a libtorrent seed, and then aria2
and transmission, which get a magnet link and the address of one dht-d. Exits with 0 when both have the file.
It must never be run where a real network is: it takes every address for this machine."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

from mainline import DHTProcess, Peers
from node import eventually

PORT = 6881
ADDRESSES = [f"{first}.{20 + first % 50}.{3 * first % 250}.7" for first in
             (5, 23, 44, 62, 81, 91, 104, 151, 178, 185, 193, 203)]
SEED, ARIA, TRANSMISSION = "77.60.70.80", "91.50.60.70", "62.50.60.71"


def aria2(magnet, folder, expected):
    """aria2, with the first of our nodes as its entrance."""
    return [
        "aria2c", "--enable-dht=true", "--dht-listen-port=6990", "--listen-port=6991", f"--interface={ARIA}",
        f"--dht-listen-addr={ARIA}", f"--dht-file-path={folder}/dht.dat", f"--dht-entry-point={ADDRESSES[0]}:{PORT}",
        "--bt-enable-lpd=false", "--enable-peer-exchange=false", "--file-allocation=none", "--seed-time=0",
        "--summary-interval=0", "-d", folder, magnet]


def transmission(folder):
    """transmission's daemon; it reads its entrances from a file."""
    with open(os.path.join(folder, "settings.json"), "w", encoding="utf-8") as file:
        json.dump({
            "dht-enabled": True, "bind-address-ipv4": TRANSMISSION, "peer-port": 51413, "lpd-enabled": False,
            "pex-enabled": False, "rpc-port": 9191, "rpc-whitelist-enabled": False, "download-dir": folder,
            "port-forwarding-enabled": False, "utp-enabled": False, "incomplete-dir-enabled": False}, file)
    with open(os.path.join(folder, "dht.bootstrap"), "w", encoding="utf-8") as file:
        file.write("".join(f"{address} {PORT}\n" for address in ADDRESSES))
    return ["transmission-daemon", "-f", "-g", folder]


def main():
    """Runs it all."""
    if any(line.split(":")[0].strip() not in ("lo", "") for line in open("/proc/net/dev", encoding="ascii").readlines()[2:]):
        sys.exit("there is a network here; run me by `unshare --net`")
    for command in ("link set lo up", "route add local 0.0.0.0/1 dev lo", "route add local 128.0.0.0/1 dev lo"):
        subprocess.run(["ip", *command.split()], check=True)
    began, top = time.monotonic(), tempfile.mkdtemp(prefix="infmagnet-", dir="/tmp")
    nodes, programs, peers = [], [], Peers()
    try:
        for address in ADDRESSES:
            nodes.append(DHTProcess(address, PORT, [(nodes[0].address, PORT)] if nodes else []))
        eventually(lambda: min(node.good() for node in nodes) >= 8, 30, "our tables")
        folders = {name: os.path.join(top, name) for name in ("seed", "aria2", "transmission")}
        for folder in folders.values():
            os.mkdir(folder)
        payload = os.urandom(200_000)
        with open(os.path.join(folders["seed"], "payload"), "wb") as file:
            file.write(payload)
        peers.start(addresses=[SEED], port=PORT, entrances=[[ADDRESSES[1], PORT]], strict=True)
        eventually(lambda: min(peers.tables()) >= 4, 30, "the seed's table")
        info_hash = peers.seed(at=0, folder=folders["seed"])
        eventually(lambda: nodes[5].call("dht.get_peers", info_hash=info_hash)["peers"], 30, "the seed in the DHT")
        print(f"  {time.monotonic() - began:.1f} s: {len(nodes)} dht-d, one seed, {info_hash}")
        magnet = f"magnet:?xt=urn:btih:{info_hash}"
        for name, command in (("aria2", aria2(magnet, folders["aria2"], payload)),
                              ("transmission", transmission(folders["transmission"]))):
            with open(os.path.join(folders[name], "log"), "wb") as log:
                programs.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        eventually(
            lambda: subprocess.run(["transmission-remote", "9191", "-a", magnet], capture_output=True,
                                   check=False).returncode == 0, 30, "transmission's daemon")

        def has(folder):
            path = os.path.join(folder, "payload")
            if not os.path.exists(path):
                return False
            with open(path, "rb") as file:
                return file.read() == payload

        for name in ("aria2", "transmission"):
            try:
                eventually(lambda name=name: has(folders[name]), 80, f"the file at {name}")
            except AssertionError:
                with open(os.path.join(folders[name], "log"), encoding="utf-8", errors="replace") as log:
                    print(log.read()[-3000:])
                raise
            print(f"  {time.monotonic() - began:.1f} s: {name} has the file")
    finally:
        for program in programs:
            program.kill()
            program.wait()
        peers.close()
        for node in nodes:
            node.destroy()
        shutil.rmtree(top, ignore_errors=True)


main()

"""kill -9 to ready: a real daemon under infernet-supervisor and in its unit under systemd, beside a trivial program under
systemd, runit, s6 and supervisord.
It must never count a process that only exists: ours has to answer a request, the peers' has to say its pid."""

import json
import os
import signal
import subprocess
import sys
import time

from table import median, percentile, row

KILLS = 10
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "Tests", "Systemd"))


def under_infernet(node):
    """Connects right after the kill: the parent's socket holds the call until the new process answers it."""
    took = []
    for _ in range(KILLS):
        pid = node.rpc("content-d").call("control.version")["pid"]
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        while True:
            try:
                new = node.rpc("content-d").call("control.version")["pid"]
            except OSError:  # met the dying process
                continue
            if new != pid:
                break
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(1.5)
    return took


def under_peer(fifo, start):
    """Starts a peer that runs `announce FIFO`, kills that, and waits for the next announcement."""
    os.mkfifo(fifo)
    peer = start()
    try:
        took = []
        pid = announced(fifo)
        for _ in range(KILLS):
            time.sleep(1.5)  # runsv waits a second after a program that ran for less than one
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            pid = announced(fifo)
            took.append((time.perf_counter() - began) * 1000)
        return took
    finally:
        peer.terminate()
        peer.wait(20)


def announced(fifo):
    with open(fifo, encoding="utf-8") as file:
        return int(file.read())


def under_systemd(announce):
    """On a booted machine with the package: a trivial unit, and ours."""
    from machine import DEB, Machine, eventually

    if not DEB:
        raise AssertionError("INFERNET_DEB names no package: Benchmarks/run makes one")
    machine = Machine()
    try:
        machine.install()
        machine.ctl("setup", "--yes", check=False)
        eventually(lambda: all(d["pid"] for d in machine.status()["daemons"]), 60, "the node's start")
        machine.put(announce, "/root/announce")
        machine.shell("chmod 755 /root/announce")
        for file in ("restart/within.py", "../Tests/EndToEnd/ipc_client.py"):
            machine.put(os.path.join(HERE, file), "/root/" + os.path.basename(file))
        return json.loads(machine.run("/usr/bin/python3", "/root/within.py", str(KILLS), timeout=180).stdout)
    finally:
        machine.stop()


def under_script(out, announce, name, command):
    """A peer that runs the script `run` of a folder."""
    service = os.path.join(out, name)
    os.makedirs(service, exist_ok=True)
    script = os.path.join(service, "run")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"#!/bin/sh\nexec {announce} {out}/{name}.fifo\n")
    os.chmod(script, 0o755)
    return under_peer(f"{out}/{name}.fifo", lambda: subprocess.Popen([command, service]))


def measure(node, out, venv):
    announce = os.path.join(out, "announce")
    ours = under_infernet(node)
    machine = under_systemd(announce)
    hardened = machine["hardened"]
    peers = {"systemd bare": machine["bare"]}
    for name, command in (("runit", "runsv"), ("s6", "s6-supervise")):
        peers[name] = under_script(out, announce, name, command)
    config = os.path.join(out, "supervisord.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={out}/s.pid\n"
                   f"[program:announce]\ncommand={announce} {out}/s.fifo\nautorestart=true\nstartsecs=0\n")
    peers["supervisord"] = under_peer(
        f"{out}/s.fifo", lambda: subprocess.Popen(
            [f"{venv}/bin/supervisord", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    mine = median(ours)
    for name, took in peers.items():
        row("kill -9 to ready p50 (p90)", f"{mine:.1f} ms ({percentile(ours, 0.9):.1f})", f"{name}, trivial program",
            f"{median(took):.1f} ms ({percentile(took, 0.9):.1f})", f"{mine / median(took):.3g}x",
            "≤ 15 ms", mine <= 15)
    unit = median(hardened)
    row("kill -9 to ready in its unit p50 (p90)", f"{unit:.1f} ms ({percentile(hardened, 0.9):.1f})",
        "the same daemon, spawned", f"{mine:.1f} ms", f"{unit / mine:.3g}x", "≤ 120 ms", unit <= 120)

"""kill -9 to ready: a real daemon under infernet-supervisor, beside a trivial program under runit and supervisord.
It must never count a process that only exists: ours has to answer a request, the peers' has to say its pid."""

import os
import shutil
import signal
import subprocess
import time

from table import median, percentile, row

KILLS = 10


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


def measure(node, out, venv):
    announce = os.path.join(out, "announce")
    ours = under_infernet(node)
    peers = {}
    if shutil.which("runsv"):
        service = os.path.join(out, "service")
        os.makedirs(service, exist_ok=True)
        script = os.path.join(service, "run")
        with open(script, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec {announce} {out}/runit.fifo\n")
        os.chmod(script, 0o755)
        peers["runit"] = under_peer(f"{out}/runit.fifo", lambda: subprocess.Popen(["runsv", service]))
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

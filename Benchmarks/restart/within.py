"""Within a booted machine: kill -9 to ready of a trivial unit without any hardening, and of one of ours. Prints JSON.
It must never count a process that only exists: the trivial one says its pid, ours answers a request."""

import json
import os
import signal
import subprocess
import sys
import time

from ipc_client import Client

KILLS = int(sys.argv[1])
FIFO = "/root/announce.fifo"
UNIT = f"""[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/root/announce {FIFO}
Restart=always
RestartSec=0
"""


def announced():
    """The pid of the next process that says so."""
    with open(FIFO, encoding="utf-8") as file:
        return int(file.read())


def bare():
    """A unit with nothing but its program."""
    os.mkfifo(FIFO)
    with open("/etc/systemd/system/announce.service", "w", encoding="utf-8") as file:
        file.write(UNIT)
    subprocess.run(["systemctl", "daemon-reload"], check=True)
    subprocess.run(["systemctl", "start", "--no-block", "announce.service"], check=True)
    took, pid = [], announced()
    for _ in range(KILLS):
        time.sleep(0.5)
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        pid = announced()
        took.append((time.perf_counter() - began) * 1000)
    subprocess.run(["systemctl", "stop", "announce.service"], check=True)
    return took


def version():
    """Which process of content-d answers."""
    client = Client("/run/infernet/content-d/infernetctl.sock")
    try:
        return client.call("control.version")["pid"]
    finally:
        client.close()


def hardened():
    """content-d in its unit: the socket holds the call until the new process answers it."""
    took = []
    for _ in range(KILLS):
        pid = version()
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        while True:
            try:
                if version() != pid:
                    break
            except OSError:  # met the dying process
                continue
        took.append((time.perf_counter() - began) * 1000)
        time.sleep(1.5)
    return took


print(json.dumps({"bare": bare(), "hardened": hardened()}))

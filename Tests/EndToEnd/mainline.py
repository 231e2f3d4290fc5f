"""dht-d processes by themselves, each on an address of its own, and a hold on libtorrent's nodes beside them.
It must never give a dht-d anything that its parent contract does not name."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from environment import python
from ipc_client import Client
from kernel import status
from node import BIN

PACKAGES = ["libtorrent==2.1.1", "cryptography==46.0.3", "jsonschema==4.26.0",
            "coincurve==21.0.0"]
HERE = os.path.dirname(os.path.abspath(__file__))
CONFINED = os.path.join(HERE, "..", "..", ".build", "release", "confined")


def peers_python():
    """The Python that has libtorrent."""
    return python("mainline-venv", PACKAGES)


def endpoint(address, port):
    """As configurations and answers write it."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class DHTProcess:
    """One dht-d, with this test as its parent. `confined`: behind the walls that the supervisor builds around it. `beside`: an
    address of the other family that it has as well."""

    def __init__(self, address, port, entrances=(), callers=("infernetctl",), confined=False, beside=None):
        self.address, self.port, self.confined, self.beside = address, port, confined, beside
        self.home = tempfile.mkdtemp(prefix="infdht-", dir="/tmp")
        for name in ("state", "run"):
            os.mkdir(os.path.join(self.home, name), 0o700)
        self.configure(entrances)
        self.udp = {}
        for each in filter(None, (address, beside)):
            name = "dht6" if ":" in each else "dht"
            self.udp[name] = socket.socket(
                socket.AF_INET6 if name == "dht6" else socket.AF_INET, socket.SOCK_DGRAM)
            if name == "dht6":
                self.udp[name].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            self.udp[name].bind((each, port))
        self.rpc = {}
        for caller in callers:
            self.rpc[caller] = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.rpc[caller].bind(os.path.join(self.home, caller))
            self.rpc[caller].listen()
        self.process = self.client = self.pid = None
        self.start()

    def configure(self, entrances):
        """Writes the configuration that the next process gets."""
        own = {":" in each: endpoint(each, self.port) for each in filter(None, (self.address, self.beside))}
        with open(os.path.join(self.home, "config"), "w", encoding="utf-8") as file:
            json.dump({
                "node": {"state_dir": self.home + "/state", "run_dir": self.home + "/run"}, "log": {"level": "info"},
                "section": {"listen": own.get(False, ""), "listen6": own.get(True, ""), "group_limit": 0, "read_only": "false",
                            "bootstrap": [endpoint(host, number) for host, number in entrances]}}, file)

    def start(self):
        """Starts the process; its sockets outlive it."""
        sockets = {**self.udp, **{f"rpc.{caller}": each for caller, each in self.rpc.items()}}
        numbers = [each.fileno() for each in sockets.values()]
        # A shell, because LISTEN_PID is the process's own number, and the descriptors begin with the third.
        moves = " ".join(f"{place}<&{number}" for place, number in enumerate(numbers, 3))
        program = f"{CONFINED} {BIN} {self.home}/state {self.home}/run" if self.confined else f"{BIN}/dht-d"
        script = f"exec {moves}; LISTEN_PID=$$ exec {program}"
        command = ["bash", "-c", script]
        if os.geteuid() == 0 and not self.confined:
            command = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", *command]
        with open(os.path.join(self.home, "log"), "ab") as log, open(os.path.join(self.home, "config"), "rb") as config:
            self.process = subprocess.Popen(
                command, stdin=config, stdout=subprocess.PIPE if self.confined else subprocess.DEVNULL, stderr=log,
                pass_fds=numbers, cwd="/",
                env={"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8",
                     "LISTEN_FDS": str(len(numbers)), "LISTEN_FDNAMES": ":".join(sockets),
                     "STATE_DIRECTORY": self.home + "/state", "RUNTIME_DIRECTORY": self.home + "/run"})
        self.pid = self.process.pid
        if self.confined:
            self.pid = int(self.process.stdout.readline())
            facts = status(self.pid)
            assert facts["Seccomp"] == "2" and facts["NoNewPrivs"] == "1" and int(facts["CapBnd"], 16) == 0, facts
        self.client = self.line("infernetctl")

    def line(self, caller):
        """A connection over the socket of one caller."""
        return Client(os.path.join(self.home, caller), timeout=30)

    def call(self, method, **parameters):
        """One call over the socket of infernetctl."""
        return self.client.call(method, parameters)

    def good(self):
        """How many nodes it relies on."""
        return self.call("dht.stats")["good_peers"]

    def kill(self):
        """kill -9."""
        if self.client:
            self.client.close()
        if self.confined and self.process.poll() is None:
            # Its parent ends with it.
            os.kill(self.pid, signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()

    def destroy(self):
        """Kills it and removes all that it had."""
        self.kill()
        for each in (*self.udp.values(), *self.rpc.values()):
            each.close()
        shutil.rmtree(self.home, ignore_errors=True)


class Peers:
    """libtorrent's nodes in a process of their own."""

    def __init__(self):
        self.process = subprocess.Popen(
            [peers_python(), "-W", "ignore::DeprecationWarning", os.path.join(HERE, "mainline_peers.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def __getattr__(self, name):
        def order(**parameters):
            self.process.stdin.write(json.dumps({"do": name, **parameters}) + "\n")
            self.process.stdin.flush()
            answer = json.loads(self.process.stdout.readline())
            if "error" in answer:
                raise AssertionError(f"libtorrent, {name}: {answer['error']}")
            return answer["ok"]

        return order

    def close(self):
        """Ends them."""
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

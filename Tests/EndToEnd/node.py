"""Real nodes for tests: started, asked, stopped, with their logs kept when a test fails.
It must never replace a part of the node by something else."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from waiting import eventually

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# The programs as they ship; fails when they are older than what was built.
BIN = subprocess.check_output([os.path.join(ROOT, "packaging", "dev", "programs")], text=True).strip()
IMAGE = os.environ.get("INFERNET_IMAGE", "")
MODEL_FILE = os.environ.get("INFERNET_MODEL", "")
MODEL = "smollm2-135m-instruct"
DAEMONS = ["ledger-d", "content-d", "exec-d", "dht-d", "aggregator-d", "ws-d"]


def has_ipv6():
    """Whether this machine speaks IPv6 at all."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


def free_port(host="127.0.0.1"):
    """A port below the ephemeral ones that nobody listens on, and that no other test of this run was given."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        free_port.last += 1
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(family, kind) as probe:
                try:
                    probe.bind((host, free_port.last))
                except OSError:
                    break
        else:
            return free_port.last


def own_range():
    """The beginning of 200 ports that no other test program of this machine has while this one runs: a node that is
    started again must find its ports as it left them."""
    for turn in range(60):
        number = (os.getpid() + turn) % 60
        lock = os.open(f"/tmp/infernet-test-ports-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return 20000 + number * 200  # the lock is held until this program ends
        except OSError:
            os.close(lock)
    raise AssertionError("60 test programs run beside each other")


free_port.last = own_range()


class Node:
    """One node with all its daemons. `six`: it meets other nodes over IPv6 alone. `advertise`: it says that it is reached there.
    `user`: words that go before its supervisor and infernetctl, to run them as somebody else."""

    def __init__(self, host="127.0.0.1", image=IMAGE, provide=False, bootstrap=None, extra="", warm=True, home=None,
                 six=False, advertise=None, user=()):
        self.user = list(user)
        self.programs = BIN
        self.home = home or tempfile.mkdtemp(prefix="inf-", dir="/tmp")
        os.chmod(self.home, 0o755)
        self.run_dir = os.path.join(self.home, "run")
        self.host = host
        self.http = f"{host}:{free_port(host)}"
        self.six = six
        self.dht = f"[::1]:{free_port('::1')}" if six else f"{host}:{free_port(host)}"
        outside = "[::1]" if six else host
        self.advertise = advertise
        self.peer = f"{outside}:{free_port(outside.strip('[]'))}" if provide else ""
        self.image = image
        self.warm = warm
        self.bootstrap = bootstrap
        self.extra = extra
        self.process = None
        self.write_config()

    def write_config(self):
        """Writes infernet.yaml from what the node was made with."""
        lines = ["node:", f"  state_dir: {self.home}/state", f"  run_dir: {self.run_dir}"]
        lines += ["http:", f'  listen: "{self.http}"']
        if self.peer:
            lines += ["peer:", f'  listen: "{self.peer}"', f'  advertise: "ws://{self.advertise or self.peer}/peer"']
        lines += ["dht:", f'  listen: "{"" if self.six else self.dht}"', "  group_limit: 0"]
        if self.six:
            lines += [f'  listen6: "{self.dht}"']
        if self.bootstrap:
            lines += [f'  bootstrap: ["{self.bootstrap}"]']
        if self.image and "exec:" not in self.extra:
            lines += ["exec:", f'  image: "{self.image}"', f"  warm: [{MODEL if self.warm else ''}]"]
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n" + self.extra)

    @property
    def config(self):
        return os.path.join(self.home, "infernet.yaml")

    @property
    def url(self):
        return f"http://{self.http}"

    def start(self, wait=True):
        output = open(os.path.join(self.home, "supervisor.out"), "ab")
        with output:
            self.process = subprocess.Popen(
                [*self.user, os.path.join(self.programs, "infernet-supervisor"), "--config", self.config],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        if wait:
            eventually(self.settled, 30, "the node's start")
        return self

    def settled(self):
        """Whether every daemon has reached a state that is not on the way to another."""
        status = self.status()
        return status["state"] in ("ready", "degraded") and all(
            daemon["state"] in ("ready", "degraded") for daemon in status["daemons"])

    def add_model(self):
        """Puts the real model into the store."""
        self.ctl("content", "add", MODEL_FILE, "--name", MODEL, check=True)
        return self

    def wait_warm(self):
        """Returns when an engine is warm."""
        eventually(
            lambda: any(e["state"] == "ready" for e in self.call("exec-d", "exec.inventory")["engines"]), 60,
            "a warm engine")
        return self

    def ctl(self, *words, check=False, input=None, timeout=60):
        """Runs infernetctl; gives the finished process."""
        done = subprocess.run(
            [*self.user, os.path.join(self.programs, "infernetctl"), *words, "--run-dir", self.run_dir], input=input, text=True,
            capture_output=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"infernetctl {words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def status(self):
        """The node's status as the supervisor tells it."""
        return self.call("infernet-supervisor", "supervisor.status")

    def daemon(self, name):
        """One daemon's status."""
        return next(d for d in self.status()["daemons"] if d["daemon"] == name)

    def rpc(self, callee, caller="infernetctl", **options):
        """A connection to a daemon's socket."""
        from ipc_client import Client

        return Client(os.path.join(self.run_dir, callee, caller + ".sock"), **options)

    def call(self, callee, method, params=None):
        """One call over a connection of its own."""
        client = self.rpc(callee)
        try:
            return client.call(method, params)
        finally:
            client.close()

    def get(self, path, timeout=10):
        """HTTP GET: status, headers, body."""
        return self.request("GET", path, timeout=timeout)

    def request(self, method, path, body=None, headers=None, timeout=60):
        """One HTTP request: status, headers, body."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def containers(self):
        """Ids of the engine containers that belong to this node."""
        inventory = self.call("exec-d", "exec.inventory")
        return [engine["container"] for engine in inventory["engines"]]

    def labelled_containers(self):
        """Names of all containers in Docker that carry this node's label, running or not."""
        state = os.path.join(self.home, "state", "exec-d")
        label = "infernet.node=" + hashlib.sha256(state.encode()).hexdigest()[:16]
        query = urllib.parse.urlencode({"all": "1", "filters": json.dumps({"label": [label]})})
        return sorted(c["Names"][0].lstrip("/") for c in docker("GET", f"/v1.41/containers/json?{query}"))

    def pids(self):
        """Process ids by daemon."""
        return {daemon["daemon"]: daemon.get("pid") for daemon in self.status()["daemons"]}

    def jobs(self, limit=100):
        """The journal's last jobs, newest first."""
        return self.call("aggregator-d", "aggregator.jobs", {"limit": limit})["jobs"]

    def job(self, job):
        """One job of the journal."""
        return self.call("aggregator-d", "aggregator.job", {"job": job})["record"]

    def balance(self):
        """What the ledger says."""
        return self.call("ledger-d", "ledger.balance")

    def total(self, asset="test:credit"):
        """What was earned and spent in one asset."""
        nothing = {"earned": 0, "spent": 0}
        return next((total for total in self.balance()["totals"] if total["asset"] == asset), nothing)

    def kill(self, name):
        """kill -9 of one daemon; gives the process id that was killed."""
        pid = self.daemon(name)["pid"]
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_house(self):
        """kill -9 of the supervisor; gives the process ids of its daemons."""
        pids = list(self.pids().values())
        self.process.kill()
        self.process.wait()
        self.process = None
        return pids

    def log(self):
        """The node's log as a list of objects."""
        with open(os.path.join(self.home, "state", "logs", "node.jsonl"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def stop(self):
        """Stops the node cleanly; gives the supervisor's exit code."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the supervisor did not stop within 30 s") from None
        code, self.process = self.process.returncode, None
        return code

    def destroy(self, keep=False):
        """Stops the node and removes its files, unless they are to be looked at."""
        try:
            self.stop()
        finally:
            if keep:
                print(f"kept: {self.home}")
            else:
                shutil.rmtree(self.home, ignore_errors=True)


def docker(method, path, raw=False):
    """One call of the Docker Engine API over its socket: the decoded body, or its bytes."""
    path = "http://docker" + path
    done = subprocess.run(
        ["curl", "-s", "-X", method, "--unix-socket", os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"), path],
        capture_output=True, timeout=30, check=True)
    if raw:
        return done.stdout
    return json.loads(done.stdout) if done.stdout.strip() else None

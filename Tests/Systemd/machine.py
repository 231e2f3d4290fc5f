"""A machine of its own for tests: systemd as PID 1, the package installed, Docker inside, and what goes on in it.
It must never be the machine that the tests run on."""

import atexit
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

# Whoever ends a run early ends its machines too: this way the clean-ups are run.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "Tests", "EndToEnd"))
from waiting import eventually  # noqa: E402

BOOT = os.path.join(HERE, "boot")
DEB = os.environ.get("INFERNET_DEB", "")
IMAGE = os.environ.get("INFERNET_IMAGE", "")
ARCHIVE = os.environ.get("INFERNET_IMAGE_ARCHIVE", "")
MODEL_FILE = os.environ.get("INFERNET_MODEL", "")
MODEL = "smollm2-135m-instruct"
DAEMONS = ["ledger-d", "content-d", "exec-d", "dht-d", "aggregator-d", "ws-d"]
UNITS = {name: "infernet-" + name.removesuffix("-d") + ".service" for name in DAEMONS}
CONFIG = "/etc/infernet/infernet.yaml"
# Clients without pause may ask oftener than a node lets them by default.
SERVING = f'http:\n  requests_per_second: 0\nexec:\n  image: "{IMAGE}"\n  warm: ["{MODEL}"]\n'
# A Docker engine in the machine, on memory: overlays cannot lie on the machine's own overlay.
DOCKER = """[Unit]
Description=Docker for tests
[Service]
Type=notify
ExecStartPre=/bin/mkdir -p /var/lib/docker
ExecStartPre=/bin/mount -t tmpfs -o size=3g tmpfs /var/lib/docker
ExecStart=/usr/sbin/dockerd --host unix:///run/docker.sock --bridge none --iptables=false --ip6tables=false
ExecStopPost=-/bin/umount -l /var/lib/docker
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
"""


def say(text):
    """A line for whoever reads CI's output."""
    print(text, file=sys.stderr, flush=True)


class Machine:
    """One booted machine."""

    def __init__(self, lower="/"):
        self.directory = tempfile.mkdtemp(prefix="inf-boot-")
        began = time.monotonic()
        subprocess.run([BOOT, "start", self.directory, lower], check=True)
        self.boot_seconds = time.monotonic() - began

    @property
    def root(self):
        """The machine's files, seen from outside."""
        return os.path.join(self.directory, "root")

    def stop(self):
        """Stops it and removes what it was."""
        subprocess.run([BOOT, "stop", self.directory], check=True)

    def run(self, *words, check=True, timeout=120, input=None):
        """Runs a command in the machine as root; gives the finished process."""
        done = subprocess.run(
            [BOOT, "enter", self.directory, *words], text=True, capture_output=True, timeout=timeout, input=input,
            check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{words}: exit {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def shell(self, script, **options):
        """Runs a shell script in the machine."""
        return self.run("bash", "-euc", script, **options)

    def write(self, path, text):
        """Writes a file of the machine."""
        place = self.root + path
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)

    def put(self, file, path):
        """Copies a file into the machine."""
        os.makedirs(os.path.dirname(self.root + path), exist_ok=True)
        shutil.copyfile(file, self.root + path)

    def install(self, deb=DEB, check=True):
        """Installs the package."""
        self.put(deb, "/root/infernet.deb")
        return self.shell("DEBIAN_FRONTEND=noninteractive dpkg -i /root/infernet.deb", check=check, timeout=300)

    def start_docker(self):
        """Starts the machine's own Docker engine, with the engine image in it."""
        self.write("/etc/systemd/system/docker.service", DOCKER)
        self.shell("rm -f /lib/systemd/system/docker.socket; systemctl daemon-reload; systemctl start docker.service")
        self.shell("chgrp docker /run/docker.sock; chmod 660 /run/docker.sock")
        self.shell(f"docker load -q -i {ARCHIVE}", timeout=300)

    def configure(self, text):
        """Writes the configuration and lets the node have it."""
        self.write(CONFIG, text)

    def ctl(self, *words, check=True, timeout=120):
        """Runs infernetctl as root."""
        return self.run("infernetctl", *words, check=check, timeout=timeout)

    def status(self):
        """The node's status as infernetctl tells it."""
        done = self.ctl("status", "--json", check=False)
        if not done.stdout:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)["status"]

    def wait_warm(self):
        """Returns when an engine is warm."""
        def warm():
            inventory = json.loads(self.ctl("status", "--json", check=False).stdout).get("inventory") or {}
            return any(engine["state"] == "ready" for engine in inventory.get("engines", []))
        eventually(warm, 90, "a warm engine")

    def green(self, seconds=60):
        """Returns when every daemon is ready."""
        def ready():
            status = self.status()
            if status["state"] != "ready":
                raise AssertionError(f"{status['state']}: {status['reason']}")
            return True
        eventually(ready, seconds, "a green node", every=0.2)

    def daemon(self, name):
        """One daemon's status."""
        return next(d for d in self.status()["daemons"] if d["daemon"] == name)

    def show(self, unit, name):
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit, lines=30):
        """A unit's last lines."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit, check=False).stdout


@functools.cache
def shared():
    """The one machine of all tests that a machine can have in common: a node that serves, green, with Docker and a model.
    Whoever uses it leaves it so; the last one may remove the package."""
    machine = Machine()
    atexit.register(machine.stop)
    say(f"systemd runs after {machine.boot_seconds:.2f} s")
    began = time.monotonic()
    machine.install()
    say(f"dpkg -i: {time.monotonic() - began:.1f} s")
    machine.start_docker()
    machine.configure(SERVING)
    say(machine.ctl("setup", "--yes").stdout)
    eventually(lambda: machine.status()["state"] in ("ready", "degraded"), 60, "the node's start")
    machine.put(MODEL_FILE, "/root/model.gguf")
    machine.ctl("content", "add", "/root/model.gguf", "--name", MODEL)
    machine.wait_warm()
    machine.green()
    return machine

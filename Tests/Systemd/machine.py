"""A machine of its own for tests: systemd as PID 1, the package installed, Docker inside, and what goes on in it.
It must never be the machine that the tests run on."""

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
BOOT = os.path.join(HERE, "boot")
DEB = os.environ.get("INFERNET_DEB", "")
IMAGE = os.environ.get("INFERNET_IMAGE", "")
ARCHIVE = os.environ.get("INFERNET_IMAGE_ARCHIVE", "")
MODEL_FILE = os.environ.get("INFERNET_MODEL", "")
MODEL = "smollm2-135m-instruct"
DAEMONS = ["ledger-d", "content-d", "exec-d", "dht-d", "aggregator-d", "ws-d"]
UNITS = {name: "infernet-" + name.removesuffix("-d") + ".service" for name in DAEMONS}
CONFIG = "/etc/infernet/infernet.yaml"
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


def eventually(condition, seconds=60, what="the condition", every=0.1):
    """The first true value of `condition`, or a failure that names what never happened."""
    end, problem = time.monotonic() + seconds, None
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
            problem = value
        except Exception as error:  # the node may be starting
            problem = error
        time.sleep(every)
    raise AssertionError(f"{what} did not come true within {seconds} s (last: {problem!r})")


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

    def daemon(self, name):
        """One daemon's status."""
        return next(d for d in self.status()["daemons"] if d["daemon"] == name)

    def show(self, unit, name):
        """One property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).stdout.strip()

    def journal(self, unit, lines=30):
        """A unit's last lines."""
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", str(lines), "-u", unit, check=False).stdout

"""What may befall a daemon, tried on all of them at once in spawned mode: each time the status shows state, reason and what to
do, and the node is well again afterwards. The same under systemd: Tests/Systemd/test_faults.py.
It must never mend anything in another way than the status says."""

import contextlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from kernel import alive, as_user, status
from node import BIN, DAEMONS, Node, eventually

UP = ("ready", "degraded")


class Faults(unittest.TestCase):
    """A node without an engine."""

    def make(self, **options):
        """A node that goes with the test."""
        node = Node(image="", **options)
        self.addCleanup(node.destroy)
        return node

    def all_show(self, node, condition, seconds, what):
        """Every daemon's status, once the condition holds for each."""
        def found():
            daemons = {daemon["daemon"]: daemon for daemon in node.status()["daemons"]}
            missing = {name: (d["state"], d["reason"]) for name, d in daemons.items() if not condition(d)}
            if missing:
                raise AssertionError(missing)
            return daemons
        daemons = eventually(found, seconds, what)
        print(flush=True)
        for name, daemon in daemons.items():
            death = daemon.get("last_death") or {}
            print(f"  {name:<13} {daemon['state']:<9} {daemon['reason']} | last death: {death.get('reason')} | "
                  f"fix: {daemon.get('fix')}", flush=True)
        return daemons

    def test_killed(self):
        """kill -9 and abort: a fresh process at once, the signal and the restart in the status."""
        node = self.make().start()
        for turn, name in enumerate(("SIGKILL", "SIGABRT"), 1):
            before = node.pids()
            for pid in before.values():
                os.kill(pid, getattr(signal, name))
            self.all_show(
                node, lambda d, before=before, name=name, turn=turn: d["state"] in UP and d["restarts"] == turn
                and d["pid"] != before[d["daemon"]] and d["last_death"]["signal"] == name, 30, f"what {name} leaves behind")

    def test_hung(self):
        """SIGSTOP: each is ended within its time, and the status says why."""
        node = self.make().start()
        before = node.pids()
        for pid in before.values():
            os.kill(pid, signal.SIGSTOP)
        self.all_show(
            node, lambda d: d["state"] in UP and d.get("pid") not in (None, before[d["daemon"]])
            and ("no sign of life" in d["last_death"]["reason"] or "did not answer" in d["last_death"]["reason"]),
            60, "replaced daemons")

    def test_out_of_memory(self):
        """More than its row allows: the allocation fails, the daemon ends, a fresh one serves."""
        node = self.make().start()
        before = node.pids()
        for name, pid in before.items():
            used = int(status(pid)["VmData"].split()[0])
            limit = (used + 64) << 10

            def lower(pid=pid, limit=limit):
                resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))

            user = node.daemon(name).get("user") or ""
            # Whoever may not change everybody's limits may change his own processes'.
            lower() if user in ("", "uid 0") else as_user(user, lower)
            lines = []
            self.addCleanup(lambda lines=lines: [line.close() for line in lines])
            # Requests that never end: each is kept until the rest of it comes.
            while alive(pid) and len(lines) < 400:
                with contextlib.suppress(OSError):
                    line = node.rpc(name)
                    lines.append(line)
                    line.socket.sendall(struct.pack(">I", 60_000) + b"{" + b" " * 50_000)
        self.all_show(
            node, lambda d: d["state"] in UP and d.get("pid") not in (None, before[d["daemon"]])
            and d["restarts"] == 1 and d["last_death"]["signal"], 30, "what too little memory does")

    def test_crash_loop(self):
        """A program that ends at once: each start waits longer than the one before, and the status says why."""
        programs = tempfile.mkdtemp(prefix="inf-bin-", dir="/tmp")
        self.addCleanup(shutil.rmtree, programs)
        source = os.path.join(programs, "ends.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write("int main(void) { return 3; }\n")
        subprocess.run(["cc", "-static", "-o", os.path.join(programs, "ends"), source], check=True)
        os.chmod(programs, 0o755)
        supervisor = "infernet-supervisor"
        shutil.copy2(os.path.join(BIN, supervisor), os.path.join(programs, supervisor))
        for name in DAEMONS:
            shutil.copy2(os.path.join(programs, "ends"), os.path.join(programs, name))
        node = self.make()
        node.programs = programs
        node.start(wait=False)
        node.programs = BIN
        daemons = self.all_show(
            node, lambda d: d["state"] == "backoff" and d["restarts"] >= 3 and d["last_death"]["exit_code"] == 3, 30,
            "waiting daemons")
        for daemon in daemons.values():
            self.assertIn("infernetctl logs", daemon["fix"])
        # Once healthy programs are there, nobody has to be asked.
        for name in DAEMONS:
            os.remove(os.path.join(programs, name))
            os.link(os.path.join(programs, supervisor), os.path.join(programs, name))
        eventually(node.settled, 60, "a node that runs")

    def test_unreadable_configuration(self):
        """Nothing starts half-configured: every daemon waits, nothing is tried in a loop, and it goes on once it is right."""
        node = self.make()
        with open(node.config, "wb") as file:
            file.write(b"\xff\xfe not text\n")
        # Where its sockets are stands in the very file that it cannot read.
        os.environ["INFERNET_RUN_DIR"] = node.run_dir
        self.addCleanup(os.environ.pop, "INFERNET_RUN_DIR", None)
        node.start(wait=False)
        daemons = self.all_show(
            node, lambda d: d["state"] == "down" and d.get("pid") is None and d["restarts"] == 0 and d["reason"], 20,
            "daemons that wait")
        self.assertEqual(len(daemons), len(DAEMONS))
        status = node.status()
        self.assertEqual(status["state"], "failed")
        self.assertIn("infernet.yaml", status["reason"] + str(status.get("fix")))
        node.write_config()
        eventually(node.settled, 30, "a node that runs")

    @unittest.skipUnless(os.geteuid() == 0, "mounting small disks needs root")
    def test_full_disk(self):
        """Nothing can be written: who needs to write says so and what to do, and goes on when there is room."""
        node = self.make().start()
        node.stop()
        for name in DAEMONS:
            folder = os.path.join(node.home, "state", name)
            small = os.path.join(node.home, "full", name)
            os.makedirs(small)
            subprocess.run(["sh", "-euc", """
                mount -t tmpfs -o size=$(($(du -sk "$1" | cut -f 1) + 256))k,mode=$(stat -c %a "$1") tmpfs "$2"
                chown --reference="$1" "$2"
                cp -a "$1/." "$2"
                dd if=/dev/zero of="$2/filler" bs=1k 2>/dev/null || true
                mount --bind "$2" "$1" """, "sh", folder, small], check=True)
            for place in (small, folder):
                self.addCleanup(subprocess.run, ["umount", "-l", place], check=False)
        node.start(wait=False)
        self.all_show(
            node, lambda d: any(word in d["reason"] for word in ("full", "space", "free", "disk")) or d["daemon"] == "ws-d",
            30, "a full disk")
        for name in DAEMONS:
            os.remove(os.path.join(node.home, "state", name, "filler"))
        # They would find out by themselves, each at its next try.
        for daemon in node.status()["daemons"]:
            if daemon["state"] != "ready":
                node.ctl("restart", daemon["daemon"], check=True)
        eventually(lambda: node.settled() and not any(
            "No space" in d["reason"] or "journal" in d["reason"] for d in node.status()["daemons"]), 60,
            "a node that writes again; that so little is left, it goes on to say")


if __name__ == "__main__":
    unittest.main()

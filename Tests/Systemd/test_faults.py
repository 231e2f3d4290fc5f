"""What may befall a daemon, tried on all of them at once under systemd: each time the status shows state, reason and what to
do, and the node is green again afterwards. It must never mend anything in another way than the status says."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import DAEMONS, UNITS, eventually, say, shared  # noqa: E402


class Faults(unittest.TestCase):
    """The machine that all tests share; each leaves it green."""

    @classmethod
    def setUpClass(cls):
        cls.machine = shared()

    def setUp(self):
        self.machine.green()
        self.addCleanup(self.mend)

    def mend(self):
        """What was changed is taken back, and every daemon that does not run is started as the status says."""
        machine = self.machine
        units = " ".join(UNITS.values())
        machine.shell(f"for unit in {units}; do rm -rf /etc/systemd/system/$unit.d; done; systemctl daemon-reload; "
                      "for name in " + " ".join(DAEMONS) + "; do "
                      "umount -l /var/lib/infernet/$name /run/full/$name 2>/dev/null || true; done; "
                      "/usr/lib/infernet/bin/infernet-supervisor --render /run/infernet/config")
        for daemon in machine.status()["daemons"]:
            if daemon["daemon"] in self.broken:
                machine.ctl("restart", daemon["daemon"])
        machine.green()

    broken = ()

    def drop_in(self, text):
        """Adds to all units, and starts them anew."""
        for unit in UNITS.values():
            self.machine.write(f"/etc/systemd/system/{unit}.d/50-fault.conf", text)
        self.machine.shell("systemctl daemon-reload")
        self.restart()

    def restart(self):
        """Has systemd start all daemons anew, come of it what may."""
        self.broken = DAEMONS
        self.machine.shell("systemctl restart --no-block " + " ".join(UNITS.values()))

    def all_show(self, condition, seconds, what):
        """Every daemon's status, once the condition holds for each."""
        def found():
            daemons = {daemon["daemon"]: daemon for daemon in self.machine.status()["daemons"]}
            missing = {name: (d["state"], d["reason"]) for name, d in daemons.items() if not condition(d)}
            if missing:
                raise AssertionError(missing)
            return daemons
        daemons = eventually(found, seconds, what, every=0.5)
        for name, daemon in daemons.items():
            death = daemon.get("last_death") or {}
            say(f"  {name:<13} {daemon['state']:<9} {daemon['reason']} | last death: {death.get('reason')} | "
                f"fix: {daemon.get('fix')}")
        return daemons

    def processes(self):
        """Process ids and restarts by daemon."""
        return {daemon["daemon"]: daemon for daemon in self.machine.status()["daemons"]}

    def test_killed(self):
        """kill -9 and abort: a fresh process at once, the signal and the restart in the status."""
        for signal in ("KILL", "ABRT"):
            before = self.processes()
            self.machine.run("kill", f"-{signal}", *[str(daemon["pid"]) for daemon in before.values()])
            self.all_show(
                lambda d, before=before, signal=signal: d["state"] == "ready" and d.get("pid") != before[d["daemon"]]["pid"]
                and d["restarts"] > before[d["daemon"]]["restarts"] and d["last_death"]["signal"] == f"SIG{signal}",
                40, f"what SIG{signal} leaves behind")

    def test_hung(self):
        """SIGSTOP: the watchdog ends each within its time, and the status says why."""
        before = self.processes()
        self.machine.run("kill", "-STOP", *[str(daemon["pid"]) for daemon in before.values()])
        self.all_show(
            lambda d: d.get("pid") not in (None, before[d["daemon"]]["pid"]) and d["state"] == "ready"
            and "no sign of life" in d["last_death"]["reason"], 60, "replaced daemons")

    def test_out_of_memory(self):
        """More than its row allows: the kernel kills it, systemd gives up after its limit, a person mends it."""
        self.drop_in("[Unit]\nStartLimitBurst=3\n[Service]\nMemoryMax=2M\n")
        # Which word systemd has for it depends on the cgroups: the unified ones tell it that it was the memory.
        daemons = self.all_show(
            lambda d: d["state"] == "failed" and d.get("pid") is None and "gave up" in d["reason"]
            and ("memory" in d["reason"] or "SIGKILL" in d["reason"]), 60, "what too little memory does")
        for daemon in daemons.values():
            self.assertIn("infernetctl restart", daemon["fix"])

    def test_crash_loop(self):
        """A program that ends at once: systemd gives up after its limit, and the status says that and the last end."""
        self.drop_in("[Unit]\nStartLimitBurst=5\n[Service]\nExecStart=\n"
                     "ExecStart=/usr/lib/infernet/bin/infernetctl no-such-command\n")
        self.all_show(lambda d: d["state"] == "failed" and "gave up" in d["reason"] and "64" in d["reason"], 60, "giving up")

    def test_unreadable_configuration(self):
        """Exit 78: failed with its reason, not tried again though callers wait, and mended by a person."""
        machine = self.machine
        machine.shell("for name in " + " ".join(DAEMONS) + "; do echo nonsense >/run/infernet/config/$name.json; done")
        self.restart()
        daemons = self.all_show(
            lambda d: d["state"] == "failed" and d.get("pid") is None and "78" in d["reason"], 60, "the failure")
        for daemon in daemons.values():
            self.assertIn("infernetctl restart", daemon["fix"])
        starts = {unit: machine.show(unit, "NRestarts") for unit in UNITS.values()}
        for words in (["jobs"], ["wallet"], ["content", "list"], ["peers"]):
            machine.ctl(*words, check=False, timeout=30)
        for unit, count in starts.items():
            self.assertEqual(machine.show(unit, "NRestarts"), count, unit)
            self.assertEqual(machine.show(unit, "ActiveState"), "failed", unit)
        self.assertEqual(machine.status()["state"], "failed")

    def test_full_disk(self):
        """Nothing can be written: who needs to write says so and what to do, and goes on when there is room."""
        machine = self.machine
        machine.shell("""
            for name in """ + " ".join(DAEMONS) + """; do
              cd /var/lib/infernet/$name
              mkdir -p /run/full/$name
              mount -t tmpfs -o size=$(($(du -sk . | cut -f 1) + 256))k,mode=$(stat -c %a .) tmpfs /run/full/$name
              chown --reference=. /run/full/$name
              cp -a . /run/full/$name
              dd if=/dev/zero of=/run/full/$name/filler bs=1k 2>/dev/null || true
              mount --bind /run/full/$name /var/lib/infernet/$name
            done""", timeout=60)
        self.restart()
        self.all_show(
            lambda d: any(word in d["reason"] for word in ("full", "space", "free", "disk")) or d["daemon"] == "ws-d",
            60, "a full disk")


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""From inside each unit's sandbox, what its row forbids is tried and refused: the unit's own file with the probe in the
place of its program. The same probe without the unit shows that each attempt succeeds there. The probe and what must come
of it are in Tests/Denial. It must never run the probe in a unit whose file differs in anything but its program."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import DAEMONS, ROOT, UNITS, Machine, eventually, say  # noqa: E402

PROBE = "/usr/lib/infernet/bin/probe"
# What a drop-in changes: the program, that it ends, and where what it prints can be read.
DROP_IN = """[Service]
Type=oneshot
Restart=no
WatchdogSec=0
TimeoutStartSec=60
ExecStart=
ExecStart={command}
StandardError=file:/run/probe-{name}.out
"""


def expectations():
    """What each attempt must come to under systemd."""
    table = {}
    with open(os.path.join(ROOT, "Tests", "Denial", "expected.tsv"), encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                name, _, systemd = line.rstrip("\n").split("\t")
                table[name] = systemd.split("|")
    return table


def parse(text):
    """The probe's lines as pairs."""
    pairs = [line.split("\t") for line in text.splitlines() if "\t" in line]
    if not pairs or pairs[-1][0] != "done":
        raise AssertionError(f"the probe did not finish: {text[-500:]}")
    return pairs[:-1]


class Denial(unittest.TestCase):
    """A machine with the package and the probe."""

    @classmethod
    def setUpClass(cls):
        cls.machine = machine = Machine()
        cls.addClassCleanup(machine.stop)
        machine.install()
        machine.ctl("setup", "--yes", check=False)
        eventually(lambda: all(d["pid"] for d in machine.status()["daemons"]), what="the node's start")
        with tempfile.TemporaryDirectory() as folder:
            probe = os.path.join(folder, "probe")
            source = os.path.join(ROOT, "Tests", "Denial", "probe.c")
            subprocess.run(["cc", "-std=gnu11", "-O1", "-static", "-o", probe, source], check=True)
            machine.put(probe, PROBE)
        machine.shell(f"chmod 755 {PROBE}")
        # Docker's place is taken by a socket with its owner and mode: what is asked is who may open it.
        machine.shell("systemd-run --quiet --unit=docker-place --socket-property=SocketGroup=docker "
                      "--socket-property=SocketMode=0660 --socket-property=ListenStream=/run/docker.sock /usr/bin/sleep 600")
        cls.neighbours = {}
        for name in DAEMONS:
            user = "infernet-" + name.removesuffix("-d")
            machine.shell(f"echo x > /var/lib/infernet/{name}/secret; chmod 600 /var/lib/infernet/{name}/secret; "
                          f"chown {user}: /var/lib/infernet/{name}/secret")
            machine.shell(f"systemd-run --quiet --unit=neighbour-{name} --uid={user} /usr/bin/sleep 600")
            cls.neighbours[name] = machine.show(f"neighbour-{name}.service", "MainPID")
        machine.shell("systemctl stop infernet-supervisor.service infernet-{ws,aggregator,exec,dht,content,ledger}.service")

    def attempts(self, name):
        """What a daemon must not be able to do."""
        state = "/var/lib/infernet"
        others = [other for other in DAEMONS if other != name]
        words = ["kernel", "read:/etc/shadow", "read:/etc/infernet/infernet.yaml", f"read:/run/infernet/config/{name}.json",
                 "read:/etc/credstore.encrypted/infernet-node.key"]
        words += [f"read:{state}/{other}/secret" for other in others]
        words += [f"write:{state}/{other}" for other in others]
        words += ["write:/etc", "write:/usr/lib/infernet/bin", "write:/var/lib", "write:/run/infernet"]
        words += [f"exec-from:{state}/{name}", f"exec-from:/run/infernet/{name}/run", f"set-id:{state}/{name}",
                  "exec-from:/tmp", "exec-from:/dev/shm", "exec:/bin/sh", "exec:/usr/bin/env"]
        listed = self.machine.shell("cd /run/infernet; ls */*.sock").stdout.split()
        words += [f"connect:/run/infernet/{path}" for path in listed if path != "content-d/handoff.sock"
                  and not path.endswith(f"/{name}.sock")]
        words.append("connect:/run/docker.sock")
        # A process of its own user outside the unit is none that a node has; spawned mode's Landlock closes even that.
        for pid in (pid for other, pid in self.neighbours.items() if other != name):
            words += [f"signal:{pid}", f"attach:{pid}", f"peek:{pid}"]
        return words

    def allowed(self, name, attempt):
        """What the row does give."""
        if name == "ws-d" and attempt in ("socket-inet", "socket-inet6"):
            return True
        return name == "exec-d" and attempt in ("exec:/bin/sh", "exec:/usr/bin/env", "connect:/run/docker.sock")

    def test_nothing_that_a_row_forbids_succeeds(self):
        """Every attempt in every unit, and a control run in which every one of them succeeds."""
        machine, expected = self.machine, expectations()
        words = sorted({word for name in DAEMONS for word in self.attempts(name)})
        # The units' own directories go with the units; the control run needs them.
        machine.shell("mkdir -p " + " ".join(f"/run/infernet/{name}/run" for name in DAEMONS))
        control = parse(machine.run(PROBE, *words, check=False).stderr)
        open_ones = {attempt for attempt, answer in control if answer == "OK"}
        self.assertGreater(len(open_ones), 100)
        closed = sorted({attempt for attempt, _ in control} - open_ones)
        say(f"control run: {len(open_ones)} attempts succeed without walls")
        self.assertEqual(closed, [], "what fails without walls proves nothing within")
        table, wrong = {}, []
        for name in DAEMONS:
            unit = UNITS[name]
            command = " ".join([PROBE, *self.attempts(name)])
            machine.write(f"/etc/systemd/system/{unit}.d/50-probe.conf", DROP_IN.format(command=command, name=name))
            machine.shell(f"rm -f /run/probe-{name}.out; systemctl daemon-reload; systemctl start {unit}", check=False)
            answers = parse(machine.run("cat", f"/run/probe-{name}.out").stdout)
            machine.shell(f"rm -r /etc/systemd/system/{unit}.d")
            self.assertGreater(len(answers), 60, name)
            for attempt, answer in answers:
                kind = attempt.split(":")[0]
                table.setdefault(kind, {}).setdefault(name, set()).add(answer)
                if not self.allowed(name, attempt) and answer not in expected[kind]:
                    wrong.append(f"{name}: {attempt}: {answer}, not {'|'.join(expected[kind])}")
        say(f"{'attempt':<24}" + "".join(f"{name:<16}" for name in DAEMONS))
        for kind, cells in table.items():
            say(f"{kind:<24}" + "".join(f"{'|'.join(sorted(cells.get(name, []))):<16}" for name in DAEMONS))
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main(verbosity=2)

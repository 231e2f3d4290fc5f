"""From inside each unit's sandbox, what its row forbids is tried and refused: the unit's own file with the probe in the
place of its program. The same probe without the unit shows that each attempt succeeds there. The probe and what must come
of it are in Tests/Denial; the table goes to docs/DENIALS-UNITS.md (INFERNET_RECORD=1) and is compared with it.
It must never run the probe in a unit whose file differs in anything but its program."""

import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import DAEMONS, ROOT, say, shared  # noqa: E402

PROBE = "/usr/lib/infernet/bin/probe"
DOCUMENT = os.path.join(ROOT, "docs", "DENIALS-UNITS.md")
SUPERVISOR = "infernet-supervisor"
NAMES = [*DAEMONS, SUPERVISOR]
USERS = {name: "infernet-" + name.removeprefix("infernet-").removesuffix("-d") for name in NAMES}
# What a drop-in changes: the program, that it ends, and where what it prints can be read.
DROP_IN = """[Service]
Type=oneshot
Restart=no
WatchdogSec=0
TimeoutStartSec=120
OOMPolicy=continue
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
    """The machine that all tests share, its node stopped meanwhile, and the probe."""

    @classmethod
    def setUpClass(cls):
        cls.machine = machine = shared()
        cls.addClassCleanup(cls.tidy)
        with tempfile.TemporaryDirectory() as folder:
            probe = os.path.join(folder, "probe")
            source = os.path.join(ROOT, "Tests", "Denial", "probe.c")
            subprocess.run(["cc", "-std=gnu11", "-O1", "-static", "-o", probe, source], check=True)
            machine.put(probe, PROBE)
        machine.shell(f"chmod 755 {PROBE}")
        machine.shell("mkdir -p -m 1777 /var/everybodys")
        cls.neighbours = {}
        for name in NAMES:
            secret = f"/var/lib/infernet/{name}/secret"
            machine.shell(f"install -o {USERS[name]} -m 600 /etc/hostname {secret}; "
                          f"systemd-run --quiet --unit=neighbour-{name} --uid={USERS[name]} /usr/bin/sleep infinity")
            cls.neighbours[name] = machine.show(f"neighbour-{name}.service", "MainPID")
        machine.shell("systemctl stop " + " ".join(f"{USERS[name]}.service" for name in reversed(NAMES)))

    @classmethod
    def tidy(cls):
        """The node runs again, and nothing of the probe is left."""
        machine = cls.machine
        machine.shell("systemctl stop 'neighbour-*'; rm -rf /etc/systemd/system/infernet-*.service.d /var/everybodys "
                      f"/var/lib/infernet/*/secret {PROBE}; systemctl daemon-reload; "
                      "systemctl reset-failed 'infernet-*'; systemctl stop infernet-activation.service; "
                      "systemctl start infernet.target " + " ".join(f"{USERS[name]}.service" for name in NAMES))
        machine.green()

    def attempts(self, name):
        """What a daemon must not be able to do."""
        state = "/var/lib/infernet"
        others = [other for other in NAMES if other != name]
        words = ["kernel", "read:/etc/shadow", "read:/etc/credstore.encrypted/infernet-node.key"]
        if name != SUPERVISOR:
            words.append("read:/etc/infernet/infernet.yaml")
        # Not even its own: it reads what systemd has copied for it.
        words += [f"read:/run/infernet/config/{other}.json" for other in DAEMONS]
        words += [f"read:{state}/{other}/secret" for other in others]
        words += [f"write:{state}/{other}" for other in others]
        words += ["write:/", "write:/etc", "write:/usr/lib/infernet/bin", "write:/var/lib", "write:/run/infernet",
                  "write:/var/everybodys"]
        words += [f"exec-from:{state}/{name}", f"exec-from:/run/infernet/{name}/run", f"set-id:{state}/{name}",
                  "exec-from:/tmp", "exec-from:/var/tmp", "exec-from:/dev/shm", "exec:/bin/sh", "exec:/usr/bin/env"]
        listed = self.machine.shell("cd /run/infernet; ls */*.sock").stdout.split()
        words += [f"connect:/run/infernet/{path}" for path in listed if not path.endswith(f"/{name}.sock")]
        words.append("connect:/run/docker.sock")
        # A process of its own user outside the unit is none that a node has; spawned mode's Landlock closes even that.
        for pid in (pid for other, pid in self.neighbours.items() if other != name):
            words += [f"signal:{pid}", f"attach:{pid}", f"peek:{pid}"]
        return words

    @staticmethod
    def allowed(name, attempt):
        """What the row does give."""
        if attempt in ("socket-inet", "socket-inet6"):
            return name == "ws-d"
        return name == "exec-d" and attempt in ("exec:/bin/sh", "exec:/usr/bin/env", "connect:/run/docker.sock")

    def test_nothing_that_a_row_forbids_succeeds(self):
        """Every attempt in every unit, and a control run in which every one of them succeeds."""
        machine, expected = self.machine, expectations()
        words = sorted({word for name in NAMES for word in self.attempts(name)})
        # The units' own directories go with the units; the control run needs them.
        machine.shell("mkdir -p " + " ".join(f"/run/infernet/{name}/run" for name in NAMES))
        control = parse(machine.run(PROBE, *words, check=False, timeout=300).stderr)
        open_ones = {attempt for attempt, answer in control if answer == "OK"}
        self.assertGreater(len(open_ones), 100)
        closed = sorted({attempt for attempt, _ in control} - open_ones)
        say(f"control run: {len(open_ones)} attempts succeed without walls")
        self.assertEqual(closed, [], "what fails without walls proves nothing within")
        table, wrong = {}, []
        for name in NAMES:
            command = " ".join([PROBE, *self.attempts(name)])
            machine.write(f"/etc/systemd/system/{USERS[name]}.service.d/50-probe.conf",
                          DROP_IN.format(command=command, name=name))
        machine.shell("rm -f /run/probe-*.out; systemctl daemon-reload; "
                      "systemctl start " + " ".join(f"{USERS[name]}.service" for name in NAMES), check=False, timeout=300)
        for name in NAMES:
            answers = parse(machine.run("cat", f"/run/probe-{name}.out").stdout)
            self.assertGreater(len(answers), 80, name)
            for attempt, answer in answers:
                kind = attempt.split(":")[0]
                table.setdefault(kind, {}).setdefault(name, set()).add(answer)
                if not self.allowed(name, attempt) and answer not in expected[kind]:
                    wrong.append(f"{name}: {attempt}: {answer}, not {'|'.join(expected[kind])}")
        text = report(table)
        say(text)
        self.assertEqual(wrong, [])
        if os.environ.get("INFERNET_RECORD"):
            with open(DOCUMENT, "w", encoding="utf-8") as file:
                file.write(text)
        with open(DOCUMENT, encoding="utf-8") as file:
            self.assertEqual(file.read(), text, "docs/DENIALS-UNITS.md: INFERNET_RECORD=1")


def report(table):
    """What came of it, for people."""
    text = """# What was tried from inside each unit

The units of `systemd/` on a booted systemd; recorded by `Tests/Systemd/test_denial.py` (`INFERNET_RECORD=1`), which compares
it on each run. Without the walls every attempt succeeds. `OK` is what the row gives: sockets to ws-d; tools and Docker's
socket to exec-d. Spawned mode: [DENIALS.md](DENIALS.md).

"""
    rows = [["attempt", *NAMES], ["---"] * (len(NAMES) + 1)]
    rows += [[f"`{kind}`", *(", ".join(sorted(cells.get(name, ()))) for name in NAMES)] for kind, cells in table.items()]
    return text + "".join("| " + " | ".join(row) + " |\n" for row in rows)


if __name__ == "__main__":
    unittest.main(verbosity=2)

"""The package on a Debian that has nothing of ours, so that a dependency that is not named shows, and where it is refused.
It must never borrow a library from the machine that the tests run on."""

import glob
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import DEB, Machine, eventually, say  # noqa: E402

BARE = os.environ.get("INFERNET_BARE_ROOT", "")


class Bare(unittest.TestCase):
    """A bare machine."""

    def test_it_installs_with_what_it_names_and_nothing_else(self):
        """dpkg refuses it without its dependencies; with exactly those, the node runs."""
        with tempfile.TemporaryDirectory() as folder:
            depends = subprocess.run(["dpkg-deb", "-f", DEB, "Depends"], capture_output=True, text=True, check=True)
            names = [entry.split("|")[0].split()[0] for entry in depends.stdout.split(",")]
            machine = Machine(BARE)
            self.addCleanup(machine.stop)
            refused = machine.install(check=False)
            self.assertNotEqual(refused.returncode, 0)
            self.assertIn("depends on", refused.stderr)
            machine.run("dpkg", "-P", "infernet")
            have = machine.run("dpkg-query", "-W", "-f", "${Package}\n").stdout.split()
            missing = [name for name in names if name not in have]
            say(f"Depends: {depends.stdout.strip()}; a bare Debian lacks {missing}")
            subprocess.run(["apt-get", "download", "-q", *missing], cwd=folder, check=True, capture_output=True)
            for file in glob.glob(os.path.join(folder, "*.deb")):
                machine.put(file, "/root/needs/" + os.path.basename(file))
            machine.shell("dpkg -i /root/needs/*.deb && dpkg -i /root/infernet.deb", timeout=300)
            wrong = machine.shell("ldd /usr/lib/infernet/bin/* | grep 'not found' || true").stdout
            self.assertEqual(wrong, "")
            # A node that cannot serve is not green, but it runs, and says what it lacks.
            eventually(lambda: machine.status()["state"] in ("ready", "degraded") and all(
                daemon["state"] in ("ready", "degraded") for daemon in machine.status()["daemons"]), what="the node")
            say(machine.ctl("status", check=False).stdout)
            machine.run("dpkg", "-P", "infernet")


if __name__ == "__main__":
    unittest.main(verbosity=2)

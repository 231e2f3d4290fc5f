"""Proves that a person without root's power runs a whole node, who may open Docker's socket and nothing more.
It must never leave a process of that person behind."""

import os
import shutil
import subprocess
import tempfile
import unittest

from node import BIN, MODEL, MODEL_FILE, ROOT, Node

SOCKET = os.environ.get("DOCKER_SOCK", "/var/run/docker.sock")
# Nobody's on any machine.
UID = 54321


class OrdinaryUser(unittest.TestCase):
    """A node of a user who is in no group but that of Docker's socket."""

    def setUp(self):
        if os.geteuid() != 0:
            # The whole suite is run by such a person already.
            self.user = []
            return
        group = os.stat(SOCKET).st_gid
        self.user = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--groups", str(group), "--"]

    def test_a_whole_node_with_one_chat(self):
        home = tempfile.mkdtemp(prefix="inf-", dir="/tmp")
        if self.user:
            os.chown(home, UID, UID)
            # The clone may lie where only root looks; whoever runs `make run` has it in a folder of his own.
            programs = os.path.join(home, "bin")
            os.mkdir(programs)
            one = shutil.copy(os.path.join(BIN, "infernet-supervisor"), programs)
            for name in set(os.listdir(BIN)) - {"infernet-supervisor"}:
                os.link(one, os.path.join(programs, name))
            model = shutil.copy(MODEL_FILE, os.path.join(home, "model.gguf"))
        node = Node(home=home, user=self.user)
        self.addCleanup(node.destroy)
        if self.user:
            node.programs = programs
        node.start()
        pids = node.pids()
        self.assertNotIn(None, pids.values(), pids)
        if self.user:
            self.assertEqual({os.stat(f"/proc/{pid}").st_uid for pid in pids.values()}, {UID})
        node.ctl("content", "add", model if self.user else MODEL_FILE, "--name", MODEL, check=True)
        node.wait_warm()
        said = node.ctl("chat", "--model", MODEL, "--max-tokens", "8", "--temperature", "0", "Say hello.", timeout=120)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn("receipt signed and accepted", said.stderr + said.stdout)

    def test_docker_up_says_what_a_user_lacks(self):
        """Docker answers root, and the person who runs exec-d may not open its socket."""
        if not self.user:
            self.skipTest("this takes another user than the one who runs it")
        with tempfile.TemporaryDirectory(prefix="inf-", dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            shutil.copytree(os.path.join(ROOT, "engine"), os.path.join(folder, "engine"))
            # sudo, as far as it is needed: it asks Docker by a socket of its own, which stands for root's right to it.
            os.mkdir(os.path.join(folder, "bin"))
            sudo = os.path.join(folder, "bin", "sudo")
            with open(sudo, "w", encoding="utf-8") as file:
                file.write("#!/bin/bash\n[ \"$1\" = curl ] || exit 1\necho -n OK\n")
            os.chmod(sudo, 0o755)
            person = ["setpriv", "--reuid", str(UID), "--regid", str(UID), "--clear-groups", "--"]
            done = subprocess.run(
                [*person, "env", f"PATH={folder}/bin:{os.environ['PATH']}", f"INFERNET_CACHE={folder}/none", "HOME=/tmp",
                 f"DOCKER_SOCK={SOCKET}", os.path.join(folder, "engine", "docker-up")],
                capture_output=True, text=True, timeout=60, check=False)
            self.assertNotEqual(done.returncode, 0, done.stderr)
            self.assertIn("may not use", done.stderr)
            self.assertIn(f"{SOCKET}", done.stderr)
            self.assertIn("sudo", done.stderr)
            member = [*person[:5], "--groups", str(os.stat(SOCKET).st_gid), "--"]
            done = subprocess.run(
                [*member, "env", f"INFERNET_CACHE={folder}/none", "HOME=/tmp", f"DOCKER_SOCK={SOCKET}",
                 os.path.join(folder, "engine", "docker-up")],
                capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn("Docker answers", done.stderr)


if __name__ == "__main__":
    unittest.main()

"""Proves that a node that lacks something runs on, says why and what to do, and recovers where it can.
It must never accept a stack trace, a hang, or an answer without a reason."""

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from node import BIN, IMAGE, MODEL, MODEL_FILE, Node, eventually

TRACE = re.compile(r"Fatal error|Stack dump|Traceback|Thread \d+ crashed|0x[0-9a-f]{12}|swift_|\.swift:\d+")


class Degraded(unittest.TestCase):
    """What every case has in common."""

    def make(self, **options):
        node = Node(**options)
        self.addCleanup(node.destroy)
        self.addCleanup(self.assert_calm, node)
        return node

    def assert_calm(self, node):
        """Nothing died of what was missing: no daemon was started again, none left a trace."""
        if not os.path.exists(os.path.join(node.home, "supervisor.out")):
            return
        for daemon in node.status()["daemons"]:
            self.assertEqual(daemon["restarts"], 0, daemon)
        for name in ("supervisor.out", os.path.join("state", "logs", "node.jsonl")):
            with open(os.path.join(node.home, name), encoding="utf-8") as file:
                for line in file:
                    self.assertNotRegex(line, TRACE)

    def ctl(self, node, *words, **options):
        """A command that ends within 15 s and never shows a stack trace."""
        begun = time.monotonic()
        done = node.ctl(*words, timeout=15, **options)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertNotRegex(done.stdout + done.stderr, TRACE)
        return done

    def assert_told(self, node, reason, fix):
        """`status` and `doctor` end with 3 and name the reason and the remedy."""
        eventually(lambda: re.search(reason, self.ctl(node, "status").stdout), 15, f"a status with '{reason}'")
        for words in (["status"], ["doctor", "--no-inference"]):
            done = self.ctl(node, *words)
            with self.subTest(command=words[0]):
                self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
                self.assertRegex(done.stdout, reason)
                self.assertRegex(done.stdout, fix)

    def assert_chat_fails(self, node, reason):
        done = self.ctl(node, "chat", "What is 2+2?", "-m", MODEL)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, reason)
        self.assertIn("fix:", done.stderr)
        self.assertEqual(done.stdout, "")

    def assert_chat_works(self, node):
        done = self.ctl(node, "chat", "What is 2+2?", "--temperature", "0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("4", done.stdout)

    def assert_well(self, node, seconds=30):
        eventually(lambda: self.ctl(node, "status").returncode == 0, seconds, "a node that is well")


class Engines(Degraded):
    """What exec-d may lack."""

    def test_docker_is_absent(self):
        node = self.make(
            extra=f'exec:\n  image: "{IMAGE}"\n  warm: [{MODEL}]\n  docker_socket: /nonexistent/docker.sock\n')
        node.start().add_model()
        self.assert_told(node, r"/nonexistent/docker\.sock", r"systemctl start docker|engine/docker-up")
        self.assert_chat_fails(node, r"[Dd]ocker")
        self.assertEqual(self.ctl(node, "identity").returncode, 0, "the rest of the node works")

    def test_docker_comes_later(self):
        folder = tempfile.mkdtemp(prefix="inf-", dir="/tmp")
        self.addCleanup(shutil.rmtree, folder, True)
        os.chmod(folder, 0o755)  # exec-d may run as a user of its own
        late = os.path.join(folder, "docker.sock")
        node = self.make(extra=f'exec:\n  image: "{IMAGE}"\n  warm: [{MODEL}]\n  docker_socket: {late}\n')
        node.start().add_model()
        self.assert_told(node, re.escape(late), r"systemctl start docker|engine/docker-up")
        os.symlink(os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"), late)
        self.assert_well(node)
        self.assert_chat_works(node)

    def test_the_image_is_missing(self):
        node = self.make(image="sha256:" + "0" * 64)
        node.start().add_model()
        self.assert_told(node, r"[Nn]o such image|image", r"engine/load")
        self.assert_chat_fails(node, r"image")

    def test_no_image_is_configured(self):
        node = self.make(image="")
        node.start().add_model()
        told = self.ctl(node, "doctor", "--no-inference").stdout
        self.assertIn("no engine", told)
        self.assertIn(f"{node.config} is right", told)
        self.assert_chat_fails(node, r"image|engine|provider")


class Content(Degraded):
    """What may become of models."""

    def test_a_corrupt_model(self):
        node = self.make(warm=False)
        node.start().add_model()
        files = os.path.join(node.home, "state", "content-d", "files")
        file = os.path.join(files, os.listdir(files)[0])
        os.chmod(file, 0o644)
        with open(file, "r+b") as opened:
            opened.seek(50_000_000)
            byte = opened.read(1)
            opened.seek(50_000_000)
            opened.write(bytes([byte[0] ^ 1]))
        self.assert_chat_fails(node, r"corrupt")
        self.assert_told(node, r"corrupt", r"infernetctl content remove .*infernetctl content add")
        verified = self.ctl(node, "content", "verify", MODEL)
        self.assertEqual(verified.returncode, 1)
        self.assertIn("corrupt", verified.stdout + verified.stderr)
        self.assertEqual(self.ctl(node, "content", "remove", MODEL).returncode, 0)
        node.add_model()
        self.assert_well(node)
        self.assert_chat_works(node)

    def test_a_model_that_no_engine_here_can_hold(self):
        node = self.make(warm=False, extra=f'exec:\n  image: "{IMAGE}"\n  memory_mib: 64\n')
        node.start()
        added = self.ctl(node, "content", "add", MODEL_FILE, "--name", MODEL)
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertRegex(added.stderr, r"cannot run here: .*93 MiB.* 64 MiB")
        self.assertIn("exec.memory_mib", added.stderr)
        self.assert_told(node, r"1 of 1 cannot run here", r"Raise exec\.memory_mib to")
        self.assert_chat_fails(node, r"an engine here may use 64 MiB")

    def test_what_was_mended_a_moment_ago_is_not_shown_as_broken(self):
        """The first thing that a person sees after the first question."""
        node = self.make()
        node.start()
        self.assert_told(node, r"The store has no content", r"infernetctl content add")
        node.add_model()
        self.assert_chat_works(node)
        done = self.ctl(node, "status")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_the_store_is_never_told_from_memory(self):
        node = self.make(warm=False)
        node.start()
        for _ in range(5):
            node.add_model()
            self.assertIn(MODEL, self.ctl(node, "models").stdout, "added a moment ago")
            self.assertEqual(self.ctl(node, "content", "remove", MODEL).returncode, 0)
            self.assertNotIn(MODEL, self.ctl(node, "models").stdout, "removed a moment ago")

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_a_full_disk(self):
        home = tempfile.mkdtemp(prefix="inf-", dir="/tmp")
        os.mkdir(os.path.join(home, "state"))
        mount = ["mount", "-t", "tmpfs", "-o", "size=64m,mode=755", "tmpfs", os.path.join(home, "state")]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            shutil.rmtree(home)
            self.skipTest("mounting is not allowed here")
        # Cleanups run in reverse order: the node goes first, then its disk.
        self.addCleanup(shutil.rmtree, home, True)
        self.addCleanup(subprocess.run, ["umount", "-l", os.path.join(home, "state")], check=False)
        node = Node(home=home, extra="content:\n  headroom_bytes: 1048576\n")
        self.addCleanup(node.stop)
        self.addCleanup(self.assert_calm, node)
        node.start()
        done = self.ctl(node, "content", "add", MODEL_FILE, "--name", MODEL)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, r"too full")
        self.assertRegex(done.stderr, r"[Mm]ake room")
        refused = self.ctl(node, "content", "add", MODEL_FILE, "--name", MODEL, "--json")
        self.assertEqual(json.loads(refused.stderr.strip().splitlines()[-1])["error"]["code"], "disk_full")
        self.assert_told(node, r"disk|free", r"[Mm]ake room|[Mm]ake")
        self.assertEqual(os.listdir(os.path.join(home, "state", "content-d", "partial")), [], "nothing is left")
        self.assertEqual(self.ctl(node, "identity").returncode, 0, "the rest of the node works")


class Ports(Degraded):
    """Addresses that somebody else has."""

    def take(self, kind, address):
        host, port = address.rsplit(":", 1)
        taker = socket.socket(socket.AF_INET, kind)
        self.addCleanup(taker.close)
        taker.bind((host, int(port)))
        if kind == socket.SOCK_STREAM:
            taker.listen()
        return taker

    def test_http(self):
        node = self.make(warm=False)
        taker = self.take(socket.SOCK_STREAM, node.http)
        node.start().add_model()
        self.assert_told(node, re.escape(node.http), r"http\.listen")
        self.assert_chat_works(node)
        taker.close()
        self.assert_well(node)
        self.assertEqual(node.get("/v1/models")[0], 200)

    def test_dht(self):
        node = self.make(warm=False)
        taker = self.take(socket.SOCK_DGRAM, node.dht)
        node.start().add_model()
        self.assert_told(node, re.escape(node.dht), r"dht\.listen|ss -")
        self.assert_chat_works(node)
        taker.close()
        self.assert_well(node)


class Configuration(Degraded):
    """A slip of the pen."""

    def test_a_typo(self):
        node = self.make(extra=f'exec:\n  image: "{IMAGE}"\n  slotz: 2\n')
        supervisor = os.path.join(BIN, "infernet-supervisor")
        for command in (
            [supervisor, "--config", node.config, "--check"],
            [os.path.join(BIN, "infernetctl"), "config", "check", node.config],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
            told = done.stdout + done.stderr
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("exec.slotz", told)
            self.assertIn("'slots'", told)
            self.assertNotRegex(told, TRACE)

    def test_a_started_node_shows_it_and_goes_on_when_it_is_corrected(self):
        node = self.make(extra="htpp:\n  burst: 2\n", warm=False)
        os.environ["INFERNET_RUN_DIR"] = node.run_dir
        self.addCleanup(os.environ.pop, "INFERNET_RUN_DIR", None)
        node.start(wait=False)
        eventually(lambda: "htpp" in self.ctl(node, "status").stdout, 10, "a status with the key")
        for words in (["status"], ["doctor"]):
            done = self.ctl(node, *words)
            self.assertEqual(done.returncode, 3, done.stdout + done.stderr)
            self.assertIn("htpp", done.stdout)
            self.assertIn("'http'", done.stdout)
        node.extra = ""
        node.write_config()
        eventually(node.settled, 20, "the node's start")
        self.assert_well(node)


if __name__ == "__main__":
    unittest.main()

"""Proves what a restart on purpose costs: no request, no idle connection, and after `drain` not even a job.
It must never count a request that a client repeated as one that was not lost."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

from answer import Answer
from node import BIN, MODEL, ROOT, Node, eventually

sys.path.append(os.path.join(ROOT, "Tests", "Systemd"))
import clients  # noqa: E402


class Restarted(unittest.TestCase):
    """A node without an engine: what is asked is whether it answers."""

    def setUp(self):
        self.node = Node(image="")
        self.addCleanup(self.node.destroy)
        # Four clients without pause may ask oftener than a node lets them by default.
        with open(self.node.config, encoding="utf-8") as file:
            text = file.read().replace("http:\n", "http:\n  requests_per_second: 0\n", 1)
        with open(self.node.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.node.start()
        self.port = int(self.node.http.rsplit(":", 1)[1])

    def get(self, line):
        """One request on an open connection: its status."""
        line.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answer = b""
        while b'"object":"list"' not in answer and b"error" not in answer:
            piece = line.recv(65536)
            self.assertTrue(piece, f"the connection was closed after {answer!r}")
            answer += piece
        return answer.split()[1]

    def test_no_request_is_lost(self):
        """4 clients without pause over 10 restarts and 10 kill -9: only what a kill took down with it."""
        figures = clients.Run(
            self.port, lambda: self.node.ctl("restart", "ws-d", check=True),
            lambda: eventually(lambda: self.node.daemon("ws-d").get("pid"))).run()
        print(f"\n  spawned ws-d, 10 restarts and 10 kill -9 under 4 clients: {figures}", flush=True)
        for none in ("refused", "lost_unstarted", "lost_by_restart", "told_to_ask_again"):
            self.assertEqual(figures[none], 0, none)
        self.assertLessEqual(figures["lost_by_kill"], 4 * clients.TURNS)
        self.assertGreater(figures["served"], 100)
        # A process that had to be killed makes everybody wait for its deadline, and loses nothing that a count would show.
        with open(os.path.join(self.node.home, "state", "logs", "node.jsonl"), encoding="utf-8") as file:
            self.assertNotIn("did not stop within", file.read())

    def test_idle_connections_outlive_restarts(self):
        """One that was used, one that never was, and one whose request is half here when the restart begins."""
        lines = [socket.create_connection(("127.0.0.1", self.port), timeout=20) for _ in range(3)]
        for line in lines:
            self.addCleanup(line.close)
        used, fresh, half = lines
        self.assertEqual(self.get(used), b"200")
        for _ in range(3):
            before = self.node.daemon("ws-d")["pid"]
            self.node.ctl("restart", "ws-d", check=True)
            self.assertNotEqual(self.node.daemon("ws-d")["pid"], before)
            self.assertEqual(self.get(used), b"200")
        self.assertEqual(self.get(fresh), b"200")
        half.sendall(b"GET /v1/models HTTP/1.1\r\nhost: loc")
        eventually(self.half_is_read, what="the half request's arrival")
        restart = self.in_background("restart", "ws-d")
        eventually(lambda: self.node.daemon("ws-d")["state"] == "stopping", what="the restart")
        half.sendall(b"alhost\r\n\r\n")
        answer = half.recv(65536)
        self.assertEqual(answer.split()[1], b"200")
        self.assertIn(b"connection: close", answer)
        self.assertEqual(restart.wait(30), 0)

    def half_is_read(self):
        """Whether nothing of ours lies unread in ws-d's sockets."""
        with open("/proc/net/tcp", encoding="ascii") as file:
            queues = [line.split()[4] for line in list(file)[1:] if line.split()[1].endswith(f":{self.port:04X}")]
        return all(queue.endswith(":00000000") for queue in queues)

    def in_background(self, *words):
        """infernetctl, not waited for."""
        return subprocess.Popen([os.path.join(BIN, "infernetctl"), *words, "--run-dir", self.node.run_dir])


class Drained(unittest.TestCase):
    """A node with one warm engine."""

    def setUp(self):
        self.node = Node().start()
        self.addCleanup(self.node.destroy)
        self.node.add_model().wait_warm()

    def chat(self):
        """A short question: status and error code."""
        status, _, body = self.node.request("POST", "/v1/chat/completions", {
            "model": MODEL, "messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 4})
        return status, body

    def test_drain(self):
        """What runs is finished, nothing new is taken, a crash changes nothing of it, and it can be taken back."""
        node = self.node
        answer = Answer(node, max_tokens=200)
        self.assertTrue(answer.began.wait(30))
        work = node.call("infernet-supervisor", "supervisor.drain", {"patience_ms": 60000, "resume": False})
        self.assertEqual((work["state"], work["running"]), ("draining", 1))
        status, body = self.chat()
        self.assertEqual(status, 503, body)
        self.assertIn(b"being drained", body)
        told = node.ctl("status")
        self.assertEqual(told.returncode, 3)
        self.assertIn("draining: 1 job is under way", told.stdout)
        done = node.ctl("drain", "--timeout", "60s")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer.join(60)
        self.assertTrue(answer.whole, answer.cut or answer.error)
        told = node.ctl("status").stdout
        self.assertIn("drained", told.splitlines()[0])
        self.assertIn("infernetctl drain --resume", told)
        self.assertEqual(node.get("/healthz")[0], 503)
        killed = node.kill("aggregator-d")
        eventually(lambda: node.daemon("aggregator-d").get("pid") not in (None, killed), what="aggregator-d")
        eventually(lambda: self.chat()[0] == 503 and b"being drained" in self.chat()[1], what="a shut door")
        self.assertEqual(node.ctl("drain", "--resume").returncode, 0)
        eventually(lambda: self.chat()[0] == 200, 30, "an answer")
        eventually(lambda: node.status()["state"] == "ready", what="a ready node")

    def test_what_takes_too_long_is_cancelled(self):
        """The deadline of a drain holds: the job is cancelled with its reason, and a restart opens the door again."""
        node = self.node
        answer = Answer(node, max_tokens=2000)
        self.assertTrue(answer.began.wait(30))
        done = node.ctl("drain", "--timeout", "1s")
        self.assertEqual(done.returncode, 0, done.stderr)
        answer.join(30)
        self.assertFalse(answer.whole)
        self.assertEqual(node.jobs(1)[0]["state"], "cancelled")
        self.assertIn("drained", node.jobs(1)[0]["reason"])
        node.ctl("restart", "aggregator-d", check=True)
        eventually(lambda: self.chat()[0] == 200, 30, "an answer after the restart")
        self.assertNotIn("work", node.status())


class Rebuilt(unittest.TestCase):
    """What `make run` does with a node that runs already."""

    def test_a_node_of_an_older_build_is_started_again(self):
        tree = tempfile.mkdtemp(prefix="inf-", dir="/tmp")
        self.addCleanup(shutil.rmtree, tree, True)
        shutil.copytree(os.path.join(ROOT, "packaging", "dev"), os.path.join(tree, "packaging", "dev"))
        programs = os.path.join(tree, ".build", "bin")
        os.makedirs(programs)

        def build():
            """Puts a file of its own in the place of each program, as packaging/dev/programs does."""
            one = shutil.copy(os.path.join(BIN, "infernetctl"), os.path.join(programs, "new"))
            for name in os.listdir(BIN):
                os.link(one, os.path.join(programs, "." + name))
                os.rename(os.path.join(programs, "." + name), os.path.join(programs, name))
            os.unlink(one)

        def start():
            """What it said, and which process is the supervisor now."""
            done = subprocess.run(
                [os.path.join(tree, "packaging", "dev", "node-start"), node.home], capture_output=True, text=True,
                timeout=90, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            with open(os.path.join(node.home, "supervisor.pid"), encoding="utf-8") as file:
                return done.stderr, int(file.read())

        build()
        node = Node(image="")
        self.addCleanup(node.destroy)
        self.addCleanup(
            subprocess.run, [os.path.join(tree, "packaging", "dev", "node-stop"), node.home], check=False,
            capture_output=True)
        first = start()[1]
        words, same = start()
        self.assertIn("runs already", words)
        self.assertEqual(same, first)
        build()
        words, new = start()
        self.assertIn("of another build", words)
        self.assertNotEqual(new, first)
        self.assertFalse(os.path.exists(f"/proc/{first}"), "the older one still runs")
        self.assertEqual(os.readlink(f"/proc/{new}/exe"), os.path.join(programs, "infernet-supervisor"))


if __name__ == "__main__":
    unittest.main()

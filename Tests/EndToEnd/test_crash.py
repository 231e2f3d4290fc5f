"""Proves that kill -9 of any process of a node costs at most the job under way: the node is ready again by itself, no
job is left hanging, no container is left over, and what was finished stays finished.
It must never help the node: nothing is restarted by hand but the supervisor."""

import contextlib
import os
import signal
import sqlite3
import time
import unittest

from answer import Answer, Chat
from kernel import alive
from node import DAEMONS, MODEL, Node, eventually

KILLS = int(os.environ.get("INFERNET_KILLS", "5"))
FINAL = ("done", "failed", "cancelled")


class CrashCase(unittest.TestCase):
    """A node with one warm engine."""

    def setUp(self):
        self.node = Node().start()
        self.addCleanup(self.tear_down)
        self.node.add_model().wait_warm()
        eventually(lambda: self.node.status()["state"] == "ready", 20, "a ready node")

    def tear_down(self):
        failed = any(error for _, error in self._outcome.result.failures + self._outcome.result.errors)
        self.node.destroy(keep=failed and bool(os.environ.get("INFERNET_KEEP")))

    def chat(self):
        """A short question, answered: the node works."""
        status, _, body = self.node.request(
            "POST", "/v1/chat/completions",
            {"model": MODEL, "messages": [{"role": "user", "content": "What is 2+2?"}], "max_tokens": 4})
        self.assertEqual(status, 200, body)

    def assert_clean(self):
        """No job hangs, no run is a ghost, and Docker holds exactly the containers that exec-d knows."""
        eventually(lambda: all(job["state"] in FINAL for job in self.node.jobs()), 15, "the end of every job")
        for job in self.node.jobs():
            self.assertTrue(job["reason"], job)
        self.node.wait_warm()
        eventually(
            lambda: self.node.labelled_containers() == sorted(self.node.containers()), 15,
            "only containers that exec-d knows")
        eventually(lambda: self.node.call("exec-d", "exec.inventory")["busy"] == 0, 5, "idle engines")
        runs = os.path.join(self.node.home, "state", "exec-d", "runs.sqlite")
        with contextlib.closing(sqlite3.connect(f"file:{runs}?mode=ro", uri=True)) as database:
            ghosts = database.execute("SELECT job FROM runs WHERE state = 'running'").fetchall()
        self.assertEqual(ghosts, [])

    def await_return(self, name, killed, since):
        """Waits until the node is ready with another process; gives the seconds since `since`."""

        def back():
            daemon = self.node.daemon(name)
            return daemon.get("pid") not in (None, killed) and self.node.status()["state"] == "ready"

        eventually(back, 20, f"{name} ready again", every=0.01)
        return time.monotonic() - since

    def assert_story(self, name, killed, restarts):
        """Status tells what happened."""
        daemon = self.node.daemon(name)
        self.assertEqual(daemon["restarts"], restarts)
        self.assertEqual(daemon["last_death"]["pid"], killed)
        self.assertEqual(daemon["last_death"]["signal"], "SIGKILL")
        self.assertTrue(daemon["last_death"]["reason"])


class KilledDaemons(CrashCase):
    """kill -9 of each of the six."""

    def test_idle(self):
        for name in DAEMONS:
            times = []
            for attempt in range(1, KILLS + 1):
                with self.subTest(daemon=name, attempt=attempt):
                    since = time.monotonic()
                    killed = self.node.kill(name)
                    times.append(self.await_return(name, killed, since))
                    self.assert_story(name, killed, attempt)
                    self.assert_clean()
                    self.chat()
            self.assertLess(max(times), 10)
            print(f"\n  {name}: ready after {', '.join(f'{t * 1000:.0f}' for t in times)} ms", end="", flush=True)

    def test_while_a_job_streams(self):
        for name in DAEMONS:
            story = []
            for attempt in range(1, KILLS + 1):
                with self.subTest(daemon=name, attempt=attempt):
                    # Every other time without HTTP, so that ws-d's end and everybody else's are seen from both doors.
                    answer = Answer(self.node, max_tokens=160) if attempt % 2 else Chat(self.node, max_tokens=160)
                    self.assertTrue(answer.began.wait(30), "no first token")
                    job = self.node.jobs(1)[0]["job"]
                    since = time.monotonic()
                    killed = self.node.kill(name)
                    took = self.await_return(name, killed, since)
                    outcome = answer.outcome(90)
                    self.assert_clean()
                    record = self.node.job(job)
                    story.append(f"{outcome}/{record['state']} {took * 1000:.0f} ms")
                    self.assert_ended(name, answer, outcome, record)
                    self.assert_story(name, killed, attempt)
                    self.chat()
            print(f"\n  {name}: {', '.join(story)}", end="", flush=True)

    def assert_ended(self, name, answer, outcome, record):
        """Caller and journal say the same, and say why."""
        self.assertIn(record["state"], FINAL)
        if outcome == "whole":
            self.assertEqual(record["state"], "done", record)
        elif outcome == "error":
            self.assertTrue(answer.error["message"])
            self.assertNotEqual(record["state"], "done", record)
        else:
            # Nobody but ws-d itself can be missing at the other end of an HTTP connection.
            self.assertEqual((name, record["state"]), ("ws-d", "cancelled"), (answer.cut, record))
        if name in ("content-d", "dht-d", "ledger-d"):
            self.assertEqual(outcome, "whole", f"{name} is not needed while a job runs: {answer.error}")
        if name == "ws-d" and isinstance(answer, Chat):
            self.assertEqual(outcome, "whole", answer.error)
        if name in ("exec-d", "aggregator-d"):
            self.assertEqual(outcome, "error")


class KeptBooks(CrashCase):
    """What the client was told is done stays done."""

    def test_a_finished_job_outlives_the_daemons_that_know_it(self):
        for name in ("ledger-d", "aggregator-d"):
            for attempt in range(1, KILLS + 1):
                with self.subTest(daemon=name, attempt=attempt):
                    before = self.node.balance()
                    answer = Answer(self.node, "What is 2+2?", 8)
                    self.assertEqual(answer.outcome(), "whole")
                    since = time.monotonic()
                    killed = self.node.kill(name)
                    self.await_return(name, killed, since)
                    record = self.node.job(answer.job)
                    self.assertEqual(record["state"], "done", record)
                    self.assertIn(answer.job, [job["job"] for job in self.node.jobs()])
                    # A receipt that was kept but not yet accepted is settled after the restart.
                    eventually(
                        lambda: "acceptance" in self.node.call(
                            "aggregator-d", "aggregator.receipt", {"job": answer.job}), 15, "the receipt's acceptance")
                    file = self.node.ctl("receipt", "show", answer.job, check=True).stdout
                    self.node.ctl("receipt", "verify", "-", input=file, check=True)
                    after = self.node.balance()
                    self.assertEqual(after["transfers"], before["transfers"] + 1)
                    last = self.node.call("ledger-d", "ledger.history", {"limit": 1})["transfers"][0]
                    self.assertEqual((last["job"], last["amount"]), (answer.job, record["price"]))
                    # Killed once more, with nothing under way: the books do not change.
                    killed = self.node.kill(name)
                    self.await_return(name, killed, time.monotonic())
                    self.assertEqual(self.node.balance(), after)
                    again = self.node.job(answer.job)
                    for kept in ("state", "price", "usage", "created_at"):
                        self.assertEqual(again[kept], record[kept])


class KilledHouse(CrashCase):
    """The supervisor's own end, without and with notice."""

    def test_killed_supervisor(self):
        for attempt in range(1, KILLS + 1):
            with self.subTest(attempt=attempt):
                answer = Answer(self.node)
                self.assertTrue(answer.began.wait(30), "no first token")
                balance, containers = self.node.balance(), self.node.labelled_containers()
                self.assertTrue(containers)
                pids = self.node.kill_house()
                eventually(lambda: not any(map(alive, pids)), 5, "the end of every daemon")
                self.assertEqual(answer.outcome(), "cut")
                self.node.start()
                eventually(lambda: self.node.status()["state"] == "ready", 20, "a ready node")
                self.assert_clean()
                self.assertFalse(set(containers) & set(self.node.labelled_containers()), "an engine was left over")
                self.assertIn(self.node.job(answer.job)["state"], ("failed", "cancelled"))
                self.assertEqual(self.node.balance(), balance)
                self.chat()

    def test_killed_supervisor_idle(self):
        for attempt in range(1, KILLS + 1):
            with self.subTest(attempt=attempt):
                jobs = self.node.jobs()
                pids = self.node.kill_house()
                eventually(lambda: not any(map(alive, pids)), 5, "the end of every daemon")
                self.node.start()
                eventually(lambda: self.node.status()["state"] == "ready", 20, "a ready node")
                self.assert_clean()
                self.assertEqual(self.node.jobs(), jobs)
                self.chat()

    def test_asked_to_stop(self):
        for streaming in (False, True):
            with self.subTest(streaming=streaming):
                answer = Answer(self.node) if streaming else None
                if answer:
                    self.assertTrue(answer.began.wait(30), "no first token")
                pids = list(self.node.pids().values())
                since = time.monotonic()
                self.node.process.send_signal(signal.SIGTERM)
                self.assertEqual(self.node.stop(), 0)
                took = time.monotonic() - since
                self.assertLess(took, 15)
                print(f"\n  stopped after {took * 1000:.0f} ms, streaming: {streaming}", end="", flush=True)
                self.assertFalse([pid for pid in pids if alive(pid)])
                self.assertEqual(self.node.labelled_containers(), [])
                if answer:
                    self.assertIn(answer.outcome(), ("whole", "error", "cut"))
                self.node.start()
                self.assert_clean()
                self.chat()


if __name__ == "__main__":
    unittest.main()

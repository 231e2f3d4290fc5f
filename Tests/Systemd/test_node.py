"""The package on a really booted systemd: installed, green, one real inference, every kind of death, and its upgrade.
It must never count a machine that could not boot as passed."""

import json
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from machine import CONFIG, DAEMONS, MODEL, SERVING, UNITS, eventually, say, shared  # noqa: E402

# Sockets that nobody has unless somebody names an address for them.
OFF = ["infernet-dht-dht6.socket", "infernet-ws-peer.socket", "infernet-ws-sale.socket"]
END_TO_END = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "EndToEnd")


class Installed(unittest.TestCase):
    """One machine for all of these: each leaves it as it found it."""

    @classmethod
    def setUpClass(cls):
        cls.machine = shared()

    def tearDown(self):
        # addFailure is not told to tearDown in all versions; what a test left broken is shown by the next one.
        if any(error for _, error in getattr(self._outcome, "errors", []) or []):
            say(self.machine.journal("infernet-*", 40))

    def test_01_installed_and_green(self):
        """All units are active and infernetctl is content; each daemon has a user of its own and no capability."""
        machine = self.machine
        machine.green()
        for unit in list(UNITS.values()) + ["infernet-supervisor.service", "infernet.target"]:
            self.assertEqual(machine.show(unit, "ActiveState"), "active", unit)
        status = machine.status()
        say(machine.ctl("status").stdout)
        self.assertEqual(status["mode"], "systemd")
        self.assertFalse(status["single_uid"])
        users = {d["user"] for d in status["daemons"]}
        self.assertEqual(users, {"infernet-" + name.removesuffix("-d") for name in DAEMONS})
        for daemon in status["daemons"]:
            proc = machine.run("cat", f"/proc/{daemon['pid']}/status").stdout
            self.assertIn("CapEff:\t0000000000000000", proc)
            self.assertIn("NoNewPrivs:\t1", proc)
            self.assertIn("Seccomp:\t2", proc)
            self.assertGreater(daemon["memory_kib"], 1000)
        listed = machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "infernet-*.socket").stdout
        sockets = [line.split()[0] for line in listed.splitlines()]
        self.assertGreater(len(sockets), 25)
        # A node that does not serve others listens for none, and one that sells nothing for no buyers.
        for off in OFF:
            self.assertIn(off, sockets)
            sockets.remove(off)
        for socket in sockets:
            self.assertEqual(machine.show(socket, "ActiveState"), "active", socket)

    def test_02_the_key_is_sealed(self):
        """ledger-d signs with the key of the sealed credential, and no plain key is on the disk."""
        machine = self.machine
        self.assertEqual(machine.shell("ls /var/lib/infernet/ledger-d").stdout.count("node.key"), 0)
        sealed = "/etc/credstore.encrypted/infernet-node.key"
        self.assertEqual(machine.run("stat", "-c", "%a %U", sealed).stdout.strip(), "600 root")
        self.assertTrue(json.loads(machine.ctl("identity", "--json").stdout)["npub"].startswith("npub1"))

    def test_03_a_real_inference(self):
        """The node answers a real question over HTTP, with exec-d alone at Docker."""
        machine = self.machine
        body = json.dumps({"model": MODEL, "max_tokens": 12, "temperature": 0,
                           "messages": [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]})
        answer = machine.run(
            "curl", "-sS", "--max-time", "120", "-H", "content-type: application/json", "-d", body,
            "http://127.0.0.1:8080/v1/chat/completions", timeout=150).stdout
        text = json.loads(answer)["choices"][0]["message"]["content"]
        say(f"the answer: {text!r}")
        self.assertIn("Paris", text)
        for daemon in machine.status()["daemons"]:
            groups = machine.shell(f"grep ^Groups: /proc/{daemon['pid']}/status").stdout.split()[1:]
            docker = machine.run("stat", "-c", "%g", "/run/docker.sock").stdout.strip()
            self.assertEqual(docker in groups, daemon["daemon"] == "exec-d", daemon["daemon"])

    def test_04_a_wrong_configuration_starts_nothing(self):
        """File, line, key and the right word, from check, setup and status; what runs goes on; nothing is half-configured."""
        machine = self.machine
        self.addCleanup(self.configured)
        self.machine.green()
        machine.configure(SERVING + "  slot: 2\n")
        wrong = machine.ctl("config", "check", check=False)
        self.assertEqual(wrong.returncode, 1)
        for word in (CONFIG, "line 6", "exec.slot", "'slots'"):
            self.assertIn(word, wrong.stderr)
        self.assertEqual(machine.ctl("setup", "--yes", check=False).returncode, 1)
        status = machine.status()
        self.assertEqual(status["state"], "degraded")
        self.assertIn("exec.slot", status["reason"])
        self.assertTrue(all(d["state"] == "ready" for d in status["daemons"]), status)
        machine.run("systemctl", "stop", "infernet.target")
        machine.run("systemctl", "start", "infernet.target", check=False)
        status = eventually(lambda: (s := machine.status())["state"] == "failed" and s, 30, "the failure")
        self.assertTrue(all(d.get("pid") is None and d["state"] == "down" for d in status["daemons"]), status)
        self.configured()

    def configured(self):
        """Brings the right configuration back into force."""
        self.machine.configure(SERVING)
        self.machine.ctl("setup", "--yes")
        self.machine.green()

    def test_05_no_request_is_lost(self):
        """4 clients without pause over 10 restarts and 10 kill -9 of ws-d: whatever had not been started is served."""
        machine = self.machine
        machine.green()
        machine.put(os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients.py"), "/root/clients.py")
        figures = json.loads(machine.run("/usr/bin/python3", "/root/clients.py", timeout=180).stdout)
        say(f"ws-d, 10 restarts and 10 kill -9 under 4 clients: {figures}")
        for none in ("refused", "lost_unstarted", "lost_by_restart", "told_to_ask_again"):
            self.assertEqual(figures[none], 0, none)
        # What was under way when its process was killed: at most what each client has under way.
        self.assertLessEqual(figures["lost_by_kill"], 4 * 10)
        self.assertGreater(figures["served"], 100)
        machine.green()

    def test_05_restarts_one_by_one(self):
        """Each daemon by itself, twice: the next process takes work, whatever its predecessor was told."""
        machine = self.machine
        for name in DAEMONS * 2:
            machine.ctl("restart", name)
            machine.green()

    def test_06_upgrade_keeps_and_rolls_back(self):
        """An upgrade keeps every socket; one whose daemons do not run goes back to the version that did."""
        machine = self.machine
        machine.green()
        machine.shell("dpkg-deb -R /root/infernet.deb /root/next; sed -i 's/^Version: .*/Version: 99.0/' /root/next/DEBIAN/control; "
                      "dpkg-deb -Znone --root-owner-group -b /root/next /root/next.deb >/dev/null", timeout=120)
        pids = {d["daemon"]: d["pid"] for d in machine.status()["daemons"]}
        machine.shell("dpkg -i /root/next.deb", timeout=180)
        self.machine.green()
        for daemon in machine.status()["daemons"]:
            self.assertNotEqual(daemon["pid"], pids[daemon["daemon"]], "the new version's process")
        listed = machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", "infernet-*.socket").stdout
        down = [line.split()[0] for line in listed.splitlines() if line.split()[2] != "active"]
        self.assertEqual(sorted(down), OFF)
        machine.shell("cd /root/next; rm usr/lib/infernet/bin/ws-d; printf '#!/bin/sh\\nexit 1\\n' > usr/lib/infernet/bin/ws-d; "
                      "chmod 755 usr/lib/infernet/bin/ws-d; sed -i 's/^Version: .*/Version: 99.1/' DEBIAN/control; "
                      "dpkg-deb -Znone --root-owner-group -b /root/next /root/broken.deb >/dev/null", timeout=120)
        failed = machine.shell("dpkg -i /root/broken.deb", check=False, timeout=180)
        self.assertNotEqual(failed.returncode, 0)
        say(failed.stderr[-600:])
        self.machine.green()
        answer = machine.run("curl", "-sS", "http://127.0.0.1:8080/healthz").stdout
        self.assertIn("ready", answer)
        machine.shell("dpkg -i /root/next.deb", timeout=180)
        self.machine.green()

    def test_07_it_says_how_it_is(self):
        """A node that serves others answers over UDP: dht-d asks aggregator-d, which has it signed, each in its unit."""
        machine = self.machine
        self.addCleanup(self.configured)
        machine.configure(SERVING + 'peer:\n  listen: "127.0.0.1:9100"\n  advertise: "ws://127.0.0.1:9100/peer"\n'
                          'dht:\n  listen: "127.0.0.1:9200"\n')
        machine.ctl("setup", "--yes")
        machine.green()
        for file in ("krpc.py", "schnorr.py"):
            machine.put(os.path.join(END_TO_END, file), "/root/" + file)
        key = json.loads(machine.ctl("identity", "--json").stdout)["pubkey"]
        ask = f"import json, krpc; print(json.dumps(krpc.status('127.0.0.1:9200', '{key}')))"

        def told():
            event = json.loads(machine.shell(f'cd /root && python3 -c "{ask}"').stdout)
            return event if isinstance(event, dict) else None

        event = eventually(told, 60, "a status")
        say(f"the status: {event['tags']}")
        self.assertEqual((event["pubkey"], event["tags"][1]), (key, ["accepts", "1"]))

    def lightning(self, *section, lacks=None):
        """Brings an account on Lightning into force; `lacks` is what the node then says it is degraded for."""
        machine = self.machine
        # Setup compares whole seconds: a change in the second of the last one is not seen.
        time.sleep(1.1)
        lines = "".join(f"    {line}\n" for line in section)
        machine.configure(SERVING + "ledger:\n  lightning:\n    name: savings\n    poll_s: 1\n" + lines)
        machine.ctl("setup", "--yes")
        if lacks is None:
            return machine.green()
        # No tick for an account that cannot be used.
        def degraded():
            status = machine.status()
            return status["state"] == "degraded" and lacks in status["reason"]
        eventually(degraded, 60, f"a node degraded for '{lacks}'", every=0.2)

    def said(self, words):
        """Waits until this is what ledger-d says about the account."""
        def told():
            (account,) = json.loads(self.machine.ctl("wallet", "accounts", "--json").stdout)["accounts"]
            if words not in account["reason"]:
                raise AssertionError(account["reason"])
            return True
        eventually(told, 30, words, every=0.3)

    def test_07_lightning_is_reached(self):
        """Its key may be sealed as the node's is, and Core Lightning's socket is open to ledger-d's sandbox."""
        machine, sealed = self.machine, "/etc/credstore.encrypted/infernet-lightning.key"
        self.addCleanup(self.configured)
        self.addCleanup(machine.run, "rm", "-f", sealed)
        # Nobody listens there: what matters is how far ledger-d comes.
        self.lightning("kind: lnbits", 'url: "http://127.0.0.1:9"', lacks="lightning.key cannot be opened")
        self.said("lightning.key cannot be opened")
        machine.shell(f"printf 'a secret' | tr ' ' - | systemd-creds encrypt --name=infernet-lightning.key - {sealed}")
        # systemd hands secrets over when it starts a unit.
        machine.run("systemctl", "restart", "infernet-ledger.service")
        self.said("does not answer")
        self.assertNotIn("a-secret", machine.shell("cat /var/lib/infernet/ledger-d/* | strings || true").stdout)
        # What a real node answers to getinfo, by a stand-in.
        machine.write("/root/node.py", "\n".join([
            "import json, os, socket", "os.makedirs('/run/lightningd', exist_ok=True)", "s = socket.socket(socket.AF_UNIX)",
            "s.bind('/run/lightningd/lightning-rpc'); os.chmod('/run/lightningd/lightning-rpc', 0o666); s.listen()",
            "while True:", "    c, _ = s.accept()", "    q = json.loads(c.recv(65536))",
            "    r = {'jsonrpc': '2.0', 'id': q['id'], 'result': {'id': '02ab', 'network': 'bitcoin'}}",
            "    c.sendall(json.dumps(r).encode() + b'\\n\\n'); c.close()", ""]))
        machine.run("systemd-run", "--unit=stand-in", "/usr/bin/python3", "/root/node.py")
        self.addCleanup(machine.run, "systemctl", "stop", "stand-in", check=False)
        self.lightning("kind: cln", "url: unix:/run/lightningd/lightning-rpc")
        self.said("heard; node 02ab")

    def test_08_remove_keeps_and_purge_deletes(self):
        """Removing stops everything and keeps what the node knows; purging deletes it."""
        machine = self.machine
        machine.run("dpkg", "-r", "infernet")
        left = machine.run("systemctl", "list-units", "--plain", "--no-legend", "--state=active", "infernet-*").stdout
        self.assertEqual(left.strip(), "")
        machine.run("test", "-s", "/var/lib/infernet/ledger-d/ledger.db")
        machine.run("dpkg", "-P", "infernet")
        for path in ("/var/lib/infernet", "/etc/infernet", "/etc/credstore.encrypted/infernet-node.key", "/usr/lib/infernet"):
            self.assertFalse(os.path.lexists(machine.root + path), path)
        self.assertEqual(machine.show("infernet.target", "LoadState"), "not-found")


if __name__ == "__main__":
    unittest.main(verbosity=2)

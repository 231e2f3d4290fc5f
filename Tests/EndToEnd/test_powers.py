"""Proves from /proc that each process holds the one power that no other has: Docker's socket, the key, TCP, UDP; and,
where the system users exist, that each runs under its own.
It must never ask a daemon what it holds: the kernel says it."""

import errno
import grp
import os
import pwd
import subprocess
import unittest

from answer import Answer
from ipc_client import Client, Refused
from kernel import as_user, in_memory, inet_sockets, open_files, socket_inodes, status, unix_peers
from node import DAEMONS, ROOT, Node, docker

USERS = {name: "infernet-" + name.rsplit("-", 1)[0] for name in DAEMONS}
DOCKER = os.path.realpath(os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"))


class PowersCase(unittest.TestCase):
    """A node with two doors, an engine, and a job behind it."""

    @classmethod
    def make_node(cls):
        cls.node = Node("127.0.0.1", provide=True)
        cls.addClassCleanup(cls.node.destroy)
        cls.node.start().add_model().wait_warm()
        answer = Answer(cls.node, "What is 2+2?", 8)
        if answer.outcome(60) != "whole":
            raise AssertionError(f"no answer: {answer.error} {answer.cut}")
        cls.pids = cls.node.pids()

    def assert_powers(self):
        """The checks that hold in every mode."""
        node, pids = self.node, self.pids
        everyone = {**pids, "infernet-supervisor": node.status()["pid"]}
        streaming = Answer(node, max_tokens=200)
        self.assertTrue(streaming.began.wait(30), "no first token")
        peers = unix_peers()
        inet = inet_sockets()
        held = {name: socket_inodes(pid) for name, pid in everyone.items()}
        files = {name: open_files(pid) for name, pid in everyone.items()}

        with self.subTest("only exec-d has Docker's socket"):
            docker = {
                n for n, inodes in held.items() if any(os.path.realpath(peers.get(i, "*")) == DOCKER for i in inodes)}
            self.assertEqual(docker, {"exec-d"})
        with self.subTest("only exec-d talks with an engine"):
            engines = {n for n, inodes in held.items() if any(peers.get(i, "*").endswith("/llm.sock") for i in inodes)}
            self.assertLessEqual(engines, {"exec-d"})
        with self.subTest("only ledger-d has the key and the ledger"):
            secret = os.path.join(node.home, "state", "ledger-d") + "/"
            owners = {n for n, opened in files.items() if any(f.startswith(secret) for f in opened)}
            self.assertEqual(owners, {"ledger-d"})
            self.assertTrue(any(f.endswith("/ledger.db") for f in files["ledger-d"]), files["ledger-d"])
        with self.subTest("TCP is ws-d's, UDP is dht-d's"):
            kinds = {n: {inet[i][0] for i in inodes if i in inet} for n, inodes in held.items()}
            # The supervisor binds them all, and speaks through none: it keeps them for the next ws-d and dht-d.
            house = kinds.pop("infernet-supervisor")
            self.assertLessEqual(house, {"tcp", "udp"})
            spoken = [inet[i] for i in held["infernet-supervisor"] if i in inet and inet[i][0] == "tcp"]
            self.assertEqual({state for _, _, state in spoken}, {"0A"}, "the supervisor has a TCP connection")
            expected = {name: set() for name in DAEMONS}
            self.assertEqual(kinds, expected | {"ws-d": {"tcp"}, "dht-d": {"udp"}})
            listening = {int(inet[i][1].split(":")[1], 16) for i in held["ws-d"] if i in inet and inet[i][2] == "0A"}
            self.assertEqual(listening, {int(a.rsplit(":", 1)[1]) for a in (node.http, node.peer)})
        with self.subTest("no privilege can be had again"):
            for name, pid in pids.items():
                fields = status(pid)
                self.assertEqual(fields["NoNewPrivs"], "1", name)
                for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
                    self.assertEqual(int(fields[kind], 16), 0, f"{name} {kind}")
        with self.subTest("nobody inherited what is not his"):
            for name in DAEMONS:
                own = os.path.join(node.home, "state", name) + "/"
                foreign = [
                    f for f in files[name]
                    if f.startswith(node.home) and not f.startswith((own, os.path.join(node.run_dir, name) + "/"))]
                self.assertEqual(foreign, [], name)
        self.assertEqual(streaming.outcome(60), "whole")

    def assert_walls(self):
        """What an engine can do, by the kernel and by Docker: compute, read its model, write to its own folder, no more."""
        node = self.node
        (container,) = node.containers()
        told = docker("GET", f"/v1.41/containers/{container}/json")
        pid = told["State"]["Pid"]
        fields = status(pid)
        self.assertEqual((fields["NoNewPrivs"], fields["Seccomp"]), ("1", "2"))
        for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(fields[kind], 16), 0, kind)
        self.assertNotIn("0", fields["Uid"].split() + fields["Gid"].split(), "the engine runs as root")
        with open(f"/proc/{pid}/net/dev", encoding="ascii") as file:
            self.assertEqual([line.split(":")[0].strip() for line in file.readlines()[2:]], ["lo"])
        with open(f"/proc/{pid}/net/tcp", encoding="ascii") as file:
            self.assertEqual(len(file.readlines()), 1, "nothing listens")
        with open(f"/proc/{pid}/mounts", encoding="utf-8") as file:
            mounts = {line.split()[1]: line.split()[3].split(",") for line in file}
        self.assertIn("ro", mounts["/"])
        self.assertIn("ro", mounts["/models/model.gguf"])
        writable = {place for place, options in mounts.items() if "rw" in options}
        self.assertLessEqual(
            {p for p in writable if not p.startswith(("/proc", "/dev", "/sys"))}, {"/tmp", "/run/job"}, writable)
        with self.assertRaises(OSError) as refused:
            with open(f"/proc/{pid}/root/models/model.gguf", "r+b"):
                pass
        self.assertEqual(refused.exception.errno, errno.EROFS)
        host = told["HostConfig"]
        config = node.call("exec-d", "exec.inventory")
        self.assertEqual(told["Image"], config["image"])
        self.assertEqual(host["Memory"], host["MemorySwap"])
        self.assertGreater(min(host["Memory"], host["NanoCpus"], host["PidsLimit"]), 0)
        self.assertEqual((host["NetworkMode"], host["IpcMode"], host["Privileged"]), ("none", "none", False))
        self.assertFalse(host["Binds"] or host["DeviceRequests"] or host["Devices"] or host["PortBindings"])

    def assert_key_stays(self):
        """The key is in one file, and nowhere else: not in files, not in another daemon's memory."""
        node = self.node
        path = os.path.join(node.home, "state", "ledger-d", "node.key")
        self.assertEqual(os.stat(path).st_mode & 0o7777, 0o600)
        with open(path, encoding="ascii") as file:
            secret = file.read().strip()
        forms = [secret.encode(), secret.upper().encode(), bytes.fromhex(secret), nsec(bytes.fromhex(secret)).encode()]
        searched = 0
        for top, folders, names in os.walk(node.home):
            folders[:] = [folder for folder in folders if not (top.endswith("content-d") and folder == "files")]
            for name in names:
                file_path = os.path.join(top, name)
                if file_path == path or not os.path.isfile(file_path):
                    continue
                with open(file_path, "rb") as file:
                    data = file.read()
                searched += 1
                for form in forms:
                    self.assertNotIn(form, data, file_path)
        self.assertGreater(searched, 5)
        for name, pid in self.pids.items():
            if name != "ledger-d":
                for form in forms:
                    self.assertFalse(in_memory(pid, form), f"the key is in {name}'s memory")
        self.assertTrue(in_memory(self.pids["ledger-d"], forms[2]), "the search would find a key")


class OneUser(PowersCase):
    """Powers that hold even when all daemons share a user."""

    @classmethod
    def setUpClass(cls):
        if all(exists(user) for user in USERS.values()) and os.geteuid() == 0:
            raise unittest.SkipTest("this machine has the system users: OwnUsers proves more")
        cls.make_node()

    def test_powers(self):
        self.assert_powers()

    def test_key(self):
        self.assert_key_stays()

    def test_walls(self):
        self.assert_walls()

    def test_status_says_that_one_user_is_shared(self):
        told = self.node.status()
        self.assertTrue(told["single_uid"])
        self.assertIn("one user for all daemons", told["isolation"])
        self.assertIn("one user for all daemons", self.node.ctl("status").stdout)
        self.assertEqual({daemon["uid"] for daemon in told["daemons"]}, {os.geteuid()})


@unittest.skipUnless(os.geteuid() == 0, "only root can give each daemon a user of its own")
class OwnUsers(PowersCase):
    """Each daemon under its own user."""

    @classmethod
    def setUpClass(cls):
        if not exists("infernet", group=True):
            subprocess.run(["groupadd", "--system", "infernet"], check=True)
            cls.addClassCleanup(subprocess.run, ["groupdel", "infernet"], check=False)
        for user in USERS.values():
            if not exists(user):
                subprocess.run(
                    ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", user],
                    check=True)
                cls.addClassCleanup(subprocess.run, ["userdel", "--force", user], check=False)
        cls.make_node()

    def test_powers(self):
        self.assert_powers()

    def test_key(self):
        self.assert_key_stays()

    def test_walls(self):
        self.assert_walls()

    def test_each_has_its_user(self):
        told = self.node.status()
        self.assertFalse(told["single_uid"], told["isolation"])
        for daemon in told["daemons"]:
            name, account = daemon["daemon"], pwd.getpwnam(USERS[daemon["daemon"]])
            fields = status(daemon["pid"])
            self.assertEqual({int(uid) for uid in fields["Uid"].split()}, {account.pw_uid}, name)
            self.assertEqual({int(gid) for gid in fields["Gid"].split()}, {account.pw_gid}, name)
            groups = {grp.getgrgid(int(gid)).gr_name for gid in fields["Groups"].split()}
            self.assertLessEqual(groups, {USERS[name], "docker"}, name)
            self.assertEqual("docker" in groups, name == "exec-d" and exists("docker", group=True), name)
            self.assertEqual(os.stat(os.path.join(self.node.home, "state", name)).st_uid, account.pw_uid, name)
        self.assertEqual(len({daemon["uid"] for daemon in told["daemons"]}), len(DAEMONS))

    def test_sockets_belong_to_their_callers(self):
        seen = 0
        for callee in DAEMONS:
            for caller in os.listdir(os.path.join(self.node.run_dir, callee)):
                path = os.path.join(self.node.run_dir, callee, caller)
                name, info = caller.removesuffix(".sock"), os.stat(path)
                if name in USERS:
                    seen += 1
                    self.assertEqual(pwd.getpwuid(info.st_uid).pw_name, USERS[name], path)
                    self.assertEqual(info.st_mode & 0o777, 0o600, path)
                elif caller.endswith(".sock"):
                    self.assertEqual(info.st_uid, 0, path)
        self.assertGreater(seen, 8)

    def test_another_user_cannot_connect(self):
        path = os.path.join(self.node.run_dir, "ledger-d", "exec-d.sock")
        for user in ("nobody", USERS["ws-d"], USERS["aggregator-d"]):
            self.assertEqual(as_user(user, lambda: greet(path)), "PermissionError", user)
        self.assertEqual(as_user(USERS["exec-d"], lambda: greet(path)), "exec-d")
        key = os.path.join(self.node.home, "state", "ledger-d", "node.key")
        self.assertEqual(as_user(USERS["exec-d"], lambda: open(key, "rb").read()), "PermissionError")

    def test_what_is_not_granted_is_refused_to_the_real_user(self):
        """Every method of every daemon that Grants does not give a caller, over its own socket under its own user."""
        told = self.node.call("infernet-supervisor", "supervisor.privileges")
        granted = {(g["caller"], g["callee"]): set(g["methods"]) for g in told["grants"]}
        methods = all_methods()
        refused = 0
        for callee in [*DAEMONS, "infernet-supervisor"]:
            served = methods[prefix(callee)] + ([] if callee == "infernet-supervisor" else methods["control"])
            for caller in USERS:
                path = os.path.join(self.node.run_dir, callee, caller + ".sock")
                self.assertEqual(os.path.exists(path), (caller, callee) in granted, path)
                forbidden = [m for m in served if m not in granted.get((caller, callee), set())]
                if not os.path.exists(path):
                    continue
                with self.subTest(caller=caller, callee=callee):
                    answers = as_user(USERS[caller], lambda: " ".join(ask(path, method) for method in forbidden))
                    self.assertEqual(set(answers.split()), {"not_permitted"}, answers)
                    refused += len(forbidden)
        self.assertGreater(refused, 80)

    def test_the_kernel_is_asked_who_calls(self):
        """Even with the socket open to everybody, nobody else is heard on it."""
        path = os.path.join(self.node.run_dir, "ledger-d", "exec-d.sock")
        self.addCleanup(os.chmod, path, 0o600)
        os.chmod(path, 0o666)
        self.assertEqual(as_user(USERS["exec-d"], lambda: greet(path)), "exec-d")
        self.assertNotEqual(as_user(USERS["ws-d"], lambda: greet(path)), "exec-d")
        self.assertIn(as_user("nobody", lambda: greet(path)), ("ConnectionError", "BrokenPipeError", "Refused"))


def greet(path):
    """Whom the server takes this process for."""
    client = Client(path, timeout=5)
    try:
        return client.greeting["caller"]
    finally:
        client.close()


def ask(path, method):
    """The code of the error that a method answers; each has a line of its own, for a refusal may close it."""
    client = Client(path, timeout=10)
    try:
        client.call(method, {"nonsense": [1]})
    except Refused as error:
        return error.code
    finally:
        client.close()
    return "answered"


def all_methods():
    """Every method by its prefix, as the recorded wire format names them."""
    methods = {}
    with open(os.path.join(ROOT, "Tests", "Golden", "wire.txt"), encoding="utf-8") as file:
        for line in file:
            if not line.startswith(" ") and "." in line:
                methods.setdefault(line.split(".")[0], []).append(line.strip())
    return methods


def prefix(process):
    """What the methods of a process begin with."""
    return process.removeprefix("infernet-").removesuffix("-d")


def exists(name, group=False):
    """Whether this machine has such a user or group."""
    try:
        grp.getgrnam(name) if group else pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def nsec(secret):
    """NIP-19's spelling of a secret key (bech32, BIP 173)."""
    alphabet, prefix = "qpzry9x8gf2tvdw0s3jn54khce6mua7l", "nsec"
    number, words = int.from_bytes(secret, "big") << 4, []
    for shift in range(255, -1, -5):
        words.append(number >> shift & 31)
    check = 1
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    for value in spread + words + [0] * 6:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= generator
    check ^= 1
    return prefix + "1" + "".join(alphabet[word] for word in words + [check >> 5 * (5 - i) & 31 for i in range(6)])


if __name__ == "__main__":
    unittest.main()

"""A real Lightning network on this machine: bitcoind (regtest), ElectrumX, a Nostr relay, and two Electrum wallets with a
channel between them, each with its own Nostr Wallet Connect service. It must never stand in for any of them: all are the
programs as others ship them, started and asked by their own interfaces."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from electrum_rpc import Refused, ask
from node import free_port
from waiting import eventually

HERE = os.path.dirname(os.path.abspath(__file__))


def answers(call):
    """Whether a call gives something by now."""
    def check():
        try:
            return call()
        except (OSError, Refused):
            return None
    return check


class Electrum:
    """A wallet with a Lightning node in it."""

    def __init__(self, network, name):
        self.network, self.port = network, free_port()
        self.home = os.path.join(network.home, name)
        os.makedirs(self.home + "/regtest")
        relay = network.relay.url
        settings = {
            "config_version": 3, "rpchost": "127.0.0.1", "rpcport": self.port, "rpcsock": "tcp", "rpcuser": "u",
            "rpcpassword": "p", "lightning_listen": f"127.0.0.1:{free_port()}", "use_gossip": True,
            "server": f"127.0.0.1:{network.servers}:t", "oneserver": True, "auto_connect": False,
            "check_updates": False, "nostr_relays": relay, "plugins": {"nwc": {"enabled": True, "relay": relay}},
            "fee_policy": {"default": "feerate:5000", "lnwatcher": "feerate:5000"},
            "test_disable_automatic_fee_eta_update": True}
        with open(self.home + "/regtest/config", "w", encoding="utf-8") as file:
            json.dump(settings, file)
        subprocess.run([*network.electrum, "-D", self.home, "create", "--offline"], env=network.environment, check=True,
                       stdout=subprocess.DEVNULL)
        network.run(name, [*network.electrum, "-D", self.home, "daemon"])
        eventually(answers(lambda: self.ask("getinfo")), 60, f"{name}'s start", every=0.2)
        self.ask("load_wallet")
        eventually(answers(lambda: self.ask("getinfo").get("connected")), 60, f"{name}'s server", every=0.2)

    def ask(self, method, **named):
        """Its answer."""
        return ask(self.port, method, **named)

    def invoice(self, satoshis, memo="a test"):
        """An invoice of its own: the text and the payment hash."""
        made = self.ask("add_request", amount=satoshis / 1e8, memo=memo, lightning=True)
        return made["lightning_invoice"], made["rhash"]

    def channel(self):
        """What it has in its channel, in satoshis."""
        (channel,) = self.ask("list_channels")
        return channel["local_balance"]


class Network:
    """All of it, with an open channel."""

    def __init__(self, tools, relay):
        self.relay = relay
        self.home = tempfile.mkdtemp(prefix="ln-", dir="/tmp")
        self.processes = []
        self.environment = {
            **os.environ, "PYTHONPATH": f"{tools}/electrum/usr/lib/python3/dist-packages",
            "LD_LIBRARY_PATH": f"{tools}/electrum/usr/lib/x86_64-linux-gnu"}
        self.electrum = [f"{tools}/python/bin/python", f"{tools}/electrum/usr/bin/electrum", "--regtest"]
        self.rpc, self.servers = free_port(), free_port()
        try:
            self.begin(tools)
        except BaseException:
            self.stop()
            raise

    def run(self, name, words, **settings):
        """Starts a program of it; what it prints is kept until the end."""
        with open(os.path.join(self.home, name + ".log"), "wb") as log:
            self.processes.append(subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**self.environment, **settings},
                start_new_session=True))

    def begin(self, tools):
        library = f"{tools}/bitcoin/usr/lib/x86_64-linux-gnu"
        os.makedirs(self.home + "/bitcoin")
        # With its own loader: its C library is newer than this machine's. The other wallets' libraries are not for it.
        self.run(
            "bitcoind", [
                f"{library}/ld-linux-x86-64.so.2", "--library-path", library, f"{tools}/bitcoin/usr/bin/bitcoind",
                "-regtest", f"-datadir={self.home}/bitcoin", "-server", "-listen=0", "-connect=0", "-dnsseed=0",
                "-txindex=1", "-fallbackfee=0.0002", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1",
                f"-rpcport={self.rpc}", "-rpcuser=u", "-rpcpassword=p"], LD_LIBRARY_PATH="")
        eventually(answers(lambda: self.bitcoin("getblockchaininfo")), 60, "bitcoind's start", every=0.2)
        self.bitcoin("createwallet", "w")
        self.address = self.bitcoin("getnewaddress")
        self.mine(105)
        os.makedirs(self.home + "/electrumx")
        self.run(
            "electrumx", [f"{tools}/electrumx/bin/electrumx_server"], COIN="Bitcoin", NET="regtest", DB_ENGINE="leveldb",
            DAEMON_URL=f"http://u:p@127.0.0.1:{self.rpc}/", DB_DIRECTORY=self.home + "/electrumx",
            SERVICES=f"tcp://127.0.0.1:{self.servers}", ALLOW_ROOT="1", PEER_DISCOVERY="off", PEER_ANNOUNCE="",
            COST_SOFT_LIMIT="0", COST_HARD_LIMIT="0", PYTHONPATH="", LD_LIBRARY_PATH="")
        self.alice, self.bob = Electrum(self, "alice"), Electrum(self, "bob")
        self.bitcoin("sendtoaddress", self.alice.ask("getunusedaddress"), 1)
        self.mine(1)
        eventually(answers(lambda: float(self.alice.ask("getbalance").get("confirmed", 0)) >= 1), 60, "alice's money",
                   every=0.2)
        self.alice.ask("open_channel", connection_string=self.bob.ask("nodeid"), amount="0.15", push_amount="0.05")
        self.mine(4)
        eventually(
            answers(lambda: all(c["state"] == "OPEN" for n in (self.alice, self.bob) for c in n.ask("list_channels"))),
            60, "the channel", every=0.2)
        self.connection = self.alice.ask("nwc_add_connection", name="node", daily_limit_sat=1_000_000)
        # Electrum renews its subscription after each new connection: what is sent at once is lost.
        time.sleep(2)

    def bitcoin(self, method, *params):
        """bitcoind's answer."""
        return ask(self.rpc, method, *params)

    def mine(self, blocks):
        """New blocks."""
        self.bitcoin("generatetoaddress", blocks, self.address)

    def stop(self):
        """Ends all of it."""
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        shutil.rmtree(self.home, ignore_errors=True)

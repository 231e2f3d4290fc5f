"""The ledger's durable deeds beside bare SQLite commits on the same disk, and its signatures beside libsecp256k1's own.
It must never compare figures of different moments: every round runs all variants, one after the other."""

import json
import os
import subprocess
import tempfile

from table import median, row

ROUNDS = 5
COMMITS, SINGLE, GROUPED, SIGNATURES = 1500, 1500, 25600, 10000
# What a flush lasts longer, in milliseconds: this machine's disk answers from a cache, most people's does not.
SLOWER = (1, 4)


def ask(*words, slower=None):
    env = {**os.environ, **(slower or {})}
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True, env=env)
    return json.loads(done.stdout)


def slow_disks(raw, ours, out):
    """The same two on a disk whose flush takes longer: what group commit is for."""
    for wait in SLOWER:
        slower = {"LD_PRELOAD": os.path.join(out, "slow_disk.so"), "SLOW_DISK_US": str(wait * 1000)}
        with tempfile.TemporaryDirectory(dir=os.environ.get("INFERNET_BENCH_DISK", os.path.expanduser("~"))) as disk:
            peer = ask(raw, "commits", os.path.join(disk, "raw.db"), "300", slower=slower)["per_second"]
            for callers, count, label in ((1, 300, "one caller"), (64, GROUPED // 2, "64 callers")):
                done = ask(ours, "deeds", os.path.join(disk, f"{callers}.db"), str(count), str(callers), slower=slower)
                if done["faults"]:
                    raise AssertionError(f"{done['faults']} faults in the ledger that was measured")
                row(f"… {label}, each flush made {wait} ms longer", f"{done['per_second']:.0f}/s",
                    "SQLite, one row a commit", f"{peer:.0f}/s", f"{done['per_second'] / peer:.2f}x", "", None)


def measure(out):
    """Both on the disk that holds the node's state, in a folder of their own."""
    raw, ours = os.path.join(out, "raw"), os.path.join(out, "ledger")
    seen = {}
    for number in range(ROUNDS):
        # Beside the programs, not in /tmp: that may be memory.
        with tempfile.TemporaryDirectory(dir=os.environ.get("INFERNET_BENCH_DISK", os.path.expanduser("~"))) as disk:
            for name, words in (
                    ("sqlite", (raw, "commits", os.path.join(disk, "raw.db"), str(COMMITS))),
                    ("one", (ours, "deeds", os.path.join(disk, "one.db"), str(SINGLE), "1")),
                    ("many", (ours, "deeds", os.path.join(disk, "many.db"), str(GROUPED), "64")),
                    ("loaded", (ours, "sign", os.path.join(disk, "loaded.db"), "2000", "64")),
                    ("secp", (raw, "signatures", str(SIGNATURES))),
                    ("signatures", (ours, "signatures", str(SIGNATURES)))):
                seen.setdefault(name, []).append(ask(*words))
    broken = sum(result["faults"] for name in ("one", "many") for result in seen[name])
    if broken:
        raise AssertionError(f"{broken} faults in the ledgers that were measured")

    def of(name, key):
        return median(result[key] for result in seen[name])

    def ratio(name, key, peer, peer_key):
        """The median of the ratios round by round: a disturbance meets both sides of a round alike."""
        return median(a[key] / b[peer_key] for a, b in zip(seen[name], seen[peer]))

    for name, label, target in (("one", "one caller", 0.8), ("many", "64 callers, group commit", 20)):
        times = ratio(name, "per_second", "sqlite", "per_second")
        row(f"durable deeds, {label}", f"{of(name, 'per_second'):.0f}/s", "SQLite, one row a commit",
            f"{of('sqlite', 'per_second'):.0f}/s", f"{times:.2f}x", f"≥ {target}x", times >= target)
    slow_disks(raw, ours, out)
    row("reserve p99, 64 callers", f"{of('many', 'p99_us') / 1000:.1f} ms", "", "", "", "", None)
    times = ratio("signatures", "verify", "secp", "verify_parse")
    row("BIP-340 verify, key in bytes", f"{of('signatures', 'verify'):.0f}/s", "libsecp256k1",
        f"{of('secp', 'verify_parse'):.0f}/s", f"{times:.2f}x", "≥ 0.9x", times >= 0.9)
    # Its own benchmark verifies with a key that was read before; ours takes 32 bytes, as each event has them.
    times = ratio("signatures", "verify", "secp", "verify")
    row("… beside its plain verify, key read before", f"{of('signatures', 'verify'):.0f}/s", "libsecp256k1",
        f"{of('secp', 'verify'):.0f}/s", f"{times:.2f}x", "", None)
    times = ratio("signatures", "sign", "secp", "sign")
    row("BIP-340 sign, and check what was signed", f"{of('signatures', 'sign'):.0f}/s", "libsecp256k1, unchecked",
        f"{of('secp', 'sign'):.0f}/s", f"{times:.2f}x", "", None)
    row("sign p99", f"{of('signatures', 'sign_p99_us'):.0f} µs", "", "", "", "", None)
    row("… while 64 callers reserve", f"{of('loaded', 'p99_us'):.0f} µs", "", "", "", "", None)

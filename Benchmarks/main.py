"""Runs the benchmarks one after the other and writes the table.
It must never stop at the first failure, nor call a run good in which something was not measured."""

import os
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "Tests", "EndToEnd"))

import bench_dht  # noqa: E402
import bench_dht_network  # noqa: E402
import bench_idle  # noqa: E402
import bench_ipc  # noqa: E402
import bench_ledger  # noqa: E402
import bench_proxy  # noqa: E402
import bench_restart  # noqa: E402
import bench_stream  # noqa: E402
import table  # noqa: E402
from node import Node  # noqa: E402


def main():
    out, venv, grpc, *chosen = sys.argv[1:]
    node = Node()
    parts = [
        ("idle", lambda: bench_idle.fresh(node)),
        ("ipc", lambda: bench_ipc.measure(node, out, grpc)),
        ("ledger", lambda: bench_ledger.measure(out)),
        ("stream", lambda: bench_stream.measure(node)),
        ("idle", lambda: bench_idle.worked(node)),
        ("restart", lambda: bench_restart.measure(node, out, venv)),
        ("start", bench_idle.cold_start),
        ("proxy", lambda: bench_proxy.measure(out, venv)),
        ("dht", lambda: bench_dht.measure(out)),
        ("dht-network", lambda: bench_dht_network.measure(out)),
    ]
    unknown = set(chosen) - {name for name, _ in parts}
    if unknown:
        sys.exit(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(name for name, _ in parts)}")
    failed = False
    try:
        node.start().add_model().wait_warm()
        for name, part in parts:
            if chosen and name not in chosen:
                continue
            try:
                part()
            except Exception as error:  # the other parts are worth having
                traceback.print_exc()
                table.missing(name, f"{type(error).__name__}: {error}".splitlines()[0])
                failed = True
    finally:
        node.destroy()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False).stdout.strip()
    text = table.markdown(f"commit {commit}")
    print("\n" + text)
    if not chosen:
        os.makedirs(os.path.join(HERE, "results"), exist_ok=True)
        with open(os.path.join(HERE, "results", "latest.md"), "w", encoding="utf-8") as file:
            file.write(text)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

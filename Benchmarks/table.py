"""What the benchmarks share: percentiles, the machine's load, one table with targets and verdicts.
It must never round a figure before it was judged, nor hide a missed target."""

import os
import statistics
import time

ROWS = []


def percentile(values, share):
    """The value below which `share` of the sorted values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values):
    return statistics.median(values)


def load():
    return os.getloadavg()[0]


def row(what, ours, peer_name, peer, measured, target, kept):
    """One line of the table; `kept` is None where the issue sets no target."""
    verdict = {True: "yes", False: "**no**", None: ""}[kept]
    ROWS.append((what, ours, f"{peer} ({peer_name})" if peer_name else peer, measured, target, verdict, f"{load():.1f}"))
    print(f"{what}: {ours} / {peer} {peer_name} -> {measured} (target {target}) {verdict} load {load():.1f}", flush=True)


def missing(what, reason):
    """A line for what could not be measured."""
    ROWS.append((what, "not measured", reason, "", "", "**no**", f"{load():.1f}"))
    print(f"{what}: not measured: {reason}", flush=True)


def markdown(commit):
    """The whole report."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    lines = [
        "# Benchmarks, latest run", "",
        f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}, {commit}, {len(models)} x {models[0]}. "
        "Load is the one-minute average when the line was done; it counts the benchmark's own processes.", "",
        "| what | Infernet | peer | measured | target | kept | load |", "|---|---|---|---|---|---|---|"]
    lines += ["| " + " | ".join(cells) + " |" for cells in ROWS]
    return "\n".join(lines) + "\n"

"""The same requests through the whole node and through LiteLLM's proxy, one mock engine behind both.
It must never give either side another engine: both run the same program, the node's inside its container."""

import io
import json
import os
import subprocess
import tarfile
import time
import urllib.request

from bench_idle import processes, pss
from node import MODEL, Node, docker, eventually, free_port
from table import median, row

ROUNDS, SECONDS, CLIENTS = 3, 4, 16
TAG = "infernet/bench-mock:latest"


def image(out):
    """An engine image whose llama-server is the mock; the node's own container template runs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for folder in ("bin", "models", "run", "run/job", "tmp"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for inside, outside in (("bin/llama-server", "mock_engine"), ("bin/sockrelay", "sockrelay")):
            entry = tar.gettarinfo(os.path.join(out, outside), inside)
            entry.mode = 0o755
            with open(os.path.join(out, outside), "rb") as file:
                tar.addfile(entry, file)
    archive = os.path.join(out, "mock.tar")
    with open(archive, "wb") as file:
        file.write(packed.getvalue())
    name, tag = TAG.split(":")
    subprocess.run(
        ["curl", "-sf", "-o", os.path.join(out, "import.log"), "--unix-socket",
         os.environ.get("DOCKER_SOCK", "/var/run/docker.sock"), "-X", "POST", "-H", "Content-Type: application/x-tar",
         "--data-binary", f"@{archive}", f"http://docker/images/create?fromSrc=-&repo={name}&tag={tag}"], check=True)
    return docker("GET", f"/images/{TAG}/json")["Id"]


def tree(pid):
    """A process and all below it."""
    found = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
            for child in file.read().split():
                found += tree(int(child))
    return found


def work(node):
    """Seconds of CPU that the node's processes took so far, those of threads that ended among them."""
    ticks = 0
    for pid in processes(node):
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(out, venv):
    mock_port, proxy_port = free_port(), free_port()
    mock = subprocess.Popen([os.path.join(out, "mock_engine"), "--port", str(mock_port)])
    config = os.path.join(out, "litellm.yaml")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"model_list:\n  - model_name: {MODEL}\n    litellm_params:\n      model: openai/mock\n"
                   f"      api_base: http://127.0.0.1:{mock_port}/v1\n      api_key: none\n")
    with open(os.path.join(out, "litellm.log"), "wb") as log:
        began = time.perf_counter()
        proxy = subprocess.Popen(
            [f"{venv}/bin/litellm", "--config", config, "--host", "127.0.0.1", "--port", str(proxy_port)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "PATH": f"{venv}/bin:{os.environ['PATH']}", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                 # Without it a proxy without a key ends at once; a key would only make it slower.
                 "LITELLM_TELEMETRY": "False", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"})
    # The settings that let one person's client ask as often as it can; the defaults protect a node from that.
    node = Node(extra=f"exec:\n  image: \"{image(out)}\"\n  warm: [{MODEL}]\n  slots: 16\n  queue_limit: 64\n")
    with open(node.config, encoding="utf-8") as file:
        text = file.read().replace("http:\n", "http:\n  requests_per_second: 0\n", 1)
    with open(node.config, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        node.start().add_model().wait_warm()
        alive = f"http://127.0.0.1:{proxy_port}/health/liveliness"
        eventually(lambda: proxy.poll() is not None or urllib.request.urlopen(alive, timeout=2).status == 200,
                   240, "LiteLLM's start", 0.2)
        if proxy.poll() is not None:
            with open(os.path.join(out, "litellm.log"), encoding="utf-8", errors="replace") as log:
                raise AssertionError(f"LiteLLM ended with {proxy.returncode}: {log.read()[-500:]}")
        started = time.perf_counter() - began
        host, port = node.http.rsplit(":", 1)
        seen = {"node": [], "proxy": []}
        spent = []
        for turn in range(ROUNDS + 1):
            for name, at in (("node", (host, port)), ("proxy", ("127.0.0.1", str(proxy_port)))):
                before = work(node)
                done = subprocess.run(
                    [os.path.join(out, "load"), *at, MODEL, str(CLIENTS), str(SECONDS if turn else 1)],
                    capture_output=True, text=True, timeout=60, check=True)
                result = json.loads(done.stdout)
                if result["failed"] or not result["answered"]:
                    raise AssertionError(f"{name}: {result}")
                if turn:  # the first turn warms up
                    seen[name].append(result)
                    if name == "node":
                        spent.append((work(node) - before) / result["answered"] * 1e3)
        memory = {"node": sum(map(pss, processes(node))) / 1024, "proxy": sum(map(pss, tree(proxy.pid))) / 1024}
    finally:
        node.destroy()
        for process in (proxy, mock):
            process.kill()
            process.wait()
        docker("DELETE", f"/images/{TAG}?force=1")

    def of(name, key):
        return median(result[key] for result in seen[name])

    times = median(a["per_second"] / b["per_second"] for a, b in zip(seen["node"], seen["proxy"]))
    row("requests/s, 16 clients, mock engine", f"{of('node', 'per_second'):.0f}", "LiteLLM",
        f"{of('proxy', 'per_second'):.0f}", f"{times:.1f}x", "≥ 20x", times >= 20)
    row("… p50 / p99 of them", f"{of('node', 'p50_ms'):.1f} / {of('node', 'p99_ms'):.1f} ms", "LiteLLM",
        f"{of('proxy', 'p50_ms'):.1f} / {of('proxy', 'p99_ms'):.1f} ms", "", "", None)
    row("… CPU of all daemons for each", f"{median(spent):.2f} ms", "", "", "", "", None)
    share = memory["node"] / memory["proxy"]
    row("memory after them, PSS", f"{memory['node']:.0f} MiB", "LiteLLM", f"{memory['proxy']:.0f} MiB",
        f"{share:.2f}x", "≤ 0.2x", share <= 0.2)
    row("start to first answer", "see cold start", "LiteLLM", f"{started:.1f} s", "", "", None)

"""A streamed answer through the whole node, beside the same answer from the engine's own Unix socket.
It must never let one side profit from the other's work: prompts are as warm on both, order alternates."""

import glob
import json
import os
import socket
import time

from node import MODEL
from table import median, row

ROUNDS, TOKENS = 25, 64
BODY = {"messages": [{"role": "user", "content": "Tell me a long story about the sea."}], "max_tokens": TOKENS,
        "temperature": 0, "stream": True, "stream_options": {"include_usage": True}}
# What exec-d adds to each request for its own engine.
ENGINE = {"cache_prompt": True}


def streamed(family, address, model):
    """Time to the first piece of text, and tokens per second from there to the last."""
    body = json.dumps({**BODY, **({"model": model} if model else ENGINE)}).encode()
    with socket.socket(family, socket.SOCK_STREAM) as line:
        line.settimeout(60)
        line.connect(address)
        began = time.perf_counter()
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        first = last = None
        pieces, pending = 0, b""
        while b"data: [DONE]" not in pending:
            part = line.recv(65536)
            if not part:
                raise ConnectionError(f"the stream ended early: {pending[-300:]!r}")
            at = time.perf_counter()
            pending += part
            while b"\n\n" in pending:
                event, pending = pending.split(b"\n\n", 1)
                if b"data: [DONE]" in event:
                    return (first - began) * 1000, (pieces - 1) / (last - first)
                start = event.find(b"data: ")
                if start < 0:
                    continue
                # A chunk's head may stand before or in the event; what counts is the JSON of its data line.
                choices = json.loads(event[start + 6:]).get("choices")
                if choices and choices[0]["delta"].get("content"):
                    first, last = first or at, at
                    pieces += 1
    raise ConnectionError("no end of the stream")


def measure(node):
    sockets = glob.glob(os.path.join(node.home, "**", "llm.sock"), recursive=True)
    if len(sockets) != 1:
        raise FileNotFoundError(f"one engine's socket under the node, found {sockets}")
    host, port = node.http.rsplit(":", 1)
    ways = {"node": (socket.AF_INET, (host, int(port)), MODEL), "engine": (socket.AF_UNIX, sockets[0], None)}
    for way in ways.values():
        streamed(*way)
    seen = {"node": [], "engine": []}
    for turn in range(ROUNDS):
        for name in sorted(ways, reverse=turn % 2 == 0):
            seen[name].append(streamed(*ways[name]))
    first = {name: median(r[0] for r in runs) for name, runs in seen.items()}
    rate = {name: median(r[1] for r in runs) for name, runs in seen.items()}
    added = median(a[0] - b[0] for a, b in zip(seen["node"], seen["engine"]))
    row("streaming: first token p50", f"{first['node']:.1f} ms", "engine's socket", f"{first['engine']:.1f} ms",
        f"+{added:.1f} ms", "≤ +3 ms", added <= 3)
    share = median(a[1] / b[1] for a, b in zip(seen["node"], seen["engine"]))
    row("streaming: tokens/s", f"{rate['node']:.1f}", "engine's socket", f"{rate['engine']:.1f}",
        f"{share * 100:.1f} %", "≥ 98 %", share >= 0.98)

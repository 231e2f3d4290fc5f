"""HTTP clients without manners: they send half a request, hang up in every moment there is, ask nonsense, reset.
It must never wait for an answer without an end: a request that is not answered is a finding."""

import collections
import json
import random
import socket
import threading
import time

from node import MODEL

WAIT = 60
MANNERS = ("whole", "stream", "half", "first_bytes", "soon", "bad_json", "no_model", "pipelined")


class Crowd:
    """Clients that ask until they are stopped, each with dice of its own."""

    def __init__(self, node, clients, seed, manners=MANNERS):
        self.node, self.manners = node, manners
        self.counts, self.errors = collections.Counter(), collections.Counter()
        self.longest, self.stopped, self.lock = 0.0, threading.Event(), threading.Lock()
        self.threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed}/{number}"),), daemon=True)
            for number in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        """Waits for what each has begun."""
        self.stopped.set()
        for thread in self.threads:
            thread.join(2 * WAIT)
            if thread.is_alive():
                raise AssertionError("a client still waits for its answer")

    def _count(self, what, error=None):
        with self.lock:
            self.counts[what] += 1
            if error:
                self.errors[error[-300:]] += 1

    def _run(self, dice):
        host, port = self.node.http.rsplit(":", 1)
        while not self.stopped.is_set():
            manner, began = dice.choice(self.manners), time.monotonic()
            try:
                with socket.create_connection((host, int(port)), timeout=WAIT) as line:
                    getattr(self, "_" + manner)(line, dice)
                    if dice.random() < 0.3:  # a reset instead of an end
                        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            except TimeoutError:
                self._count(f"{manner}: no answer within {WAIT} s")
            except OSError as problem:
                self._count(f"{manner}: {type(problem).__name__}")
                time.sleep(0.02)  # nobody listens while ws-d starts again
            with self.lock:
                self.longest = max(self.longest, time.monotonic() - began)

    @staticmethod
    def _request(dice, stream, model=MODEL):
        words = "x" * dice.choice([5, 50, 200])
        body = json.dumps({
            "model": model, "messages": [{"role": "user", "content": words}], "stream": stream,
            "max_tokens": dice.choice([1, 2, 8])}).encode()
        return (b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: %d\r\n\r\n" % len(body)) + body

    @staticmethod
    def _answer(line):
        """Status and bytes of an answer that is read to its end."""
        got = b""
        while piece := line.recv(65536):
            got += piece
            head, _, body = got.partition(b"\r\n\r\n")
            if b"transfer-encoding: chunked" in head.lower():
                if got.endswith(b"0\r\n\r\n"):
                    break
            elif b"content-length: " in head.lower():
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if len(body) >= length:
                    break
        return got[9:12].decode() or "closed", got

    def _whole(self, line, dice):
        line.sendall(self._request(dice, False))
        status, got = self._answer(line)
        self._count(f"whole {status}", None if status == "200" else got.decode(errors="replace"))

    def _stream(self, line, dice):
        line.sendall(self._request(dice, True))
        status, got = self._answer(line)
        if status == "200":
            status = "done" if b"[DONE]" in got else "error" if b'"error"' in got else "cut"
        self._count(f"stream {status}", None if status == "done" else got.decode(errors="replace"))

    def _half(self, line, dice):
        line.sendall(self._request(dice, True)[:dice.randint(1, 150)])
        time.sleep(dice.random() * 0.05)
        self._count("half")

    def _first_bytes(self, line, dice):
        line.sendall(self._request(dice, True))
        line.recv(10)
        self._count("first_bytes")

    def _soon(self, line, dice):
        line.sendall(self._request(dice, dice.random() < 0.5))
        time.sleep(dice.random() * 0.03)
        self._count("soon")

    def _bad_json(self, line, _):
        line.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                     b"content-length: 11\r\n\r\n{\"model\": \"")
        self._count(f"bad_json {self._answer(line)[0]}")

    def _no_model(self, line, dice):
        line.sendall(self._request(dice, False, "nobody-has-this"))
        self._count(f"no_model {self._answer(line)[0]}")

    def _pipelined(self, line, dice):
        line.sendall(self._request(dice, False) + self._request(dice, False))
        line.recv(65536)
        self._count("pipelined")

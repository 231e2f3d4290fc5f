"""An answer that is read while it is generated, in the background: over HTTP, or through infernetctl.
It must never hide how an answer ended: whole, with a stated error, or cut off."""

import http.client
import json
import os
import subprocess
import threading
import time

from node import BIN, MODEL

STORY = "Write a very long story about a lighthouse keeper."


class Answer(threading.Thread):
    """One streamed chat completion over HTTP."""

    def __init__(self, node, prompt=STORY, max_tokens=400, model=MODEL, **more):
        super().__init__(daemon=True)
        self.node, self.prompt, self.max_tokens, self.model, self.more = node, prompt, max_tokens, model, more
        self.began = threading.Event()
        self.calls, self.tokens = [], []
        self.pieces, self.job, self.error, self.http_status = [], None, None, None
        self.whole, self.cut, self.ended_at, self.finish = False, None, None, None
        self.start()

    @property
    def text(self):
        return "".join(self.pieces)

    def run(self):
        host, port = self.node.http.rsplit(":", 1)
        connection = http.client.HTTPConnection(host, int(port), timeout=60)
        body = {
            "model": self.model, "messages": [{"role": "user", "content": self.prompt}], "stream": True,
            "max_tokens": self.max_tokens, "temperature": 0, **self.more}
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            self.http_status, self.job = reply.status, reply.headers.get("infernet-job")
            if reply.status != 200:
                self.error = json.loads(reply.read())["error"]
            else:
                self._read(reply)
        except (OSError, http.client.HTTPException) as problem:
            self.cut = repr(problem)
        finally:
            self.ended_at = time.monotonic()
            connection.close()
            self.began.set()

    def _read(self, reply):
        while True:
            line = reply.readline()
            if not line:
                if not self.whole and self.error is None:
                    self.cut = "the connection was closed without [DONE]"
                return
            if not line.startswith(b"data: "):
                continue
            data = line[6:].strip()
            if data == b"[DONE]":
                self.whole = True
                return
            event = json.loads(data)
            if "error" in event:
                self.error = event["error"]
                return
            for choice in event["choices"]:
                self.finish = choice.get("finish_reason") or self.finish
                self.tokens += (choice.get("logprobs") or {}).get("content", [])
                for call in choice["delta"].get("tool_calls", []):
                    if call.get("id"):
                        self.calls.append(call)
                    else:
                        self.calls[call["index"]]["function"]["arguments"] += call["function"]["arguments"]
                if choice["delta"].get("content"):
                    self.pieces.append(choice["delta"]["content"])
                    self.began.set()

    def outcome(self, seconds=30):
        """`whole`, `error` or `cut`, once it has ended."""
        self.join(seconds)
        if self.is_alive():
            raise AssertionError(f"the answer neither ended nor failed within {seconds} s")
        return "whole" if self.whole else "error" if self.error else "cut"


class Chat:
    """One answer through infernetctl, which reaches aggregator-d without HTTP."""

    def __init__(self, node, prompt=STORY, max_tokens=400):
        self.process = subprocess.Popen(
            [os.path.join(BIN, "infernetctl"), "chat", "--run-dir", node.run_dir, "-m", MODEL, "--temperature", "0",
             "--max-tokens", str(max_tokens), prompt],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.began = threading.Event()
        self.text, self.complaint, self.whole, self.error, self.cut = b"", "", False, None, None
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while part := os.read(self.process.stdout.fileno(), 4096):
            self.text += part
            self.began.set()
        self.complaint = self.process.stderr.read().decode()
        self.whole = self.process.wait() == 0
        if not self.whole:
            self.error = {"message": self.complaint, "code": f"exit {self.process.returncode}"}
        self.process.stdout.close()
        self.process.stderr.close()
        self.began.set()

    def outcome(self, seconds=30):
        """`whole` or `error`, once it has ended."""
        self.thread.join(seconds)
        if self.thread.is_alive():
            self.process.kill()
            raise AssertionError(f"infernetctl neither ended nor failed within {seconds} s")
        return "whole" if self.whole else "error"

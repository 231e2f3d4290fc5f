"""A client of the node's own sockets, written from docs/protocol/ipc.md and nothing else.
It must never use anything but that page: it proves that a stranger can write one."""

import json
import socket
import struct


class Refused(Exception):
    """An error reply."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["data"]["code"]
        self.fix = error["data"].get("fix")
        self.cause = error["data"].get("cause")


class Client:
    """One connection."""

    def __init__(self, path, timeout=10, hello=True):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.next_id = 1
        try:
            self.socket.connect(path)
            if hello:
                self.greeting = self.call("hello", {"build": "python-client/1", "interface": 1})
        except (OSError, Refused):
            self.socket.close()
            raise

    def send(self, message):
        body = json.dumps(message).encode()
        self.socket.sendall(struct.pack(">I", len(body)) + body)

    def receive(self):
        """One message, or None when the other side has closed."""
        head = self._exactly(4)
        if head is None:
            return None
        body = self._exactly(struct.unpack(">I", head)[0])
        return None if body is None else json.loads(body)

    def call(self, method, params=None, on_event=None):
        number, self.next_id = self.next_id, self.next_id + 1
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}})
        while True:
            message = self.receive()
            if message is None:
                raise ConnectionError("the server closed the connection")
            if message.get("id") not in (number, 0):
                continue
            if "event" in message:
                if on_event:
                    on_event(message["event"])
            elif "error" in message:
                raise Refused(message["error"])
            else:
                return message["result"]

    def close(self):
        self.socket.close()

    def _exactly(self, count):
        parts = b""
        while len(parts) < count:
            try:
                part = self.socket.recv(count - len(parts))
            except ConnectionResetError:
                return None
            if not part:
                return None
            parts += part
        return parts

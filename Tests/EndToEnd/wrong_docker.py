"""Docker as a cheat's exec-d sees it: real Docker, that mounts another model than it was asked for.
It must never change anything but the file that is mounted as the model."""

import os
import re
import socket
import threading


class WrongDocker:
    """Listens on a Unix socket and hands all on to the real one."""

    def __init__(self, path, real, model):
        self.real, self.model = real, model
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        os.chmod(path, 0o666)
        self.socket.listen(64)
        self.swapped = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """Takes connections until the socket is closed."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.carry, args=(connection,), daemon=True).start()

    def carry(self, connection):
        """One request, as exec-d asks each on a connection of its own."""
        with connection, socket.socket(socket.AF_UNIX) as docker:
            docker.connect(self.real)
            request = b""
            while b"\r\n\r\n" not in request:
                request += (more := connection.recv(65536))
                if not more:
                    return
            head, body = request.split(b"\r\n\r\n", 1)
            length = re.search(rb"(?i)content-length: (\d+)", head)
            while length and len(body) < int(length[1]):
                body += connection.recv(65536)
            if head.startswith(b"POST") and b"/containers/create" in head.split(b"\r\n")[0]:
                wanted = rb'("Source":")[^"]*("[^}]*"Target":"\\?/models\\?/model.gguf")'
                other = rb'("Target":"\\?/models\\?/model.gguf"[^}]*"Source":")[^"]*(")'
                for form in (wanted, other):
                    body, count = re.subn(form, rb"\g<1>" + self.model.encode() + rb"\g<2>", body)
                    self.swapped += count
                head = re.sub(rb"(?i)content-length: \d+", b"Content-Length: %d" % len(body), head)
            docker.sendall(head + b"\r\n\r\n" + body)
            while piece := docker.recv(65536):
                try:
                    connection.sendall(piece)
                except OSError:
                    return

    def close(self):
        """Takes no more."""
        self.socket.close()

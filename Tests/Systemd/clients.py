"""Four clients without pause while ws-d is restarted and killed ten times each, and what became of their requests. Two of
them open a connection for each request, two keep theirs. It must never ask again for a request that was lost."""

import json
import os
import select
import socket
import subprocess
import threading
import time

UNIT = "infernet-ws.service"
TURNS = 10
# How long a request may wait in the queue of a daemon that is away.
PATIENCE = 30


class Run:
    """One run of the clients and the restarts."""

    def __init__(self, port, restart, pid):
        self.port, self.restart, self.pid = port, restart, pid
        self.counts = {"served": 0, "refused": 0, "told_to_ask_again": 0, "lost_unstarted": 0}
        self.lost, self.kills = [], []
        self.longest = 0.0
        self.reused = 0
        self.lock = threading.Lock()
        self.done = threading.Event()

    def request(self, line, last):
        """One request on a connection: the answer's first bytes, or nothing when the connection ended without one."""
        line.sendall(f"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:{self.port}\r\n"
                     f"connection: {'close' if last else 'keep-alive'}\r\n\r\n".encode())
        answer = b""
        while b"\r\n\r\n" not in answer:
            if not (piece := line.recv(65536)):
                return answer, False
            answer += piece
        head, body = answer.split(b"\r\n\r\n", 1)
        fields = dict(field.lower().split(b": ", 1) for field in head.split(b"\r\n")[1:])
        while len(body) < int(fields[b"content-length"]):
            if not (piece := line.recv(65536)):
                return b"", False
            body += piece
        return answer, fields.get(b"connection") != b"close" and not last

    def client(self, keeps):
        """Asks until the restarts are over."""
        line = None
        while not self.done.is_set():
            began, outcome = time.monotonic(), "lost"
            try:
                if line is None:
                    line = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
                elif select.select([line], [], [], 0)[0]:
                    # Closed between two requests: nothing was asked on it.
                    line = line.close()
                    continue
                else:
                    self.reused += 1
                answer, stays = self.request(line, not keeps)
                # A status in words says that it was not begun: a client may ask again, and does.
                outcome = {b"200": "served", b"503": "told_to_ask_again"}.get(answer[9:12], "lost")
            except ConnectionRefusedError:
                outcome, stays = "refused", False
            except TimeoutError:
                outcome, stays = "lost_unstarted", False
            except (ConnectionResetError, BrokenPipeError):
                stays = False
            if line is not None and not stays:
                line = line.close()
            ended = time.monotonic()
            with self.lock:
                if outcome == "lost":
                    self.lost.append((began, ended))
                else:
                    self.counts[outcome] += 1
                self.longest = max(self.longest, ended - began)
        if line is not None:
            line.close()

    def kill(self):
        """kill -9, and the time in which it fell."""
        pid, began = self.pid(), time.monotonic()
        os.kill(pid, 9)
        # A zombie's other threads may still hold its connections: dead is who was reaped.
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.002)
        self.kills.append((began, time.monotonic()))

    def run(self):
        """Runs clients and restarts; gives the figures."""
        clients = [threading.Thread(target=self.client, args=(number % 2 == 1,)) for number in range(4)]
        for each in clients:
            each.start()
        for turn in range(2 * TURNS):
            time.sleep(0.3)
            (self.kill if turn % 2 else self.restart)()
        time.sleep(1)
        self.done.set()
        for each in clients:
            each.join()
        # What was under way at the moment of a kill died with it, whatever else went on then.
        killed = sum(any(began <= end and ended >= start for start, end in self.kills) for began, ended in self.lost)
        return {**self.counts, "lost_by_kill": killed, "lost_by_restart": len(self.lost) - killed,
                "on_kept_connections": self.reused, "longest_ms": round(self.longest * 1000)}


def main():
    """Within a machine whose daemons systemd starts."""
    show = ["systemctl", "show", "--value", "--property", "MainPID", UNIT]
    run = Run(8080, lambda: subprocess.run(["systemctl", "restart", UNIT], check=True),
              lambda: main_pid(show))
    print(json.dumps(run.run()))


def main_pid(show):
    """The process of the unit, once there is one: it may be on its way."""
    while not (pid := int(subprocess.check_output(show, text=True))):
        time.sleep(0.01)
    return pid


if __name__ == "__main__":
    main()

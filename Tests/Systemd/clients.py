"""Four clients without pause while ws-d is restarted and killed ten times each; prints what became of their requests.
A request counts as started once any byte of its answer came, or once ws-d had taken it off the socket and died with it."""

import json
import socket
import subprocess
import threading
import time

UNIT = "infernet-ws.service"
counts = {"served": 0, "refused": 0, "lost_unstarted": 0, "lost_taken": 0, "repeated": 0}
longest = 0.0
lock = threading.Lock()
done = threading.Event()
REQUEST = b"GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1:8080\r\nconnection: close\r\n\r\n"


def ask():
    """One request on a connection of its own: what became of it."""
    try:
        with socket.create_connection(("127.0.0.1", 8080), timeout=30) as line:
            line.sendall(REQUEST)
            answer = b""
            while piece := line.recv(65536):
                answer += piece
    except ConnectionRefusedError:
        return "refused"
    except (ConnectionResetError, BrokenPipeError):
        # The process that had accepted it was killed: it may have begun to work on it.
        return "lost_taken"
    except TimeoutError:
        return "lost_unstarted"
    if answer.startswith(b"HTTP/1.1 200"):
        return "served"
    if answer.startswith(b"HTTP/1.1 503"):
        # Told in words that it was not begun: a client may ask again, and does.
        return "repeated"
    return "lost_taken"


def client():
    """Asks until the restarts are over."""
    global longest
    while not done.is_set():
        began = time.monotonic()
        outcome = ask()
        with lock:
            counts[outcome] += 1
            longest = max(longest, time.monotonic() - began)


def main():
    """Runs the clients and the restarts."""
    clients = [threading.Thread(target=client) for _ in range(4)]
    for each in clients:
        each.start()
    for turn in range(20):
        time.sleep(0.3)
        if turn % 2:
            subprocess.run(["systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT], check=True)
        else:
            subprocess.run(["systemctl", "restart", UNIT], check=True)
    time.sleep(1)
    done.set()
    for each in clients:
        each.join()
    print(json.dumps({**counts, "longest_ms": round(longest * 1000)}))


main()

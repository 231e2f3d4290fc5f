#!/usr/bin/env python3
"""fake_docker SOCKET STORE ARCHIVE: answers engine/load on a Unix socket as Docker 29 does, as far as that asks.

STORE is `containerd` (ids are hashes of manifests), `other` (the same, but it changes the image's configuration) or
`classic`. Written from the documentation of Docker's API, not recorded. It must never be taken for Docker: it runs nothing."""
import hashlib
import io
import json
import os
import socketserver
import sys
import tarfile
from http.server import BaseHTTPRequestHandler

SOCKET, STORE, ARCHIVE = sys.argv[1:]
with tarfile.open(ARCHIVE) as archive:
    CONFIG = json.load(archive.extractfile("manifest.json"))[0]["Config"].removesuffix(".json")
MANIFEST = hashlib.sha256(b"a manifest of " + CONFIG.encode()).hexdigest()
HAS = {"loaded": False}


def saved():
    """What `docker save` gives, as far as it tells which configuration an image has."""
    told = CONFIG if STORE == "containerd" else "0" * 64
    data = json.dumps([{"Config": f"blobs/sha256/{told}", "RepoTags": [], "Layers": []}]).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


class Handler(BaseHTTPRequestHandler):
    def address_string(self):
        return "a socket"

    def log_message(self, *words):
        pass

    def say(self, body, status=200):
        data = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == "/_ping":
            self.say(b"OK")
        elif self.path == "/info":
            driver = [["driver-type", "io.containerd.snapshotter.v1"]] if STORE != "classic" else [["Supports d_type", "true"]]
            self.say({"ID": "x", "Driver": "overlayfs", "DriverStatus": driver})
        elif self.path.endswith("/get"):
            self.say(saved())
        elif HAS["loaded"]:
            self.say({"Id": "sha256:" + (CONFIG if STORE == "classic" else MANIFEST), "RepoTags": []})
        else:
            self.say({"message": "No such image"}, 404)

    def do_POST(self):
        left = int(self.headers.get("Content-Length", 0))
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        HAS["loaded"] = True
        self.say({"stream": "Loaded image"})


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if os.path.exists(SOCKET):
    os.unlink(SOCKET)
Server(SOCKET, Handler).serve_forever()

"""JSON-RPC over HTTP as bitcoind and Electrum speak it. It must never hide a refusal."""

import base64
import json
import urllib.error
import urllib.request


class Refused(Exception):
    """A JSON-RPC error."""


def ask(port, method, *params, **named):
    """The result of a JSON-RPC call."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": named or list(params)}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}", json.dumps(body).encode(),
        {"Authorization": "Basic " + base64.b64encode(b"u:p").decode(), "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as reply:
            answer = json.load(reply)
    except urllib.error.HTTPError as error:
        with error:
            answer = json.loads(error.read() or b'{"error": "an empty answer"}')
    if answer.get("error"):
        raise Refused(answer["error"])
    return answer["result"]

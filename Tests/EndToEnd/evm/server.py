"""A real EVM (py-evm, by eth-tester) behind JSON-RPC on loopback: chain 137 with a token at USDC's address, and x402's
settlement and collector at theirs.
It must never answer what the EVM did not compute; blocks are final a fixed number of blocks later.
Runs in the environment that `evm_chain.py` makes. Prints its port."""

import http.server
import json
import os
import sys
import threading
import time

import rlp
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import BlockNotFound, TransactionFailed, TransactionNotFound
from eth_utils import to_canonical_address, to_checksum_address
from vyper import compile_code

CHAIN = 137
TOKEN = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"
CONTRACTS = {
    TOKEN: "token", "0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003": "settlement",
    "0x4020806089470a89826cB9fB1f4059150b550004": "collector"}
FINAL_AFTER = 2
JUNK = "test test test test test test test test test test test junk"



def compiled(name):
    with open(os.path.join(sys.argv[1], name + ".vy"), encoding="utf-8") as source:
        return compile_code(source.read(), output_formats=["bytecode_runtime", "method_identifiers"])


CODE = {place: compiled(name) for place, name in CONTRACTS.items()}
SELECTORS = {name.split("(")[0]: selector for name, selector in CODE[TOKEN]["method_identifiers"].items()}

parameters = PyEVMBackend.generate_genesis_params({"gas_limit": 30_000_000, "timestamp": int(time.time()) - 600})
parameters["base_fee_per_gas"] = 30 * 10**9
state = PyEVMBackend.generate_genesis_state(num_accounts=2, mnemonic=JUNK)
for place, code in CODE.items():
    state[to_canonical_address(place)] = {
        "balance": 0, "nonce": 1, "code": bytes.fromhex(code["bytecode_runtime"][2:]), "storage": {}}
backend = PyEVMBackend.from_mnemonic(JUNK, num_accounts=2)
backend.reset_to_genesis(genesis_params=parameters, num_accounts=2, mnemonic=JUNK, genesis_state=state)
backend.chain.chain_id = CHAIN
chain = EthereumTester(backend=backend)
bank = chain.get_accounts()[0]
lock = threading.Lock()


def head():
    return chain.get_block_by_number("latest")["number"]


def number(place):
    if place == "latest":
        return head()
    if place == "finalized":
        return max(0, head() - FINAL_AFTER)
    return int(place, 16)


def hexed(value):
    """What eth-tester gives, as JSON-RPC has it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, (list, tuple)):
        return [hexed(item) for item in value]
    if hasattr(value, "items"):
        return {camel(key): hexed(item) for key, item in value.items()}
    return value


def camel(key):
    first, *rest = key.split("_")
    return first + "".join(word.title() for word in rest)


def block(place, _full):
    try:
        found = chain.get_block_by_number(number(place), full_transactions=False)
    except BlockNotFound:
        return None
    return {key: hexed(found[old]) for key, old in (
        ("number", "number"), ("hash", "hash"), ("timestamp", "timestamp"), ("baseFeePerGas", "base_fee_per_gas"))}


def receipt(name):
    try:
        found = chain.get_transaction_receipt(name)
    except TransactionNotFound:
        return None
    if found["block_number"] is None:
        return None
    return hexed(found)


def logs(query):
    found = []
    for height in range(number(query["fromBlock"]), min(number(query["toBlock"]), head()) + 1):
        for name in chain.get_block_by_number(height, full_transactions=False)["transactions"]:
            for log in receipt(name)["logs"]:
                wanted = query["topics"]
                if log["address"].lower() == query["address"].lower() and len(log["topics"]) >= len(wanted) and all(
                        topic is None or topic == own for topic, own in zip(wanted, log["topics"])):
                    found.append(log)
    return found


def call(what, place):
    return chain.call(
        {"from": bank, "to": to_checksum_address(what["to"]), "data": what["data"], "gas": 1_000_000,
         "max_fee_per_gas": 10**12, "max_priority_fee_per_gas": 0},
        block_number=number(place))


def send(raw):
    typed = int(raw[2:4], 16) < 0xC0
    fields = rlp.decode(bytes.fromhex(raw[4 if typed else 2:]))
    number = int.from_bytes(fields[0], "big") if typed else (int.from_bytes(fields[6], "big") - 35) // 2
    if number != CHAIN:  # py-evm does not look; every real node does
        raise ValueError("invalid chain id for signer")
    return chain.send_raw_transaction(raw)


def mint(to, amount):
    data = "0x" + SELECTORS["mint"].removeprefix("0x") + to[2:].lower().rjust(64, "0") + f"{amount:064x}"
    return chain.send_transaction({
        "from": bank, "to": TOKEN, "data": data, "gas": 200_000, "max_fee_per_gas": 10**12,
        "max_priority_fee_per_gas": 10**9})


def coins(to, amount):
    return chain.send_transaction({
        "from": bank, "to": to_checksum_address(to), "value": amount, "gas": 21_000, "max_fee_per_gas": 10**12,
        "max_priority_fee_per_gas": 10**9})


METHODS = {
    "eth_chainId": lambda: hex(CHAIN),
    "eth_getBlockByNumber": block,
    "eth_getTransactionCount": lambda who, _: hex(chain.get_nonce(to_checksum_address(who))),
    "eth_getBalance": lambda who, _: hex(chain.get_balance(to_checksum_address(who))),
    "eth_getCode": lambda who, _: "0x" + backend.get_code(to_canonical_address(who)).hex(),
    "eth_gasPrice": lambda: hex(10**11),
    "eth_maxPriorityFeePerGas": lambda: hex(10**9),
    "eth_getTransactionReceipt": receipt,
    "eth_getLogs": logs,
    "eth_call": call,
    "eth_sendRawTransaction": send,
    # For tests alone.
    "test_mint": mint,
    "test_coins": coins,
    "test_wait": lambda seconds: chain.time_travel(chain.get_block_by_number("latest")["timestamp"] + seconds),
    "test_snapshot": chain.take_snapshot,
    # Blocks after it are gone, as if another miner's had won; what was in them can be sent again.
    "test_revert": chain.revert_to_snapshot,
    "test_mine": lambda count: [hexed(name) for name in chain.mine_blocks(count)],
}


class Handler(http.server.BaseHTTPRequestHandler):
    """One request, one answer."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = {"jsonrpc": "2.0", "id": question["id"]}
        try:
            with lock:
                answer["result"] = METHODS[question["method"]](*question["params"])
        except TransactionFailed as error:
            answer["error"] = {"code": 3, "message": f"execution reverted: {error}"}
        except Exception as error:  # whatever the EVM says is the answer
            answer["error"] = {"code": -32000, "message": f"{type(error).__name__}: {error}"}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Says nothing when who asked was killed."""

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()  # ends with its parent

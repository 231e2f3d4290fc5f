#!/usr/bin/env python3
# make.py: writes keccak.json and evm.json beside itself, by software that shares no line with Infernet:
#   pip install eth-account==0.13.7 eth-abi==6.0.0 rlp==5.0.0 eth-utils==6.0.0 pycryptodome==3.24.1
# It must never be run by a test: the JSON is committed, and this is how it was made. Seeded: the same each time.

import json
import pathlib
import random

import eth_abi
import rlp
from Crypto.Hash import keccak as pycryptodome
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak, to_checksum_address

HERE = pathlib.Path(__file__).parent
draw = random.Random(20261124)
KEY = bytes([0x46]) * 32
ACCOUNT = Account.from_key(KEY)
USDC = "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359"


def message(length):
    """What the Swift test makes too."""
    return bytes((7 * i + length) % 256 for i in range(length))


def keccaks():
    hashes = []
    for length in range(301):
        digest = keccak(message(length))
        assert pycryptodome.new(digest_bits=256, data=message(length)).digest() == digest
        hashes.append(digest.hex())
    return hashes


def address():
    return to_checksum_address(draw.randbytes(20))


def rlps():
    def item(depth):
        if depth and draw.random() < 0.5:
            return [item(depth - 1) for _ in range(draw.choice([0, 1, 2, 3]))]
        return draw.randbytes(draw.choice([0, 1, 1, 1, 2, 20, 32, 54, 55, 56, 57, 255, 256]))

    def plain(value):
        return value.hex() if isinstance(value, bytes) else [plain(part) for part in value]

    fixed = [b"", b"\0", b"\x01", b"\x7f", b"\x80", b"dog", [], [[], []], [[], [[]], [[], [[]]]],
             [b"dog", b"god", b"cat"]]
    return [{"value": plain(value), "rlp": rlp.encode(value).hex()}
            for value in fixed + [item(3) for _ in range(60)]]


def abis():
    cases = [
        (["uint256", "uint8", "address", "bool", "bytes32", "bytes4"],
         [2**256 - 1, 255, address(), True, draw.randbytes(32), draw.randbytes(4)]),
        (["string", "bytes", "string"], ["", b"", "ä€😀" * 11]),
        (["uint128[]", "string[][]"], [[0, 1, 2**128 - 1], [[], ["a", "b" * 33], [""]]]),
        (["((address,bytes),uint64,bool[])[]", "bytes"],
         [[((address(), draw.randbytes(5)), 7, [True, False]), ((address(), b""), 2**64 - 1, [])],
          draw.randbytes(64)]),
        (["((uint256,address),bytes1)", "(address,address)[]"],
         [((5, address()), b"\xff"), [(address(), address())] * 3]),
        (["address", "address", "uint256", "uint256", "uint256", "bytes32", "uint8", "bytes32", "bytes32"],
         [address(), address(), 1, 0, 2**64, draw.randbytes(32), 27, draw.randbytes(32), draw.randbytes(32)]),
    ]

    def plain(value):
        if isinstance(value, bytes):
            return {"bytes": value.hex()}
        if isinstance(value, bool):
            return value
        if isinstance(value, int):
            return {"uint": str(value)}
        if isinstance(value, (list, tuple)):
            return [plain(part) for part in value]
        return value

    return [{"types": types, "values": plain(values), "encoded": eth_abi.encode(types, values).hex()}
            for types, values in cases]


def transactions():
    out = []
    for index in range(24):
        fields = {
            "chainId": draw.choice([1, 137, 80002, 31337, 2**40]), "nonce": draw.choice([0, 1, 127, 128, 70000]),
            "gas": draw.choice([21000, 81652, 2**40]), "value": draw.choice([0, 1, 10**18, 2**200]),
            "data": "0x" + draw.randbytes(draw.choice([0, 1, 4, 68, 300])).hex(),
        }
        if index % 6:
            fields["to"] = address()
        if index % 2:
            fields["gasPrice"] = draw.choice([0, 20 * 10**9, 2**90])
        else:
            fields |= {"type": 2, "maxPriorityFeePerGas": draw.choice([0, 30 * 10**9]),
                       "maxFeePerGas": draw.choice([30 * 10**9, 2**90])}
            if index % 4 == 0:
                fields["accessList"] = [
                    {"address": address(), "storageKeys": ["0x" + draw.randbytes(32).hex()] * (index % 3)}]
        signed = Account.sign_transaction(fields, KEY)
        out.append({"fields": {name: str(value) if isinstance(value, int) else value
                               for name, value in fields.items()},
                    "raw": signed.raw_transaction.hex(), "hash": signed.hash.hex()})
    return out


def authorizations():
    out = []
    for index in range(20):
        name = ["TransferWithAuthorization", "ReceiveWithAuthorization"][index % 2]
        domain = draw.choice([
            {"name": "USD Coin", "version": "2", "chainId": 137, "verifyingContract": USDC},
            {"name": "USDC", "version": "2", "chainId": 80002,
             "verifyingContract": "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582"}])
        values = {
            "from": ACCOUNT.address, "to": address(), "value": draw.choice([0, 1, 10**6, 2**256 - 1]),
            "validAfter": draw.choice([0, 1790000000]), "validBefore": draw.choice([1790003600, 2**63]),
            "nonce": draw.randbytes(32)}
        types = {name: [
            {"name": "from", "type": "address"}, {"name": "to", "type": "address"},
            {"name": "value", "type": "uint256"}, {"name": "validAfter", "type": "uint256"},
            {"name": "validBefore", "type": "uint256"}, {"name": "nonce", "type": "bytes32"}]}
        signable = encode_typed_data(domain, types, values)
        signed = Account.sign_message(signable, KEY)
        selector = keccak(text=("transferWithAuthorization" if index % 2 == 0 else "receiveWithAuthorization")
                          + "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)")[:4]
        call = selector + eth_abi.encode(
            ["address", "address", "uint256", "uint256", "uint256", "bytes32", "uint8", "bytes32", "bytes32"],
            [values["from"], values["to"], values["value"], values["validAfter"], values["validBefore"],
             values["nonce"], signed.v, signed.r.to_bytes(32), signed.s.to_bytes(32)])
        out.append({
            "kind": name, "domain": domain | {"chainId": str(domain["chainId"])},
            "values": {key: value.hex() if isinstance(value, bytes) else str(value)
                       for key, value in values.items()},
            "separator": signable.header.hex(), "digest": keccak(
                b"\x19" + signable.version + signable.header + signable.body).hex(),
            "signature": signed.signature.hex(), "call": call.hex()})
    return out


def write(name, value):
    (HERE / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write("keccak.json", keccaks())
    write("evm.json", {
        "account": ACCOUNT.address, "addresses": [address() for _ in range(50)], "rlp": rlps(), "abi": abis(),
        "transactions": transactions(), "authorizations": authorizations(),
    })

# pragma version 0.4.3
# A token for tests: ERC-20 with transfers by authorization (EIP-3009), under the name and version of Circle's USDC.
# It must never be deployed anywhere that matters: anybody may mint.

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event AuthorizationUsed:
    authorizer: indexed(address)
    nonce: indexed(bytes32)

name: public(constant(String[16])) = "USD Coin"
version: public(constant(String[4])) = "2"
symbol: public(constant(String[8])) = "USDC"
decimals: public(constant(uint8)) = 6
balanceOf: public(HashMap[address, uint256])
authorizationState: public(HashMap[address, HashMap[bytes32, bool]])

DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
TRANSFER: constant(bytes32) = keccak256(
    "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)

RECEIVE: constant(bytes32) = keccak256(
    "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    return self._separator()


@internal
@view
def _separator() -> bytes32:
    # Not stored: the code is put at an address in genesis, and no constructor runs.
    return keccak256(abi_encode(DOMAIN, keccak256(name), keccak256(version), chain.id, self))


@external
def mint(to: address, amount: uint256):
    self.balanceOf[to] += amount
    log Transfer(sender=empty(address), receiver=to, value=amount)


@internal
def _move(sender: address, to: address, amount: uint256):
    assert self.balanceOf[sender] >= amount, "not enough"
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount
    log Transfer(sender=sender, receiver=to, value=amount)


@external
def transfer(to: address, amount: uint256) -> bool:
    self._move(msg.sender, to, amount)
    return True


@internal
def _authorized(
    kind: bytes32, sender: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256,
    nonce: bytes32, v: uint256, r: bytes32, s: bytes32
):
    assert block.timestamp > validAfter, "too early"
    assert block.timestamp < validBefore, "too late"
    assert not self.authorizationState[sender][nonce], "used"
    message: bytes32 = keccak256(abi_encode(kind, sender, to, amount, validAfter, validBefore, nonce))
    digest: bytes32 = keccak256(concat(b"\x19\x01", self._separator(), message))
    signer: address = ecrecover(digest, v, convert(r, uint256), convert(s, uint256))
    assert signer != empty(address) and signer == sender, "not the payer's signature"
    self.authorizationState[sender][nonce] = True
    log AuthorizationUsed(authorizer=sender, nonce=nonce)
    self._move(sender, to, amount)


@external
def transferWithAuthorization(
    sender: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32,
    v: uint8, r: bytes32, s: bytes32
):
    self._authorized(TRANSFER, sender, to, amount, validAfter, validBefore, nonce, convert(v, uint256), r, s)


@external
def receiveWithAuthorization(
    sender: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32,
    signature: Bytes[65]
):
    # The second of USDC's two functions of this name, which takes the signature in one piece: it is what x402's
    # collector calls.
    assert msg.sender == to, "only the payee"
    self._authorized(
        RECEIVE, sender, to, amount, validAfter, validBefore, nonce, convert(slice(signature, 64, 1), uint256),
        extract32(signature, 0), extract32(signature, 32))

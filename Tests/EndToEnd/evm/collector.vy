# pragma version 0.4.3
# x402's collector of deposits by EIP-3009, for tests: takes what a payer signed for one channel, and hands it on.
# It must never take for anybody but the settlement: the money would be nobody's.

interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable
    def receiveWithAuthorization(
        sender: address, to: address, amount: uint256, validAfter: uint256, validBefore: uint256, nonce: bytes32,
        signature: Bytes[65]
    ): nonpayable

SETTLEMENT: constant(address) = 0x4020074e9dF2ce1deE5A9C1b5c3f541D02a10003


@external
def collect(payer: address, token: address, amount: uint256, channel: bytes32, data: Bytes[512]):
    assert msg.sender == SETTLEMENT, "not the settlement"
    after: uint256 = 0
    before: uint256 = 0
    salt: uint256 = 0
    signature: Bytes[65] = b""
    after, before, salt, signature = abi_decode(data, (uint256, uint256, uint256, Bytes[65]))
    extcall Token(token).receiveWithAuthorization(
        payer, self, amount, after, before, keccak256(abi_encode(channel, salt)), signature)
    extcall Token(token).transfer(SETTLEMENT, amount)

# pragma version 0.4.3
# x402's batch settlement for tests, written from the scheme's description: channels, cumulative vouchers, claims.
# It must never be deployed anywhere that matters: the real one is at the same address on every chain.

interface Token:
    def transfer(to: address, amount: uint256) -> bool: nonpayable
    def balanceOf(who: address) -> uint256: view

interface Collector:
    def collect(payer: address, token: address, amount: uint256, channel: bytes32, data: Bytes[512]): nonpayable

struct Config:
    payer: address
    payerAuthorizer: address
    receiver: address
    receiverAuthorizer: address
    token: address
    withdrawDelay: uint40
    salt: bytes32

struct Channel:
    balance: uint128
    totalClaimed: uint128

struct Withdrawal:
    amount: uint128
    initiatedAt: uint40

struct Receiver:
    totalClaimed: uint128
    totalSettled: uint128

struct Voucher:
    channel: Config
    maxClaimableAmount: uint128

struct Claim:
    voucher: Voucher
    signature: Bytes[65]
    totalClaimed: uint128

event Settled:
    receiver: indexed(address)
    token: indexed(address)
    sender: indexed(address)
    amount: uint128

channels: public(HashMap[bytes32, Channel])
pendingWithdrawals: public(HashMap[bytes32, Withdrawal])
refundNonce: public(HashMap[bytes32, uint256])
receivers: public(HashMap[address, HashMap[address, Receiver]])

DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
CONFIG: constant(bytes32) = keccak256(
    "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
)
REFUND: constant(bytes32) = keccak256("Refund(bytes32 channelId,uint256 nonce,uint128 amount)")
ENTRY: constant(bytes32) = keccak256("ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)")
BATCH: constant(bytes32) = keccak256(
    "ClaimBatch(ClaimEntry[] claims)ClaimEntry(bytes32 channelId,uint128 maxClaimableAmount,uint128 totalClaimed)"
)
VOUCHER: constant(bytes32) = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)")


@internal
@view
def _typed(message: bytes32) -> bytes32:
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN, keccak256("x402 Batch Settlement"), keccak256("1"), chain.id, self))
    return keccak256(concat(b"\x19\x01", domain, message))


@internal
@view
def _id(config: Config) -> bytes32:
    return self._typed(keccak256(abi_encode(CONFIG, config)))


@external
@view
def getChannelId(config: Config) -> bytes32:
    return self._id(config)


@external
def deposit(config: Config, amount: uint128, collector: address, data: Bytes[512]):
    assert config.payer != empty(address) and config.receiver != empty(address), "no channel"
    assert config.receiverAuthorizer != empty(address) and config.token != empty(address), "no channel"
    assert config.withdrawDelay >= 900 and config.withdrawDelay <= 2592000, "no such delay"
    assert amount > 0, "nothing"
    channel: bytes32 = self._id(config)
    before: uint256 = staticcall Token(config.token).balanceOf(self)
    self.channels[channel].balance += amount
    extcall Collector(collector).collect(config.payer, config.token, convert(amount, uint256), channel, data)
    assert staticcall Token(config.token).balanceOf(self) == before + convert(amount, uint256), "not collected"


@internal
def _claim(claims: DynArray[Claim, 8]):
    assert len(claims) > 0, "nothing"
    for claim: Claim in claims:
        config: Config = claim.voucher.channel
        channel: bytes32 = self._id(config)
        if claim.totalClaimed <= self.channels[channel].totalClaimed:
            continue
        assert claim.totalClaimed <= claim.voucher.maxClaimableAmount, "beyond the voucher"
        assert claim.totalClaimed <= self.channels[channel].balance, "beyond the channel"
        signer: address = config.payerAuthorizer
        assert signer != empty(address), "contracts are not asked here"
        digest: bytes32 = self._typed(
            keccak256(abi_encode(VOUCHER, channel, claim.voucher.maxClaimableAmount)))
        assert self._signer(digest, claim.signature) == signer, "not signed"
        more: uint128 = claim.totalClaimed - self.channels[channel].totalClaimed
        self.channels[channel].totalClaimed = claim.totalClaimed
        self.receivers[config.receiver][config.token].totalClaimed += more


@internal
@pure
def _signer(digest: bytes32, signature: Bytes[65]) -> address:
    return ecrecover(
        digest, convert(slice(signature, 64, 1), uint256), convert(extract32(signature, 0), uint256),
        convert(extract32(signature, 32), uint256))


@external
def claim(claims: DynArray[Claim, 8]):
    for claim: Claim in claims:
        config: Config = claim.voucher.channel
        assert msg.sender == config.receiver or msg.sender == config.receiverAuthorizer, "not yours"
    self._claim(claims)


@external
def claimWithSignature(claims: DynArray[Claim, 8], signature: Bytes[65]):
    entries: DynArray[bytes32, 8] = []
    for claim: Claim in claims:
        assert claim.voucher.channel.receiverAuthorizer == claims[0].voucher.channel.receiverAuthorizer, "of several"
        entries.append(keccak256(abi_encode(
            ENTRY, self._id(claim.voucher.channel), claim.voucher.maxClaimableAmount, claim.totalClaimed)))
    # Behind the place and the length that the encoding begins with.
    joined: Bytes[320] = slice(abi_encode(entries), 64, 32 * len(entries))
    digest: bytes32 = self._typed(keccak256(abi_encode(BATCH, keccak256(joined))))
    assert self._signer(digest, signature) == claims[0].voucher.channel.receiverAuthorizer, "not signed"
    self._claim(claims)


@external
def settle(receiver: address, token: address):
    state: Receiver = self.receivers[receiver][token]
    amount: uint128 = state.totalClaimed - state.totalSettled
    if amount == 0:
        return
    self.receivers[receiver][token].totalSettled = state.totalClaimed
    extcall Token(token).transfer(receiver, convert(amount, uint256))
    log Settled(receiver=receiver, token=token, sender=msg.sender, amount=amount)


@external
def multicall(parts: DynArray[Bytes[4096], 4]) -> DynArray[Bytes[32], 4]:
    results: DynArray[Bytes[32], 4] = []
    for part: Bytes[4096] in parts:
        results.append(raw_call(self, part, max_outsize=32, is_delegate_call=True))
    return results


@internal
def _back(config: Config, channel: bytes32, wanted: uint128):
    amount: uint128 = min(wanted, self.channels[channel].balance - self.channels[channel].totalClaimed)
    assert amount > 0, "nothing"
    self.pendingWithdrawals[channel] = empty(Withdrawal)
    self.channels[channel].balance -= amount
    extcall Token(config.token).transfer(config.payer, convert(amount, uint256))


@external
def refund(config: Config, amount: uint128):
    assert msg.sender == config.receiver or msg.sender == config.receiverAuthorizer, "not yours"
    self._back(config, self._id(config), amount)


@external
def refundWithSignature(config: Config, amount: uint128, nonce: uint256, signature: Bytes[65]):
    channel: bytes32 = self._id(config)
    assert nonce == self.refundNonce[channel], "another nonce is due"
    digest: bytes32 = self._typed(keccak256(abi_encode(REFUND, channel, nonce, amount)))
    assert self._signer(digest, signature) == config.receiverAuthorizer, "not signed"
    self.refundNonce[channel] = nonce + 1
    self._back(config, channel, amount)


@external
def initiateWithdraw(config: Config, amount: uint128):
    assert msg.sender == config.payer or msg.sender == config.payerAuthorizer, "not yours"
    channel: bytes32 = self._id(config)
    assert self.pendingWithdrawals[channel].initiatedAt == 0, "pending"
    assert amount > 0 and amount <= self.channels[channel].balance - self.channels[channel].totalClaimed, "too much"
    self.pendingWithdrawals[channel] = Withdrawal(
        amount=amount, initiatedAt=convert(block.timestamp, uint40))


@external
def finalizeWithdraw(config: Config):
    assert msg.sender == config.payer or msg.sender == config.payerAuthorizer, "not yours"
    channel: bytes32 = self._id(config)
    pending: Withdrawal = self.pendingWithdrawals[channel]
    assert pending.initiatedAt != 0, "nothing is pending"
    assert block.timestamp >= convert(pending.initiatedAt, uint256) + convert(config.withdrawDelay, uint256), "too early"
    amount: uint128 = min(pending.amount, self.channels[channel].balance - self.channels[channel].totalClaimed)
    self.pendingWithdrawals[channel] = empty(Withdrawal)
    self.channels[channel].balance -= amount
    extcall Token(config.token).transfer(config.payer, convert(amount, uint256))

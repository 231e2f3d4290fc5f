#!/usr/bin/env python3
# make.py: writes x402.json beside itself with the official SDK, which shares no line with Infernet:
#   pip install "x402[evm]==2.25.0" eth-account==0.14.0 eth-abi==6.0.0 web3==8.0.0
# It must never be run by a test: the JSON is committed, and this is how it was made. The same each time.

import json
import pathlib
import random

import x402.mechanisms.evm.batch_settlement.client.eip3009 as deposits
import x402.mechanisms.evm.exact.eip3009_utils as exacts
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak, to_checksum_address
from web3 import Web3
from x402.http import utils as http
from x402.mechanisms.evm.batch_settlement import abi, constants, encoding, utils
from x402.mechanisms.evm.batch_settlement.client.voucher import sign_voucher
from x402.mechanisms.evm.batch_settlement.facilitator.utils import to_contract_channel_config
from x402.mechanisms.evm.batch_settlement.types import ChannelConfig, RefundPayload, VoucherPayload
from x402.mechanisms.evm.exact import ExactEvmScheme
from x402.mechanisms.evm.signers import EthAccountSigner
from x402.schemas import PaymentPayload, PaymentRequired, PaymentRequirements, ResourceInfo, SettleResponse

HERE = pathlib.Path(__file__).parent
NOW = 1_790_000_000
draw = random.Random(20261128)
payer = EthAccountSigner(Account.from_key(bytes([0x46]) * 32))
other = EthAccountSigner(Account.from_key(bytes([0x47]) * 32))
ZERO = "0x" + 40 * "0"
TOKENS = {137: "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", 80002: "0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582"}
NAMES = {137: "USD Coin", 80002: "USDC"}
contract = Web3().eth.contract(abi=abi.BATCH_SETTLEMENT_ABI)


class Clock:
    """What the SDK takes for `time`."""

    @staticmethod
    def time():
        return NOW


def nonce():
    return "0x" + draw.randbytes(32).hex()


deposits.time = Clock
deposits.create_nonce = nonce
for module in (exacts, __import__("x402.mechanisms.evm.exact.client", fromlist=["client"])):
    if hasattr(module, "time"):
        module.time = Clock
    if hasattr(module, "create_nonce"):
        module.create_nonce = nonce


def address():
    return to_checksum_address(draw.randbytes(20))


def config(chain, authorizer=None, delay=900):
    return ChannelConfig(payer.address, payer.address if authorizer is None else authorizer, address(), address(),
                         TOKENS[chain], delay, nonce())


def requirements(chain, channel, amount, scheme="batch-settlement"):
    extra = {"name": NAMES[chain], "version": "2"}
    if scheme == "batch-settlement":
        extra |= {"receiverAuthorizer": channel.receiver_authorizer, "withdrawDelay": channel.withdraw_delay,
                  "assetTransferMethod": "eip3009", "minDeposit": "15000"}
    return PaymentRequirements(scheme=scheme, network=f"eip155:{chain}", asset=TOKENS[chain], amount=str(amount),
                               pay_to=channel.receiver, max_timeout_seconds=300, extra=extra)


def header(asked, payload):
    return http.encode_payment_signature_header(PaymentPayload(
        payload=payload, accepted=asked, resource=ResourceInfo(url="https://example.org/v1", description="a \"word\" – é")))


def call(name, *arguments):
    return contract.encode_abi(name, args=list(arguments))


def typed(chain, kind, types, message):
    signable = encode_typed_data(utils.get_batch_settlement_eip712_domain(chain), types, message)
    return keccak(b"\x19" + signable.version + signable.header + signable.body).hex()


def channels():
    cases = []
    for chain in (137, 80002):
        for authorizer, delay in ((None, 900), (other.address, 86_400), (ZERO, 2_592_000)):
            one = config(chain, authorizer, delay)
            ident = utils.compute_channel_id(one, f"eip155:{chain}")
            ceilings = [1, 1500, 2**53 - 1, 2**128 - 1]
            signer = other if authorizer == other.address else payer
            vouchers = [sign_voucher(signer, ident, ceiling, f"eip155:{chain}") for ceiling in ceilings]
            asked = requirements(chain, one, 1500)
            first = deposits.create_batch_settlement_eip3009_deposit_payload(payer, asked, one, 15_000, 1500, signer)
            signed = first.deposit.authorization.erc3009_authorization
            voucher, refund = VoucherPayload(), RefundPayload()
            voucher.channel_config = refund.channel_config = one
            voucher.voucher = refund.voucher = vouchers[1]
            refund.amount = "700"
            claims = [((to_contract_channel_config(one), int(v.max_claimable_amount)),
                       bytes.fromhex(v.signature[2:]), total) for v, total in zip(vouchers, (1, 700, 5, 2**127))]
            collected = encoding.build_erc3009_collector_data(
                signed.valid_after, signed.valid_before, signed.salt, signed.signature)
            claim = call("claim", claims)
            settle = call("settle", one.receiver, one.token)
            cases.append({
                "chain": chain, "config": one.to_dict(), "id": ident,
                "vouchers": [v.to_dict() for v in vouchers],
                "signer": signer.address if authorizer != ZERO else ZERO,
                "headers": {"deposit": header(asked, first.to_dict()), "voucher": header(asked, voucher.to_dict()),
                            "refund": header(asked, refund.to_dict())},
                "depositNonce": encoding.build_erc3009_deposit_nonce(ident, signed.salt),
                "calls": {
                    "deposit": call("deposit", to_contract_channel_config(one), 15_000,
                                    constants.ERC3009_DEPOSIT_COLLECTOR_ADDRESS, collected),
                    "claim": call("multicall", [bytes.fromhex(claim[2:]), bytes.fromhex(settle[2:])]),
                    "refund": call("refund", to_contract_channel_config(one), 700),
                    "initiateWithdraw": call("initiateWithdraw", to_contract_channel_config(one), 2**128 - 1),
                    "finalizeWithdraw": call("finalizeWithdraw", to_contract_channel_config(one)),
                    "channels": call("channels", bytes.fromhex(ident[2:])),
                    "pendingWithdrawals": call("pendingWithdrawals", bytes.fromhex(ident[2:])),
                },
                "totals": [1, 700, 5, str(2**127)],
                "claimDigest": typed(chain, "ClaimBatch", constants.CLAIM_BATCH_TYPES, {"claims": [
                    {"channelId": bytes.fromhex(ident[2:]), "maxClaimableAmount": c[0][1], "totalClaimed": c[2]}
                    for c in claims]}),
                "refundDigest": typed(chain, "Refund", constants.REFUND_TYPES, {
                    "channelId": bytes.fromhex(ident[2:]), "nonce": 3, "amount": 700}),
            })
    return cases


def exact():
    channel = config(137)
    asked = requirements(137, channel, 4321, "exact")
    payload = ExactEvmScheme(payer).create_payment_payload(asked)
    return {"header": header(asked, payload), "payer": payer.address, "payload": payload, "now": NOW,
            "required": asked.model_dump(by_alias=True)}


def documents():
    ways = [requirements(137, config(137), 1500), requirements(80002, config(80002), 1, "exact"),
            PaymentRequirements(scheme="exact", network="solana:mainnet", asset="EPjF", amount="1", pay_to="x",
                                max_timeout_seconds=1)]
    required = PaymentRequired(error="Payment required", accepts=ways, resource=ResourceInfo(url="https://example.org/"))
    done = SettleResponse(success=True, payer=payer.address, transaction="0x" + 64 * "a", network="eip155:137",
                          amount="1500", extra={"chargedAmount": "700", "channelState": {"balance": "15000"}})
    failed = SettleResponse(success=False, error_reason="insufficient_funds", transaction="", network="eip155:137")
    return {"required": http.encode_payment_required_header(required),
            "settled": [http.encode_payment_response_header(answer) for answer in (done, failed)]}


with open(HERE / "x402.json", "w", encoding="utf-8") as out:
    json.dump({"payer": payer.address, "channels": channels(), "exact": exact(), "documents": documents(),
               "words": encode(["bytes32", "uint256"], [b"\1" * 32, 2]).hex()}, out, indent=1)
    out.write("\n")

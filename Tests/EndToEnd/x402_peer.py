"""The official x402 SDK as a counterpart, one line of JSON in and one out: a client that pays by vouchers, or over HTTP by
`exact`, and a resource server that checks what it is paid with and claims it. Runs in an environment of its own; `SDK` starts it and speaks to it.
It must never hold a line of Infernet's: whatever it refuses is refused by software that nobody here wrote."""

import json
import subprocess
import sys

# Exact: the scheme is young.
PACKAGES = ["x402[evm]==2.25.0", "eth-account==0.14.0", "web3==8.0.0", "coincurve==21.0.0"]


class SDK:
    """The running counterpart."""

    def __init__(self):
        from environment import python

        self.process = subprocess.Popen(
            [python("x402-venv", PACKAGES), __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what, **values):
        """One question."""
        self.process.stdin.write(json.dumps({"what": what, **values}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the SDK died at '{what}'")
        return json.loads(line)

    def stop(self):
        """Ends it."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)


def serve():
    """Answers questions until the input ends."""
    import http.server
    import threading
    import time
    from types import SimpleNamespace

    from eth_account import Account
    from eth_utils import to_checksum_address
    from web3 import Web3
    import requests
    from x402 import x402ClientSync, x402FacilitatorSync, x402ResourceServerSync
    from x402.http.clients.requests import wrapRequestsWithPayment
    from x402.http.utils import decode_payment_required_header, decode_payment_response_header
    from x402.http.utils import decode_payment_signature_header, encode_payment_signature_header
    from x402.mechanisms.evm.batch_settlement import abi, constants, encoding, utils
    from x402.mechanisms.evm.batch_settlement.client.config import BatchSettlementEvmSchemeOptions
    from x402.mechanisms.evm.batch_settlement.client.refund import RefundOptions
    from x402.mechanisms.evm.batch_settlement.client.scheme import BatchSettlementEvmScheme as Client
    from x402.mechanisms.evm.batch_settlement.client.storage import (
        BatchSettlementClientContext, InMemoryClientChannelStorage)
    from x402.mechanisms.evm.batch_settlement.authorizer_signer import LocalAuthorizerSigner
    from x402.mechanisms.evm.batch_settlement.facilitator.utils import to_contract_channel_config
    from x402.mechanisms.evm.batch_settlement.facilitator.scheme import BatchSettlementEvmFacilitator
    from x402.mechanisms.evm.batch_settlement.server.channel_manager_common import ChannelManagerConfigSync
    from x402.mechanisms.evm.batch_settlement.server.channel_manager_sync import BatchSettlementChannelManagerSync
    from x402.mechanisms.evm.batch_settlement.server.scheme import (
        BatchSettlementEvmScheme as Server, BatchSettlementEvmSchemeServerConfig)
    from x402.mechanisms.evm.batch_settlement.server.storage import Channel
    from x402.mechanisms.evm.batch_settlement.types import ChannelConfig
    from x402.mechanisms.evm.exact.client import ExactEvmScheme
    from x402.mechanisms.evm.exact.register import register_exact_evm_client
    from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
    from x402.schemas import PaymentAbortedError, PaymentPayload, PaymentRequirements
    from x402.schemas.hooks import VerifyContext

    contract = Web3().eth.contract(abi=abi.BATCH_SETTLEMENT_ABI)

    def address(key):
        return {"address": Account.from_key(key).address}

    def pay(key, required, salt, balance, charged):
        """What the SDK's client sends for a header `PAYMENT-REQUIRED`, with a deposit while its channel is empty."""
        asked = decode_payment_required_header(required).accepts[0]
        storage = InMemoryClientChannelStorage()
        client = Client(Account.from_key(key), BatchSettlementEvmSchemeOptions(salt=salt, storage=storage))
        channel = utils.compute_channel_id(client.build_channel_config(asked), asked.network)
        if balance:
            storage.set(channel.lower(), BatchSettlementClientContext(
                charged_cumulative_amount=str(charged), balance=str(balance)))
        payload = client.create_payment_payload(asked)
        return {"channel": channel, "kind": payload["type"], "payload": payload,
                "header": encode_payment_signature_header(PaymentPayload(payload=payload, accepted=asked))}

    def transaction(key, data, nonce):
        signed = Account.from_key(key).sign_transaction({
            "chainId": 137, "nonce": nonce, "to": constants.BATCH_SETTLEMENT_ADDRESS, "data": data, "value": 0,
            "gas": 450_000, "maxFeePerGas": 10**12, "maxPriorityFeePerGas": 10**9, "type": 2})
        return {"raw": "0x" + bytes(signed.raw_transaction).hex()}

    def deposit(key, payload, nonce):
        """The transaction that a facilitator would make of the SDK's deposit."""
        config = ChannelConfig.from_dict(payload["channelConfig"])
        signed = payload["deposit"]["authorization"]["erc3009Authorization"]
        data = encoding.build_erc3009_collector_data(
            signed["validAfter"], signed["validBefore"], signed["salt"], signed["signature"])
        return transaction(key, contract.encode_abi("deposit", args=[
            to_contract_channel_config(config), int(payload["deposit"]["amount"]),
            constants.ERC3009_DEPOSIT_COLLECTOR_ADDRESS, data]), nonce)

    def refund(key, required, salt, balance, charged, amount=None):
        """What the SDK's client sends to have the rest of a channel back."""
        wanted = decode_payment_required_header(required)
        storage = InMemoryClientChannelStorage()
        signer = Account.from_key(key)
        client = Client(signer, BatchSettlementEvmSchemeOptions(salt=salt, storage=storage))
        channel = utils.compute_channel_id(client.build_channel_config(wanted.accepts[0]), wanted.accepts[0].network)
        storage.set(channel.lower(), BatchSettlementClientContext(
            charged_cumulative_amount=str(charged), balance=str(balance)))
        sent = []

        def fetch(_, headers):
            # The SDK asks for the price, then sends its request: what it sends is all that is wanted of it here.
            if "PAYMENT-SIGNATURE" in headers:
                sent.append(headers["PAYMENT-SIGNATURE"])
                raise EOFError
            return SimpleNamespace(status=402, headers={"PAYMENT-REQUIRED": required},
                                   header={"PAYMENT-REQUIRED": required}.get)

        try:
            client.refund("http://node", RefundOptions(amount=amount, fetch=fetch))
        except EOFError:
            pass
        return {"header": sent[0]}

    def verify(header, balance, charged, amount):
        """What the SDK's resource server says to a payment."""
        payment = decode_payment_signature_header(header)
        asked = PaymentRequirements.model_validate(payment.accepted.model_dump() | {"amount": str(amount)})
        server = Server(asked.pay_to)
        config = ChannelConfig.from_dict(payment.payload["channelConfig"])
        ident = payment.payload["voucher"]["channelId"]
        server.get_storage().update_channel(ident.lower(), lambda _: Channel(
            channel_id=ident.lower(), channel_config=config, charged_cumulative_amount=str(charged), balance=str(balance),
            onchain_synced_at=int(time.time() * 1000)))
        said = server.before_verify(VerifyContext(payment_payload=payment, requirements=asked))
        result = getattr(said, "result", None)
        return {"valid": bool(result and result.is_valid), "payer": result and result.payer,
                "why": result.invalid_reason if result else getattr(said, "reason", None)}

    def claim(key, header, total, nonce):
        """The transaction with which the payee claims by what it was paid with."""
        payment = decode_payment_signature_header(header).payload
        config = ChannelConfig.from_dict(payment["channelConfig"])
        assert to_checksum_address(config.receiver) == Account.from_key(key).address
        voucher = payment["voucher"]
        claims = contract.encode_abi("claim", args=[[(
            (to_contract_channel_config(config), int(voucher["maxClaimableAmount"])),
            bytes.fromhex(voucher["signature"][2:]), total)]])
        settle = contract.encode_abi("settle", args=[config.receiver, config.token])
        return transaction(key, contract.encode_abi(
            "multicall", args=[[bytes.fromhex(claims[2:]), bytes.fromhex(settle[2:])]]), nonce)

    def redeem(key, carrier, rpc, voucher, charged, price):
        """What a voucher of several brings a payee that has nothing but its key, the SDK, and somebody's account for the fees:
        the SDK's server checks the voucher against the chain's balance and charges `price` above `charged`, and its channel
        manager has the SDK's facilitator claim and pay out."""
        network, config = "eip155:137", ChannelConfig.from_dict(voucher["config"])
        ident, ceiling = voucher["channel"], voucher["ceiling"]
        chain = FacilitatorWeb3Signer(carrier, rpc)
        facilitator = x402FacilitatorSync()
        facilitator.register([network], BatchSettlementEvmFacilitator(chain))
        scheme = Server(config.receiver, BatchSettlementEvmSchemeServerConfig(
            receiver_authorizer_signer=LocalAuthorizerSigner(key), withdraw_delay=config.withdraw_delay))
        server = x402ResourceServerSync(facilitator)
        server.register(network, scheme)
        server.initialize()
        balance, claimed = chain.read_contract(
            constants.BATCH_SETTLEMENT_ADDRESS, abi.BATCH_SETTLEMENT_ABI, "channels", bytes.fromhex(ident[2:]))
        scheme.get_storage().update_channel(ident, lambda _: Channel(
            channel_id=ident, channel_config=config, charged_cumulative_amount=str(charged), balance=str(balance),
            total_claimed=str(claimed), onchain_synced_at=int(time.time() * 1000)))
        asked = PaymentRequirements(
            scheme=constants.SCHEME_BATCH_SETTLEMENT, network=network, asset=config.token, amount=str(ceiling - charged),
            pay_to=config.receiver, max_timeout_seconds=600, extra={
                "receiverAuthorizer": config.receiver_authorizer, "withdrawDelay": config.withdraw_delay})
        payment = PaymentPayload(accepted=asked, payload={
            "type": "voucher", "channelConfig": voucher["config"], "voucher": {
                "channelId": ident, "maxClaimableAmount": str(ceiling), "signature": voucher["signature"]}})
        checked = server.verify_payment(payment, asked)
        if not checked.is_valid:
            return {"refused": checked.invalid_reason}
        try:
            server.settle_payment(payment, asked.model_copy(update={"amount": str(price)}))
        except PaymentAbortedError as refused:
            return {"refused": refused.reason}
        manager = BatchSettlementChannelManagerSync(ChannelManagerConfigSync(
            scheme=scheme, facilitator=facilitator, receiver=config.receiver, token=config.token, network=network))
        brought = manager.claim_and_settle()
        (claim,) = brought["claims"]
        return {"balance": balance, "claimed": claimed, "claim": claim.transaction,
                "settle": brought["settle"].transaction, "by": chain.address}

    def buy(key, url, body):
        """What the SDK's own HTTP client gets for its money: it asks, is told the price, pays, and asks again."""
        session = wrapRequestsWithPayment(
            requests.Session(), register_exact_evm_client(x402ClientSync(), Account.from_key(key)))
        reply = session.post(url, json=body, timeout=100)
        response = reply.headers.get("PAYMENT-RESPONSE")
        sent = reply.request.headers.get("PAYMENT-SIGNATURE")
        return {"status": reply.status_code, "text": reply.text, "payment": sent,
                "settled": response and decode_payment_response_header(response).model_dump()}

    def exact(key, required, **changes):
        """A payment by `exact` of the SDK's, signed over terms that were changed."""
        asked = decode_payment_required_header(required).accepts[0]
        changed = asked.model_copy(update=changes)
        payload = ExactEvmScheme(Account.from_key(key)).create_payment_payload(changed)
        return {"payload": payload,
                "header": encode_payment_signature_header(PaymentPayload(payload=payload, accepted=asked))}

    def header(payload, required):
        """A payload, whatever it is, as the header that goes with a price."""
        asked = decode_payment_required_header(required).accepts[0]
        return {"header": encode_payment_signature_header(PaymentPayload(payload=payload, accepted=asked))}

    def facilitate(key, rpc):
        """The SDK's facilitator behind HTTP, with an account that pays for the way to the chain; gives its address."""
        from x402.mechanisms.evm.exact.facilitator import ExactEvmScheme as Carrying
        from x402.schemas import SettleRequest

        facilitator = x402FacilitatorSync()
        facilitator.register(["eip155:137"], Carrying(FacilitatorWeb3Signer(key, rpc)))

        class Settling(http.server.BaseHTTPRequestHandler):
            """`POST /settle`."""

            def do_POST(self):
                asked = SettleRequest.model_validate_json(self.rfile.read(int(self.headers["Content-Length"])))
                said = facilitator.settle(asked.payment_payload, asked.payment_requirements)
                body = said.model_dump_json(by_alias=True, exclude_none=True).encode()
                self.send_response(200 if self.path == "/settle" else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Settling)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return {"url": f"http://127.0.0.1:{server.server_address[1]}"}

    known = {"facilitate": facilitate, "buy": buy, "exact": exact, "header": header,
             "address": address, "pay": pay, "deposit": deposit, "refund": refund, "verify": verify, "claim": claim,
             "redeem": redeem}
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(known[question.pop("what")](**question)), flush=True)


if __name__ == "__main__":
    serve()

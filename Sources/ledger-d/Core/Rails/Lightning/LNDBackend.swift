// LND by its REST interface, carried by ws-d, with a macaroon. Never run against a real node: none was to be had.
// It must never let the node go on trying for longer than ledger-d waits before it believes that a payment failed.

import FoundationEssentials
import Lightning
import NodeModel
import Wire

struct LNDBackend: LightningBackend {
    /// How long the node looks for ways, in seconds: less than the carrier waits, and half of what ledger-d does.
    static let retrySeconds: Int64 = 12

    let endpoint: String
    let carrier: any KeyedCarrier
    /// The macaroon in hexadecimal.
    let key: AccountKey
    /// As the configuration names it.
    let network: String

    /// It answers that a hash is paid already, or under way.
    let refusesTwice = true
    let paysAnyAmount = true
    let invoiceStep: Int64 = 1

    private struct Payment: WireValue {
        var payment_request: String
        var amt_msat: String?
        var fee_limit_msat: String
        var timeout_seconds: Int64
        var no_inflight_updates = true
    }
    private struct NewInvoice: WireValue {
        var value_msat: String
        var memo: String
        var expiry: String
    }

    /// Bytes are base64 in a body; 64-bit numbers are text.
    private struct NewHoldInvoice: WireValue {
        var hash: String
        var value_msat: String
        var expiry: String
        var cltv_expiry: String
    }
    private struct Settle: WireValue { var preimage: String }
    private struct Cancel: WireValue { var payment_hash: String }

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        let hash: Digest
        do { hash = try Invoice(invoice).paymentHash } catch {
            throw LightningTrouble.contradiction("the invoice cannot be read")
        }
        let wanted = Payment(
            payment_request: invoice, amt_msat: amount.map(String.init), fee_limit_msat: String(feeCeiling),
            timeout_seconds: Self.retrySeconds)
        return try LNDAnswer.word(
            try await ask(
                "/v2/router/send", String(decoding: try wanted.jsonBytes(), as: UTF8.self), isStream: true
            ).body, of: hash)
    }

    func payment(_ hash: Digest) async throws -> LightningClaim {
        // It goes on until the payment ends; the first line says how it is now.
        let reply = try await ask("/v2/router/track/\(Self.urlSafe(hash))", "", isStream: true)
        return try LNDAnswer.payment(reply.body, status: reply.status, of: hash)
    }

    func invoice(_ hash: Digest) async throws -> LightningClaim {
        let reply = try await ask("/v1/invoice/\(hash.hex)", "")
        return try LNDAnswer.invoice(reply.body, status: reply.status, of: hash)
    }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String {
        let wanted = NewInvoice(value_msat: String(amount), memo: memo, expiry: String(seconds))
        let reply = try await ask("/v1/invoices", String(decoding: try wanted.jsonBytes(), as: UTF8.self))
        return try LNDAnswer.made(reply.body, status: reply.status)
    }

    func requireHolding() async throws {}

    func makeHoldInvoice(
        _ hash: Digest, amount: Int64, seconds: Int64, blocks: Int64
    ) async throws -> String {
        let wanted = NewHoldInvoice(
            hash: Data(hash.bytes).base64EncodedString(), value_msat: String(amount), expiry: String(seconds),
            cltv_expiry: String(blocks))
        let reply = try await ask(
            "/v2/invoices/hodl", String(decoding: try wanted.jsonBytes(), as: UTF8.self))
        return try LNDAnswer.made(reply.body, status: reply.status)
    }

    func settle(_ preimage: [UInt8]) async throws {
        let wanted = Settle(preimage: Data(preimage).base64EncodedString())
        let reply = try await ask(
            "/v2/invoices/settle", String(decoding: try wanted.jsonBytes(), as: UTF8.self))
        try LNDAnswer.done(reply.body, status: reply.status)
    }

    func cancel(_ hash: Digest) async throws {
        let wanted = Cancel(payment_hash: Data(hash.bytes).base64EncodedString())
        let reply = try await ask(
            "/v2/invoices/cancel", String(decoding: try wanted.jsonBytes(), as: UTF8.self))
        try LNDAnswer.done(reply.body, status: reply.status)
    }

    func height() async throws -> Int64? {
        let reply = try await ask("/v1/getinfo", "")
        return try LNDAnswer.height(reply.body, status: reply.status)
    }

    func standing() async throws -> String {
        let reply = try await ask("/v1/getinfo", "")
        return "heard; node \(try LNDAnswer.node(reply.body, status: reply.status, network: network))"
    }

    /// Bytes in a path are base64 with the letters that an address may have.
    static func urlSafe(_ hash: Digest) -> String {
        Data(hash.bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
    }

    private func ask(
        _ path: String, _ body: String, isStream: Bool = false
    ) async throws -> (status: Int, body: String) {
        let secret = try key.read()
        do {
            guard isStream else {
                return try await carrier.carry(endpoint, path: path, body: body, secret: secret)
            }
            return try await carrier.carryLine(endpoint, path: path, body: body, secret: secret)
        } catch let error as WireError { throw LightningTrouble.silent(error.message) }
    }
}

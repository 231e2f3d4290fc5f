// Core Lightning by its `lightning-rpc` socket, which ledger-d opens itself: no key, and nothing that ws-d could read.
// It must never let the node go on trying for longer than ledger-d waits before it believes that a payment failed.

import NIOCore
import NodeModel
import Wire

struct CoreLightningBackend: LightningBackend {
    /// How long the node looks for ways, in seconds: well below the time after which "failed" is believed.
    static let retrySeconds: Int64 = 15

    let call: SocketCall
    /// As the configuration names it, which is how the node does too.
    let network: String

    /// `pay` and `xpay` give the preimage of a hash that is paid, and pay no second time.
    let refusesTwice = true
    let paysAnyAmount = true
    let invoiceStep: Int64 = 1

    private struct Question<Parameters: Codable & Sendable>: WireValue {
        var jsonrpc = "2.0"
        var id: Int64
        var method: String
        var params: Parameters
    }
    private struct ByHash: Codable, Sendable { var payment_hash: String }
    private struct Nothing: Codable, Sendable {}
    private struct XPay: Codable, Sendable {
        var invstring: String
        var amount_msat: Int64?
        var maxfee: Int64
        var retry_for: Int64
    }
    private struct Pay: Codable, Sendable {
        var bolt11: String
        var amount_msat: Int64?
        var maxfee: Int64
        var retry_for: Int64
    }
    private struct NewInvoice: Codable, Sendable {
        var amount_msat: Int64
        var label: String
        var description: String
        var expiry: Int64
    }

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        let xpay = XPay(
            invstring: invoice, amount_msat: amount, maxfee: feeCeiling, retry_for: Self.retrySeconds)
        let said = try await ask("xpay", xpay, CoreLightningAnswer.Anything.self, within: .seconds(20))
        guard case .refusal(CoreLightningAnswer.unknownMethod, _) = said else {
            return said.refusal.map { .refused($0) }
        }
        // Nodes before 24.11 have no xpay.
        let pay = Pay(bolt11: invoice, amount_msat: amount, maxfee: feeCeiling, retry_for: Self.retrySeconds)
        return try await ask("pay", pay, CoreLightningAnswer.Anything.self, within: .seconds(20)).refusal
            .map { .refused($0) }
    }

    func payment(_ hash: Digest) async throws -> LightningClaim {
        let said = try await ask(
            "listpays", ByHash(payment_hash: hash.hex), CoreLightningAnswer.Pays.self)
        return try CoreLightningAnswer.claim(said.result(), of: hash)
    }

    func invoice(_ hash: Digest) async throws -> LightningClaim {
        let said = try await ask(
            "listinvoices", ByHash(payment_hash: hash.hex), CoreLightningAnswer.Invoices.self)
        return try CoreLightningAnswer.claim(said.result(), of: hash)
    }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String {
        var generator = SystemRandomNumberGenerator()
        let label =
            "infernet-" + Hex.encode((0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        let wanted = NewInvoice(amount_msat: amount, label: label, description: memo, expiry: seconds)
        return try await ask("invoice", wanted, CoreLightningAnswer.Made.self).result().bolt11
    }

    func requireHolding() async throws {
        throw LightningTrouble.cannotHold("Core Lightning has no command for it")
    }

    func standing() async throws -> String {
        let node = try await ask("getinfo", Nothing(), CoreLightningAnswer.Node.self).result()
        guard node.network == network else {
            throw LightningTrouble.contradiction(
                "the node is on '\(StrangersWords.plain(node.network))', not on '\(network)'")
        }
        return "heard; node \(StrangersWords.plain(node.id))"
    }

    private func ask<P: Codable & Sendable, R: Codable & Sendable>(
        _ method: String, _ params: P, _ type: R.Type, within limit: TimeAmount = .seconds(10)
    ) async throws -> CoreLightningAnswer.Said<R> {
        let id = Int64.random(in: 1...(1 << 40))
        let question = Question(id: id, method: method, params: params)
        let text = String(decoding: try question.jsonBytes(), as: UTF8.self) + "\n\n"
        return try CoreLightningAnswer.read(try await call.ask(text, within: limit), id: id)
    }
}

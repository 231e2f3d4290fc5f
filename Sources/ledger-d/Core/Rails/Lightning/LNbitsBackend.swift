// LNbits by its REST interface, carried by ws-d: one wallet of it, by the wallet's admin key.
// It must never take an answer about another wallet's payment for one about ours, nor any other 404 for "unknown".

import NodeModel
import Wire

struct LNbitsBackend: LightningBackend {
    let endpoint: String
    let carrier: any KeyedCarrier
    let key: AccountKey

    /// LNbits has one row for each hash that leaves, and pays no other (tested against 1.6.2).
    let refusesTwice = true
    /// It answers "Amountless invoices not supported".
    let paysAnyAmount = false
    /// It counts whole satoshis.
    let invoiceStep: Int64 = 1_000

    private struct Payment: WireValue {
        var out = true
        var bolt11: String
    }
    private struct NewInvoice: WireValue {
        var out = false
        /// Satoshis.
        var amount: Int64
        var unit = "sat"
        var memo: String
        var expiry: Int64
    }

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        // How much the way may cost is LNbits' own setting: nothing can be said here.
        let body = try Payment(bolt11: invoice).jsonBytes()
        let reply = try await ask("/api/v1/payments", String(decoding: body, as: UTF8.self))
        return LNbitsAnswer.refusal(reply.body, status: reply.status).map { .refused($0) }
    }

    func payment(_ hash: Digest) async throws -> LightningClaim { try await find(hash, isIncoming: false) }

    func invoice(_ hash: Digest) async throws -> LightningClaim { try await find(hash, isIncoming: true) }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String {
        let wanted = NewInvoice(amount: amount / invoiceStep, memo: memo, expiry: seconds)
        let body = String(decoding: try wanted.jsonBytes(), as: UTF8.self)
        let reply = try await ask("/api/v1/payments", body)
        return try LNbitsAnswer.made(reply.body, status: reply.status)
    }

    func requireHolding() async throws { throw LightningTrouble.cannotHold("this node asks LNbits for none") }

    func standing() async throws -> String {
        let reply = try await ask("/api/v1/wallet", "")
        return
            "heard; the account at LNbits holds \(try LNbitsAnswer.balance(reply.body, status: reply.status)) msat"
    }

    private func find(_ hash: Digest, isIncoming: Bool) async throws -> LightningClaim {
        let reply = try await ask("/api/v1/payments/\(hash.hex)", "")
        return try LNbitsAnswer.claim(reply.body, status: reply.status, of: hash, isIncoming: isIncoming)
    }

    private func ask(_ path: String, _ body: String) async throws -> (status: Int, body: String) {
        let secret = try key.read()
        do {
            return try await carrier.carry(endpoint, path: path, body: body, secret: secret)
        } catch let error as WireError { throw LightningTrouble.silent(error.message) }
    }
}

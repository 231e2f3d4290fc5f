// A stranger's payment by x402's `exact` as the outbox carries it: his authorization, fixed when it is taken.
// It must never change once stored: however often it is carried, and by whomever, the token lets it pass once.

import EVM
import NodeModel
import X402

struct SaleTerms: Codable, Hashable, Sendable {
    static let errand = "x402-exact"

    var amount: Int64
    var chain: Int64
    var errand = SaleTerms.errand
    /// This node's account, which is paid and may carry.
    var from: String
    /// The payer's, in lower case.
    var payer: String
    /// The stranger's payment as JSON of x402, without what the scheme does not need.
    var payment: String
    var sale: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, errand, from, payer, payment, sale
        case validBefore = "valid_before"
    }

    init(_ exact: ExactPayment, _ asked: PaymentRequirements, amount: Int64, chainID: UInt64) {
        let authorization = exact.authorization
        self.amount = amount
        chain = Int64(clamping: chainID)
        from = authorization.to.lowercase
        payer = authorization.from.lowercase
        payment = String(
            decoding: PaymentPayload(accepted: asked, payload: exact.payload).value.json, as: UTF8.self)
        sale =
            Digest(
                hashing: "infernet/x402/sale/1\n\(asked.network)\n\(asked.asset.lowercase)\n\(payer)\n"
                    + authorization.nonce.hex
            ).hex
        validBefore = Int64(clamping: authorization.validBefore)
    }

    /// By what the outbox names it.
    var id: String { "claim/sale/\(sale)" }

    /// What is owed by it, until the chain has it.
    func due(_ rail: String) -> String { "due:\(rail):sale:\(sale)" }

    func made() throws -> (payment: PaymentPayload, exact: ExactPayment) {
        let payment = try PaymentPayload(X402Value(Array(payment.utf8)))
        return (payment, try ExactPayment(payment.payload))
    }
}

extension SaleTerms: AuthorizationErrand {
    var payee: String { "sale:\(sale)" }
    var spends: UInt64 { 0 }

    func account(_ rail: String) throws -> String? { due(rail) }
    func authorization() throws -> TransferAuthorization { try made().exact.authorization }
    func contract() throws -> EVMAddress { try made().payment.accepted.asset }
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] { try call() }
    func matches(_ call: [UInt8]) throws -> Bool { try self.call() == call }

    private func call() throws -> [UInt8] {
        let exact = try made().exact
        return try exact.authorization.call(exact.signature)
    }
}

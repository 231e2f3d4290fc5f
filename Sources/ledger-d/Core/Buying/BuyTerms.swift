// What this node gives a shop by x402's `exact`: one authorization, which the shop has carried to the token. Fixed when it is
// asked for. It must never be given back while it could still be carried: whoever was shown it holds it.

import EVM
import NodeModel
import X402

struct BuyTerms: Codable, Hashable, Sendable {
    static let errand = "x402-buy"

    /// What the shop asked for, as JSON of x402.
    var accepted: String
    var amount: Int64
    var chain: Int64
    var errand = BuyTerms.errand
    var from: String
    var nonce: String
    /// SHA-256 of what was asked of the shop.
    var request: String
    var shop: String
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case accepted, amount, chain, errand, from, nonce, request, shop
        case validBefore = "valid_before"
    }

    init(
        id: String, _ asked: PaymentRequirements, _ token: EVMToken, amount: Int64, from: EVMAddress,
        shop: String,
        request: Digest, validBefore: Int64
    ) {
        accepted = String(decoding: asked.value.json, as: UTF8.self)
        self.amount = amount
        chain = Int64(clamping: token.domain.chainID)
        self.from = from.lowercase
        nonce =
            TransferAuthorization.nonce(
                operation: "buy/\(id)", chainID: token.domain.chainID, token: token.address
            ).hex
        self.request = request.hex
        self.shop = shop
        self.validBefore = validBefore
    }

    func asked() throws -> PaymentRequirements { try PaymentRequirements(X402Value(Array(accepted.utf8))) }

    func authorization() throws -> TransferAuthorization {
        guard let nonce = Digest(hex: nonce), let value = UInt64(exactly: amount),
            let end = UInt64(exactly: validBefore)
        else { throw ChainFault(description: "its terms cannot be read") }
        return TransferAuthorization(
            from: try EVMAddress(from), to: try asked().payTo, value: UInt256(value), validBefore: end,
            nonce: nonce)
    }
}

extension BuyTerms: AuthorizationErrand {
    var payee: String { (try? asked().payTo.lowercase) ?? "" }
    var spends: UInt64 { UInt64(clamping: amount) }
    var isCarriedHere: Bool { false }

    func account(_ rail: String) throws -> String? { nil }
    func contract() throws -> EVMAddress { try asked().asset }
    /// Nothing is carried from here, so that no letter is right.
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] {
        throw ChainFault(description: "what a shop is given is not carried from here")
    }
    func matches(_ call: [UInt8]) throws -> Bool { false }
}

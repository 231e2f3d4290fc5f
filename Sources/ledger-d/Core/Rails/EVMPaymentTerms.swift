// What a payment on an EVM chain signs, fixed when it is asked for: one authorization (EIP-3009), whose nonce is made of
// the payment's id. It must never change: however often it is signed and sent, the token lets it pass once.

import EVM
import NodeModel
import Wire

struct EVMPaymentTerms: Codable, Hashable, Sendable {
    var amount: Int64
    var chain: Int64
    /// Addresses in lower case; the nonce as 64 hexadecimal characters.
    var from: String
    var nonce: String
    var to: String
    var token: String
    /// Unix seconds.
    var validBefore: Int64

    enum CodingKeys: String, CodingKey {
        case amount, chain, from, nonce, to, token
        case validBefore = "valid_before"
    }

    init(
        id: String, amount: Int64, token: EVMToken, from: EVMAddress, to: EVMAddress, validBefore: Int64
    ) {
        self.amount = amount
        chain = Int64(clamping: token.domain.chainID)
        self.from = from.lowercase
        nonce =
            TransferAuthorization.nonce(
                operation: id, chainID: token.domain.chainID, token: token.address
            ).hex
        self.to = to.lowercase
        self.token = token.address.lowercase
        self.validBefore = validBefore
    }

    init(_ stored: [UInt8]) throws { self = try CanonicalJSON.decode(Self.self, from: stored) }

    func authorization() throws -> TransferAuthorization {
        guard let nonce = Hex.decode(nonce, count: 32).flatMap({ Digest(bytes: $0) }),
            let value = UInt64(exactly: amount), let end = UInt64(exactly: validBefore)
        else { throw ChainFault(description: "its terms cannot be read") }
        return TransferAuthorization(
            from: try EVMAddress(from), to: try EVMAddress(to), value: UInt256(value), validBefore: end,
            nonce: nonce)
    }

}

extension EVMPaymentTerms: AuthorizationErrand {
    var payee: String { to }
    var spends: UInt64 { UInt64(clamping: amount) }

    func account(_ rail: String) throws -> String? { nil }

    func contract() throws -> EVMAddress { try EVMAddress(token) }

    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8] {
        let authorization = try authorization()
        return try authorization.call(try signer.sign(authorization, token.domain))
    }

    func matches(_ call: [UInt8]) throws -> Bool {
        let authorization = try authorization()
        let expected: [ABIValue] = [
            .address(authorization.from), .address(authorization.to), .uint(authorization.value),
            .uint(0), .uint(authorization.validBefore), .bytes(authorization.nonce.bytes),
        ]
        return Array(try authorization.function.arguments(of: call).prefix(6)) == expected
    }
}

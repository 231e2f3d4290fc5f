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

    /// Refuses a letter that does anything but carry this authorization to its token.
    func check(_ letter: Letter) throws {
        let signed = try SignedEVMTransaction(raw: letter.raw)
        let authorization = try authorization()
        guard case .feeMarket(let transaction) = signed.transaction,
            EVMTransaction.hash(raw: letter.raw) == letter.hash, letter.lane == from,
            signed.sender == authorization.from, transaction.nonce == letter.place,
            Int64(clamping: transaction.chainID) == chain, transaction.value == .zero,
            transaction.to == (try EVMAddress(token)), transaction.accessList.isEmpty
        else { throw ChainFault(description: "letter \(letter.number) is not what it is stored as") }
        let expected: [ABIValue] = [
            .address(authorization.from), .address(authorization.to), .uint(authorization.value),
            .uint(0), .uint(authorization.validBefore), .bytes(authorization.nonce.bytes),
        ]
        guard Array(try authorization.function.arguments(of: transaction.data).prefix(6)) == expected else {
            throw ChainFault(description: "letter \(letter.number) pays something else")
        }
    }
}

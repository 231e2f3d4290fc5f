// What a payment on a chain gets done: a transfer, a channel's deposit, a claim. Each is fixed when it is asked for, and
// read from its stored terms ever after. It must never be one that does harm when it is sent twice.

import EVM
import FoundationEssentials
import NodeModel

protocol EVMErrand: Sendable {
    /// The chain's number.
    var chain: Int64 { get }
    /// This node's account, in lower case.
    var from: String { get }
    var amount: Int64 { get }
    /// Whom the books call the one who gets it.
    var payee: String { get }
    /// Unix seconds: until when it may be carried out, or is worth it.
    var validBefore: Int64 { get }
    /// What the account must hold of the token.
    var spends: UInt64 { get }
    /// How many times the gas of a plain payment it may use.
    var gasShare: UInt64 { get }
    /// Whether what the contract holds shows by itself that it is done.
    var provesItself: Bool { get }
    /// Whether this node carries it to the chain; else somebody was given it who does.
    var isCarriedHere: Bool { get }

    /// Whose money it is; nil for the wallet's.
    func account(_ rail: String) throws -> String?
    func contract() throws -> EVMAddress
    /// What the contract is sent, with the signatures that it needs.
    func call(_ signer: PaymentSigner, _ token: EVMToken) throws -> [UInt8]
    /// Whether that is what was sent, whoever signed it.
    func matches(_ call: [UInt8]) throws -> Bool
    func isDone(_ client: ChainClient, _ token: EVMToken, _ place: ChainClient.Place) async throws -> Bool
    /// Transactions that may have done it, besides this node's own.
    func carriers(_ client: ChainClient, _ token: EVMToken, in blocks: ClosedRange<UInt64>) async throws
        -> [[UInt8]]
    func pays(_ receipt: ChainReceipt, _ token: EVMToken) throws -> Bool
    /// How much of the money that was set aside went where it should; nil for all of it.
    func spent(_ client: ChainClient, _ place: ChainClient.Place) async throws -> Int64?
    /// For what is not carried here: what is waited for, and what is said when it did not come.
    var awaits: String { get }
    var expiry: String { get }
}

extension EVMErrand {
    var isCarriedHere: Bool { true }
    var awaits: String { "the shop to have it carried, or the end of what was signed" }
    var expiry: String { "the authorization ran out unused" }
    func spent(_ client: ChainClient, _ place: ChainClient.Place) async throws -> Int64? { nil }

    /// Refuses a letter that does anything else.
    func check(_ letter: Letter) throws {
        let signed = try SignedEVMTransaction(raw: letter.raw)
        guard case .feeMarket(let transaction) = signed.transaction,
            EVMTransaction.hash(raw: letter.raw) == letter.hash, letter.lane == from,
            signed.sender == (try EVMAddress(from)), transaction.nonce == letter.place,
            Int64(clamping: transaction.chainID) == chain, transaction.value == .zero,
            transaction.to == (try contract()), transaction.accessList.isEmpty
        else { throw ChainFault(description: "letter \(letter.number) is not what it is stored as") }
        guard try matches(transaction.data) else {
            throw ChainFault(description: "letter \(letter.number) pays something else")
        }
    }
}

enum EVMErrands {
    private struct Kind: Decodable {
        var errand: String?
    }

    /// The errand in a payment's terms.
    static func read(_ terms: [UInt8]) throws -> any EVMErrand {
        switch try JSONDecoder().decode(Kind.self, from: Data(terms)).errand {
        case nil: return try EVMPaymentTerms(terms)
        case ChannelDepositTerms.errand:
            return try CanonicalJSON.decode(ChannelDepositTerms.self, from: terms)
        case ChannelClaimTerms.errand: return try CanonicalJSON.decode(ChannelClaimTerms.self, from: terms)
        case ChannelLeaveTerms.asking, ChannelLeaveTerms.taking:
            return try CanonicalJSON.decode(ChannelLeaveTerms.self, from: terms)
        case ChannelRefundTerms.errand: return try CanonicalJSON.decode(ChannelRefundTerms.self, from: terms)
        case ChannelReturnTerms.errand: return try CanonicalJSON.decode(ChannelReturnTerms.self, from: terms)
        case BuyTerms.errand: return try CanonicalJSON.decode(BuyTerms.self, from: terms)
        case SaleTerms.errand: return try CanonicalJSON.decode(SaleTerms.self, from: terms)
        default: throw ChainFault(description: "its terms are of an unknown kind")
        }
    }
}

extension ChainClient {
    /// Whether the token has let an authorization pass.
    func hasUsed(
        _ authorization: TransferAuthorization, _ token: EVMToken, _ place: Place
    ) async throws -> Bool {
        let own: [ABIValue] = [.address(authorization.from), .bytes(authorization.nonce.bytes)]
        return try await call(EVMToken.authorizationState, own, at: token.address, place) == [.bool(true)]
    }

    /// The transactions in which it did: whoever carried it, the authorization is what pays.
    func carriers(
        of authorization: TransferAuthorization, _ token: EVMToken, in blocks: ClosedRange<UInt64>
    ) async throws -> [[UInt8]] {
        try await logs(
            of: token.address,
            topics: [
                EVMToken.used, ChainReceipt.word(authorization.from), authorization.nonce.bytes,
            ], from: blocks.lowerBound, to: blocks.upperBound
        ).map(\.transactionHash.bytes)
    }
}

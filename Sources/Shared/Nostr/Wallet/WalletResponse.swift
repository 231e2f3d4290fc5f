// What a wallet service answers (NIP-47): proven to be by it, for us, and to the request that was made.
// It must never read silence or nonsense as "not paid": both are unknown, and looked up before anything is paid again.

import FoundationEssentials
public import NodeModel

/// Why an event is not the answer to a request.
public enum WalletResponseError: Error, Hashable, Sendable {
    /// Another kind than 23195.
    case wrongKind(Int)
    /// By another key than the wallet's.
    case otherAuthor
    /// For another client, or to another request.
    case otherRequest
    /// The id or signature is wrong.
    case event(EventError)
    /// It does not decrypt.
    case encryption(NIP44Error)
    /// Not JSON of the form that the command's answer has.
    case malformed
}

extension WalletResponseError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .wrongKind(let kind): "an event of kind \(kind) is not a wallet's answer"
        case .otherAuthor: "the answer is not by the wallet of this connection"
        case .otherRequest: "the answer is to another request"
        case .event(let error): error.description
        case .encryption: "the answer does not decrypt"
        case .malformed: "the wallet's answer does not have the form of NIP-47"
        }
    }
}

/// A wallet service's refusal.
public struct WalletFailure: Error, Hashable, Sendable {
    /// The codes that NIP-47 names; any other is `other`.
    public enum Code: String, Sendable {
        case rateLimited = "RATE_LIMITED"
        case notImplemented = "NOT_IMPLEMENTED"
        case insufficientBalance = "INSUFFICIENT_BALANCE"
        case quotaExceeded = "QUOTA_EXCEEDED"
        case restricted = "RESTRICTED"
        case unauthorized = "UNAUTHORIZED"
        case internalError = "INTERNAL"
        case unsupportedEncryption = "UNSUPPORTED_ENCRYPTION"
        case paymentFailed = "PAYMENT_FAILED"
        case notFound = "NOT_FOUND"
        case other = "OTHER"
    }
    public let code: Code
    /// The wallet's own words: shown, never interpreted.
    public let message: String
}

/// An invoice or a payment as the wallet sees it.
public struct WalletTransaction: Hashable, Sendable {
    public enum State: String, Sendable {
        case pending, settled, accepted, expired, failed
    }
    public let paymentHash: Digest
    /// Whether it is an invoice of the wallet's, or a payment by it; nil when the wallet does not say.
    public let isIncoming: Bool?
    /// Millisatoshis.
    public let amount: UInt64
    public let fees: UInt64
    public let invoice: String?
    /// Proof of payment, checked against the hash.
    public let preimage: [UInt8]?
    public let state: State?
    /// Unix seconds; nil until it is settled.
    public let settledAt: Int64?
    /// The block before which what is held must be settled or cancelled; nil when the wallet does not say.
    public let settleDeadline: Int64?
}

/// A wallet service's answer to a command.
public enum WalletResponse: Hashable, Sendable {
    /// Paid, with the preimage (32 bytes) and the fees in millisatoshis where told.
    case paid(preimage: [UInt8], fees: UInt64?)
    case transaction(WalletTransaction)
    /// Millisatoshis.
    case balance(UInt64)
    /// Names of commands, and the last block that the wallet knows.
    case info(methods: [String], height: Int64? = nil)
    case done
    case failed(WalletFailure)

    private struct Message: Decodable {
        struct Failure: Decodable {
            let code, message: String
        }
        struct Result: Decodable {
            let type, preimage, payment_hash, invoice, state: String?
            let fees_paid, amount, balance: UInt64?
            let settled_at, settle_deadline, block_height: Int64?
            let methods: [String]?
        }
        let result_type: String?
        let error: Failure?
        let result: Result?
    }

    /// Reads the decrypted JSON of an answer to `request`.
    public init(json: String, to request: WalletRequest) throws(WalletResponseError) {
        // Who refuses before reading a request cannot say what it was.
        guard let message = try? JSONDecoder().decode(Message.self, from: Data(json.utf8)),
            message.result_type == request.method || (message.result_type == nil && message.error != nil)
        else { throw .malformed }
        if let failure = message.error {
            self = .failed(
                WalletFailure(code: .init(rawValue: failure.code) ?? .other, message: failure.message))
            return
        }
        guard let result = message.result else { throw .malformed }
        switch request {
        case .payInvoice:
            guard let preimage = result.preimage.flatMap({ Hex.decode($0, count: 32) }) else {
                throw .malformed
            }
            self = .paid(preimage: preimage, fees: result.fees_paid)
        case .makeInvoice:
            guard result.invoice != nil else { throw .malformed }
            self = .transaction(try Self.transaction(result))
        case .makeHoldInvoice(_, _, _, let hash, _):
            let made = try Self.transaction(result)
            guard made.invoice != nil, made.paymentHash == hash else { throw .malformed }
            self = .transaction(made)
        case .lookUp(let hash):
            let found = try Self.transaction(result)
            guard found.paymentHash == hash else { throw .malformed }
            self = .transaction(found)
        case .balance:
            guard let balance = result.balance else { throw .malformed }
            self = .balance(balance)
        case .info: self = .info(methods: result.methods ?? [], height: result.block_height)
        case .settleHoldInvoice, .cancelHoldInvoice: self = .done
        }
    }

    private static func transaction(
        _ result: Message.Result
    ) throws(WalletResponseError) -> WalletTransaction {
        guard let hash = result.payment_hash.flatMap({ Digest(hex: $0) }), let amount = result.amount else {
            throw .malformed
        }
        var preimage: [UInt8]?
        // Wallets give an empty text where there is none yet.
        if let text = result.preimage, !text.isEmpty {
            guard let bytes = Hex.decode(text, count: 32), Digest(hashing: bytes) == hash else {
                throw .malformed
            }
            preimage = bytes
        }
        return WalletTransaction(
            paymentHash: hash, isIncoming: result.type.map { $0 == "incoming" }, amount: amount,
            fees: result.fees_paid ?? 0, invoice: result.invoice,
            preimage: preimage, state: result.state.flatMap { .init(rawValue: $0) },
            settledAt: result.settled_at, settleDeadline: result.settle_deadline)
    }

    /// Opens an event that claims to answer `request`, which went out as `sent`.
    public init(
        _ event: SignedEvent, to request: WalletRequest, sent: SignedEvent, _ connection: WalletConnection
    ) throws(WalletResponseError) {
        guard event.kind == EventKind.walletResponse else { throw .wrongKind(event.kind) }
        guard event.pubkey == connection.wallet else { throw .otherAuthor }
        guard event.onlyTag("e") == sent.id, event.onlyTag("p") == connection.secret.publicKey.hex else {
            throw .otherRequest
        }
        do { try event.verify() } catch { throw .event(error) }
        let json: String
        do {
            let (secret, wallet) = (connection.secret, connection.wallet)
            json =
                NIP04.isOne(event.content)
                ? try NIP04.decrypt(event.content, secret, with: wallet)
                : try NIP44.decrypt(event.content, NIP44.ConversationKey(secret, with: wallet))
        } catch { throw .encryption(error) }
        try self.init(json: json, to: request)
    }
}

// What a wallet service is asked (NIP-47): the commands that Infernet uses, as the NIP spells them.
// It must never carry an amount that is not whole millisatoshis.

import FoundationEssentials
public import NodeModel

/// How requests and answers are encrypted.
public enum WalletEncryption: String, Sendable {
    case nip44 = "nip44_v2"
    /// For wallets that know no better, and say so.
    case nip04
}

/// A command to a wallet service.
public enum WalletRequest: Hashable, Sendable {
    /// Pay a BOLT 11 invoice; the amount, in millisatoshis, only where the invoice names none.
    case payInvoice(String, amount: UInt64?)
    /// Make an invoice; expiry in seconds.
    case makeInvoice(amount: UInt64, description: String, expiry: UInt64?)
    /// What became of the payment or invoice with this hash.
    case lookUp(Digest)
    case balance
    case info
    /// Make an invoice on a hash whose preimage somebody else holds.
    case makeHoldInvoice(amount: UInt64, description: String, expiry: UInt64?, hash: Digest, cltv: UInt64?)
    /// Take what is held, with the preimage (32 bytes).
    case settleHoldInvoice([UInt8])
    /// Give back what is held.
    case cancelHoldInvoice(Digest)

    /// The command's name.
    public var method: String {
        switch self {
        case .payInvoice: "pay_invoice"
        case .makeInvoice: "make_invoice"
        case .lookUp: "lookup_invoice"
        case .balance: "get_balance"
        case .info: "get_info"
        case .makeHoldInvoice: "make_hold_invoice"
        case .settleHoldInvoice: "settle_hold_invoice"
        case .cancelHoldInvoice: "cancel_hold_invoice"
        }
    }

    private struct Message: Encodable {
        let method: String
        let params: Parameters
    }

    private struct Parameters: Encodable {
        var invoice: String?
        var amount: UInt64?
        var description: String?
        var expiry: UInt64?
        var payment_hash: String?
        var preimage: String?
        var min_cltv_expiry_delta: UInt64?
    }

    /// The JSON that is encrypted.
    public func json() throws -> String {
        var parameters = Parameters()
        switch self {
        case .payInvoice(let invoice, let amount):
            parameters.invoice = invoice
            parameters.amount = amount
        case .makeInvoice(let amount, let description, let expiry):
            (parameters.amount, parameters.description) = (amount, description)
            parameters.expiry = expiry
        case .lookUp(let hash), .cancelHoldInvoice(let hash): parameters.payment_hash = hash.hex
        case .balance, .info: break
        case .makeHoldInvoice(let amount, let description, let expiry, let hash, let cltv):
            (parameters.amount, parameters.description) = (amount, description)
            (parameters.expiry, parameters.payment_hash) = (expiry, hash.hex)
            parameters.min_cltv_expiry_delta = cltv
        case .settleHoldInvoice(let preimage): parameters.preimage = Hex.encode(preimage)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(
            decoding: try encoder.encode(Message(method: method, params: parameters)), as: UTF8.self)
    }

    /// The signed event that goes to the wallet's relays.
    ///
    /// - Parameters:
    ///   - now: Unix seconds.
    ///   - expiration: from when the wallet must ignore it; Unix seconds.
    ///   - encryption: as the wallet knows it.
    public func event(
        _ connection: WalletConnection, now: Int64, expiration: Int64? = nil,
        encryption: WalletEncryption = .nip44
    ) throws -> SignedEvent {
        var tags = [["encryption", encryption.rawValue], ["p", connection.wallet.hex]]
        if let expiration { tags.append(["expiration", "\(expiration)"]) }
        let (secret, wallet) = (connection.secret, connection.wallet)
        let content =
            switch encryption {
            case .nip44: try NIP44.encrypt(try json(), try NIP44.ConversationKey(secret, with: wallet))
            case .nip04: try NIP04.encrypt(try json(), secret, with: wallet)
            }
        return try connection.secret.sign(
            EventTemplate(
                pubkey: connection.secret.publicKey, createdAt: now, kind: EventKind.walletRequest,
                tags: tags, content: content))
    }
}

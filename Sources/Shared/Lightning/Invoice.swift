// A request for a Lightning payment (BOLT 11), read and proven: amount, hash, payee, until when.
// It must never be trusted for more than its payee's word: whoever shows an invoice need not be whom one meant.

public import NodeModel

/// A Lightning invoice.
public struct Invoice: Hashable, Sendable {
    /// The Bitcoin network that an invoice is for.
    public enum Network: String, Hashable, Sendable, CaseIterable {
        case bitcoin = "bc"
        case testnet = "tb"
        case signet = "tbs"
        case regtest = "bcrt"
    }

    /// What is paid for.
    public enum Purpose: Hashable, Sendable {
        /// In words. A stranger wrote them: they are shown, never interpreted.
        case text(String)
        /// The SHA-256 of words that were given elsewhere.
        case hash(Digest)
    }

    /// Seconds an invoice lives when it does not say.
    public static let defaultExpiry: UInt64 = 3600

    public let network: Network
    /// Millisatoshis; nil when the payer chooses.
    public let amount: UInt64?
    /// Unix seconds.
    public let createdAt: UInt64
    /// Seconds from `createdAt`.
    public let expiry: UInt64
    /// SHA-256 of the preimage that proves the payment.
    public let paymentHash: Digest
    /// What keeps nodes on the way from probing the payee.
    public let paymentSecret: [UInt8]
    public let purpose: Purpose
    /// The node that is paid.
    public let payee: ECDSAPublicKey
    /// Blocks that the last hop must leave.
    public let minFinalCLTV: UInt64
    public let features: InvoiceFeatures
    /// On-chain addresses to fall back to, the preferred one first.
    public let fallbacks: [InvoiceFallback]
    /// Ways to the payee through private channels.
    public let routes: [[InvoiceHop]]
    /// Bytes that the payer hands to the payee with the payment.
    public let metadata: [UInt8]?

    /// Unix seconds from which it may not be paid any more; the latest time there is when that is beyond it.
    public var expiresAt: UInt64 {
        let (sum, overflow) = createdAt.addingReportingOverflow(expiry)
        return overflow ? .max : sum
    }

    /// Whether it can still be paid.
    ///
    /// - Parameter now: Unix seconds.
    public func isExpired(now: UInt64) -> Bool { now >= expiresAt }

    /// Whether `preimage` is what the payee gives for the payment: the proof of it.
    public func isPaid(by preimage: [UInt8]) -> Bool {
        preimage.count == 32 && Digest(hashing: preimage) == paymentHash
    }
}

/// One hop of a private route.
public struct InvoiceHop: Hashable, Sendable {
    /// The node at the start of the channel.
    public let node: ECDSAPublicKey
    /// Block, transaction and output, packed into 64 bits.
    public let channel: UInt64
    /// Millisatoshis.
    public let baseFee: UInt32
    /// Millionths of the amount.
    public let proportionalFee: UInt32
    public let cltvDelta: UInt16
}

/// An on-chain address in its parts.
public struct InvoiceFallback: Hashable, Sendable {
    /// A witness version (0 to 16), 17 for a key's hash, 18 for a script's.
    public let version: UInt8
    public let program: [UInt8]
}

// How far a payment that leaves the node is: a state, what may follow it, and what is known of the payment.
// It must never leave the end: what is settled or failed stays so.

import NodeModel

/// The states of a payment, in the order of its life.
enum PaymentState: String, Sendable, CaseIterable {
    /// The money is set aside; nothing is signed.
    case asked
    /// Bytes that pay are signed and stored, and have not left.
    case signed
    /// They were given to the carrier, or were about to be.
    case handed
    /// The other side claims something about them that is not final.
    case answered
    /// It was paid, for good.
    case settled
    /// It was not paid and cannot be any more; the money came back.
    case failed

    var isOver: Bool { self == .settled || self == .failed }

    /// Whether `next` may follow. Nothing comes back from `settled` and `failed`.
    ///
    /// - Parameter signs: whether what leaves is signed here first.
    func mayBecome(_ next: PaymentState, signs: Bool = true) -> Bool {
        switch (self, next) {
        case (.settled, _), (.failed, _), (_, .asked): false
        case (.asked, .signed): signs
        case (.asked, .failed): true
        // A restored backup may know of no letter of a payment that was made.
        case (.asked, .settled): true
        // Of a rail without signatures it may know no sending.
        case (.asked, .handed), (.asked, .answered): !signs
        case (_, .signed): signs
        case (_, .handed), (_, .answered), (_, .settled), (_, .failed): true
        }
    }
}

/// Signed bytes: what leaves.
struct Letter: Hashable, Sendable {
    /// From 1 on, in the order of signing.
    var number: Int
    /// Unix milliseconds.
    var at: Int64
    /// The account whose order the bytes have a place in, and the place: on EVM chains the nonce.
    var lane: String
    var place: UInt64
    /// By what the other side names the bytes.
    var hash: [UInt8]
    var raw: [UInt8]
    var wasHanded = false
}

/// A payment as the ledger has it.
struct OutgoingPayment: Sendable {
    var id: String
    /// CAIP-2: `eip155:137`.
    var rail: String
    var asset: Asset
    var amount: Int64
    /// Canonical JSON of what the rail signs, or has paid.
    var terms: [UInt8]
    /// Unix milliseconds.
    var at: Int64
    var state: PaymentState
    var reason: String
    var since: Int64
    var letters: [Letter]

    /// Whether it leaves as an invoice that a Lightning backend pays, and not as signed bytes.
    var isLightning: Bool { rail.hasPrefix("bip122:") }
    /// The id of the reservation that holds its money.
    static func reservation(_ id: String) -> String { "pay/\(id)" }
}

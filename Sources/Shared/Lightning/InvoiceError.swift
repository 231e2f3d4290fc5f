// Why text is no invoice that may be paid. It must never be so vague that a person cannot tell a typing mistake
// from a fraud.

public import NodeModel

/// Why a BOLT 11 invoice is refused.
public enum InvoiceError: Error, Hashable, Sendable {
    /// Not bech32: a mistyped or cut text.
    case bech32(Bech32Error)
    /// The prefix is not `ln` and a network that is known.
    case unknownNetwork(String)
    /// The amount is not a number without leading zeros and one of the letters m, u, n, p.
    case badAmount(String)
    /// The amount is not a whole number of millisatoshis.
    case belowMillisatoshi(String)
    /// The text is too short for a timestamp and a signature, or ends inside a field.
    case truncated
    /// A field is there twice in a form that counts, or its padding is not zero.
    case badField(Character)
    /// A field that an invoice must have is missing.
    case missingField(Character)
    /// The description is not UTF-8.
    case notText
    /// A feature that this reader must understand, and does not.
    case unknownFeature(Int)
    /// A feature is set without another one that it needs.
    case missingFeature(Int)
    /// No key, or not the key that is named, signed the invoice.
    case badSignature
}

extension InvoiceError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .bech32(.badChecksum): "the invoice has a mistyped character: its checksum does not match"
        case .bech32: "the text is not bech32: it was cut, or it is no Lightning invoice"
        case .unknownNetwork(let prefix): "the invoice is for \"\(prefix)\", not for a Bitcoin network"
        case .badAmount(let text): "the invoice's amount \"\(text)\" is not a number and one of m, u, n, p"
        case .belowMillisatoshi(let text): "the invoice's amount \"\(text)\" is less than whole millisatoshis"
        case .truncated: "the invoice ends before it is complete"
        case .badField(let name): "the invoice's field '\(name)' does not have its form"
        case .missingField(let name): "the invoice's field '\(name)' is missing"
        case .notText: "the invoice's description is not UTF-8"
        case .unknownFeature(let bit): "the invoice asks for feature \(bit), which is not known here"
        case .missingFeature(let bit): "the invoice has features that need feature \(bit), which it lacks"
        case .badSignature: "the invoice is not signed by the node that it names"
        }
    }
}

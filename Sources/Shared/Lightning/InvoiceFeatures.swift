// What payer and payee must both understand (BOLT 9, context 9): bits in pairs, even for must, odd for may.
// It must never let an unknown even bit pass: the payee said that it cannot be ignored.

/// The feature bits of an invoice.
public struct InvoiceFeatures: Hashable, Sendable {
    /// The features that BOLT 9 names for invoices, by their even bit, and those that each one needs.
    static let known: [Int: [Int]] = [
        // var_onion_optin, payment_secret: assumed of every node.
        8: [], 14: [],
        // basic_mpp, route_blinding, attribution_data, payment_metadata
        16: [14], 24: [], 36: [], 48: [],
    ]

    /// The bits that are set, in rising order.
    public let bits: [Int]

    /// Whether the payment may be split (basic_mpp).
    public var allowsParts: Bool { has(16) }

    /// From five-bit words, the most significant first.
    init(words: some Collection<UInt8>) throws(InvoiceError) {
        var bits: [Int] = []
        for (place, word) in words.reversed().enumerated() {
            for bit in 0..<5 where word >> UInt8(bit) & 1 == 1 { bits.append(5 * place + bit) }
        }
        self.bits = bits
        for bit in bits where bit.isMultiple(of: 2) && Self.known[bit] == nil {
            throw .unknownFeature(bit)
        }
        for (feature, needed) in Self.known.sorted(by: { $0.key < $1.key }) where has(feature) {
            for other in needed where !has(other) { throw .missingFeature(other) }
        }
    }

    private func has(_ even: Int) -> Bool { bits.contains(even) || bits.contains(even + 1) }
}

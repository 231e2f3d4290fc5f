// The tagged fields of an invoice: five bits of type, ten of length, then words.
// It must never read over the end; a field of unknown type or length is skipped, as BOLT 11 asks.

import NodeModel

struct InvoiceFields {
    private(set) var paymentHash: Digest?
    private(set) var paymentSecret: [UInt8]?
    private(set) var purpose: Invoice.Purpose?
    private(set) var payee: ECDSAPublicKey?
    private(set) var expiry: UInt64?
    private(set) var minFinalCLTV: UInt64?
    private(set) var features: InvoiceFeatures
    private(set) var fallbacks: [InvoiceFallback] = []
    private(set) var routes: [[InvoiceHop]] = []
    private(set) var metadata: [UInt8]?

    init(_ words: ArraySlice<UInt8>) throws(InvoiceError) {
        features = try InvoiceFeatures(words: [])
        var rest = words
        while !rest.isEmpty {
            guard rest.count >= 3 else { throw .truncated }
            let (type, high, low) = (rest.removeFirst(), rest.removeFirst(), rest.removeFirst())
            let length = Int(high) << 5 | Int(low)
            guard rest.count >= length else { throw .truncated }
            try take(type, rest.prefix(length))
            rest = rest.dropFirst(length)
        }
    }

    /// The first field of a type is the preferred one; hash, secret and payee must not be there twice.
    private mutating func take(_ type: UInt8, _ words: ArraySlice<UInt8>) throws(InvoiceError) {
        switch (type, words.count) {
        case (1, 52):
            guard paymentHash == nil, let bytes = Bech32.bytes(ofWords: words) else { throw .badField("p") }
            paymentHash = Digest(bytes: bytes)
        case (16, 52):
            guard let bytes = Bech32.bytes(ofWords: words), paymentSecret == nil || paymentSecret == bytes
            else { throw .badField("s") }
            paymentSecret = bytes
        case (19, 53):
            guard payee == nil, let bytes = Bech32.bytes(ofWords: words),
                let key = ECDSAPublicKey(bytes: bytes)
            else { throw .badField("n") }
            payee = key
        case (23, 52):
            guard let bytes = Bech32.bytes(ofWords: words) else { throw .badField("h") }
            if purpose == nil { purpose = Digest(bytes: bytes).map { .hash($0) } }
        case (13, _):
            guard let bytes = Bech32.bytes(ofWords: words) else { throw .badField("d") }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw .notText }
            if purpose == nil { purpose = .text(text) }
        case (6, _):
            let value = try number(words, "x")
            expiry = expiry ?? value
        case (24, _):
            let value = try number(words, "c")
            minFinalCLTV = minFinalCLTV ?? value
        case (5, _): features = try InvoiceFeatures(words: words)
        case (27, _):
            guard let bytes = Bech32.bytes(ofWords: words) else { throw .badField("m") }
            if metadata == nil { metadata = bytes }
        case (9, 1...): try fallback(words)
        case (3, _): routes.append(try route(words))
        default: break
        }
    }

    private func number(_ words: ArraySlice<UInt8>, _ name: Character) throws(InvoiceError) -> UInt64 {
        let significant = words.drop { $0 == 0 }
        guard significant.count <= 12 else { throw .badField(name) }
        return significant.reduce(0) { $0 << 5 | UInt64($1) }
    }

    /// A version that is not known yet is skipped.
    private mutating func fallback(_ words: ArraySlice<UInt8>) throws(InvoiceError) {
        guard let version = words.first, version <= 18 else { return }
        guard let program = Bech32.bytes(ofWords: words.dropFirst()) else { throw .badField("f") }
        guard version < 17 ? (2...40).contains(program.count) : program.count == 20 else {
            throw .badField("f")
        }
        fallbacks.append(InvoiceFallback(version: version, program: program))
    }

    private func route(_ words: ArraySlice<UInt8>) throws(InvoiceError) -> [InvoiceHop] {
        guard let bytes = Bech32.bytes(ofWords: words), !bytes.isEmpty, bytes.count.isMultiple(of: 51) else {
            throw .badField("r")
        }
        var hops: [InvoiceHop] = []
        for start in stride(from: 0, to: bytes.count, by: 51) {
            let hop = bytes[start..<(start + 51)]
            func number(_ from: Int, _ count: Int) -> UInt64 {
                hop[(start + from)..<(start + from + count)].reduce(0) { $0 << 8 | UInt64($1) }
            }
            guard let node = ECDSAPublicKey(bytes: Array(hop.prefix(33))) else { throw .badField("r") }
            hops.append(
                InvoiceHop(
                    node: node, channel: number(33, 8), baseFee: UInt32(truncatingIfNeeded: number(41, 4)),
                    proportionalFee: UInt32(truncatingIfNeeded: number(45, 4)),
                    cltvDelta: UInt16(truncatingIfNeeded: number(49, 2))))
        }
        return hops
    }
}

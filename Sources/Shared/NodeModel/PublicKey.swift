// The name of a node or a person: an x-only secp256k1 key (BIP-340, NIP-01).
// It must never hold a private key, nor promise that the 32 bytes are a point on the curve.

/// A Nostr public key: 32 bytes, written as 64 lower-case hexadecimal characters.
public struct PublicKey: Hashable, Sendable, Codable, CustomStringConvertible {
    public let bytes: [UInt8]

    /// The key whose x coordinate is these 32 bytes.
    public init(xOnly coordinate: Digest) { bytes = coordinate.bytes }

    /// - Returns: nil unless there are exactly 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// - Returns: nil unless the text is 64 lower-case hexadecimal characters.
    public init?(hex: String) {
        guard let bytes = Hex.decode(hex, count: 32) else { return nil }
        self.bytes = bytes
    }

    public var hex: String { Hex.encode(bytes) }
    public var description: String { hex }

    /// All bytes at once: one by one they are most of what a lookup in a table costs.
    public func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let key = PublicKey(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a public key is 64 lower-case hexadecimal characters")
        }
        self = key
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

// 32-byte hashes with their meaning in the type, so that one cannot stand where the other belongs.
// It must never compare by anything but the bytes.

/// A SHA-256 hash, written as 64 lower-case hexadecimal characters.
public struct Digest: Hashable, Sendable, Codable, CustomStringConvertible {
    public let bytes: [UInt8]
    public var hex: String { Hex.encode(bytes) }
    public var description: String { hex }

    /// All bytes at once: one by one they are most of what a lookup in a table costs.
    public func hash(into hasher: inout Hasher) {
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
    }

    /// For hash functions of this module, whose output is 32 bytes by construction.
    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

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

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let digest = Digest(hex: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a hash is 64 lower-case hexadecimal characters")
        }
        self = digest
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(hex)
    }
}

/// The address of content: the BEP 52 pieces root of a file (SHA-256 over 16 KiB leaves).
public typealias ContentRoot = Digest

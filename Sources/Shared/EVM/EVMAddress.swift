// An account on an EVM chain: 20 bytes, written with the checksum in the case of its letters (EIP-55).
// It must never accept a mixed-case spelling whose checksum is wrong: that is a mistyped payee.

public import NodeModel

/// Why text is not an address.
public enum EVMAddressError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not `0x` and 40 hexadecimal characters.
    case malformed
    /// Upper case is used, but not as the checksum asks.
    case badChecksum

    public var description: String {
        switch self {
        case .malformed: "an address is 0x and 40 hexadecimal characters"
        case .badChecksum: "the address has a wrong checksum: a character is mistyped (EIP-55)"
        }
    }
}

/// An address on an EVM chain.
public struct EVMAddress: Hashable, Sendable, CustomStringConvertible {
    public let bytes: [UInt8]

    public static let zero = EVMAddress(unchecked: [UInt8](repeating: 0, count: 20))

    init(unchecked bytes: [UInt8]) { self.bytes = bytes }

    /// - Returns: nil unless there are exactly 20 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 20 else { return nil }
        self.bytes = bytes
    }

    /// The account that a public key controls.
    public init(_ key: ECDSAPublicKey) {
        bytes = Array(Keccak256.hash(key.uncompressed.dropFirst()).suffix(20))
    }

    /// Reads an address; all lower case is taken as written without a checksum.
    public init(_ text: some StringProtocol) throws(EVMAddressError) {
        guard text.utf8.count == 42, text.hasPrefix("0x") else { throw .malformed }
        let digits = String(text.dropFirst(2))
        guard let bytes = Hex.decode(digits.lowercased(), count: 20) else { throw .malformed }
        self.bytes = bytes
        guard digits == digits.lowercased() || checksummed == String(text) else { throw .badChecksum }
    }

    /// `0x` and lower-case hexadecimal, as JSON-RPC has it.
    public var lowercase: String { "0x" + Hex.encode(bytes) }

    /// With its checksum (EIP-55), as people see it.
    public var checksummed: String {
        let digits = Array(Hex.encode(bytes).utf8)
        let hash = Keccak256.hash(digits)
        let cased = digits.enumerated().map { index, digit -> UInt8 in
            let nibble = index.isMultiple(of: 2) ? hash[index / 2] >> 4 : hash[index / 2] & 15
            return digit >= 0x61 && nibble >= 8 ? digit - 32 : digit
        }
        return "0x" + String(decoding: cased, as: UTF8.self)
    }

    public var description: String { checksummed }
}

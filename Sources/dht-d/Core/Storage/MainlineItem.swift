// An item of BEP 44: a small value under its own hash (immutable), or under a key and signed (mutable).
// It must never be stored or handed to anybody before its size was checked, and its signature where it has one.

import Crypto

/// One item and what proves it.
public struct MainlineItem: Hashable, Sendable {
    /// What makes an item mutable.
    public struct Proof: Hashable, Sendable {
        /// The author's Ed25519 key, 32 bytes.
        public let key: [UInt8]
        /// Tells items of one author apart; at most 64 bytes.
        public let salt: [UInt8]
        /// Rises with every change.
        public let sequence: Int64
        /// Ed25519 over salt, sequence and value, 64 bytes.
        public let signature: [UInt8]

        /// A proof from its parts.
        public init(key: [UInt8], salt: [UInt8], sequence: Int64, signature: [UInt8]) {
            self.key = key
            self.salt = salt
            self.sequence = sequence
            self.signature = signature
        }
    }

    /// Any value, in bencode.
    public let value: [UInt8]
    /// Nil for an immutable item.
    public let proof: Proof?

    /// The largest value, in bytes of bencode.
    public static let maximumValue = 1000
    /// The largest salt, in bytes.
    public static let maximumSalt = 64

    /// An item from its parts, unchecked.
    public init(value: [UInt8], proof: Proof? = nil) {
        self.value = value
        self.proof = proof
    }

    /// Where it lies: the SHA-1 of the value, or of key and salt.
    public var target: NodeID {
        guard let proof else { return NodeID(truncating: Insecure.SHA1.hash(data: value)) }
        return Self.target(key: proof.key, salt: proof.salt)
    }

    /// Where the items of an author with a salt lie.
    public static func target(key: [UInt8], salt: [UInt8]) -> NodeID {
        NodeID(truncating: Insecure.SHA1.hash(data: key + salt))
    }

    /// What the author signs: `4:salt…3:seqi…e1:v…`, the salt only if there is one.
    public static func signed(value: [UInt8], salt: [UInt8], sequence: Int64) -> [UInt8] {
        var writer = BencodeWriter()
        if !salt.isEmpty {
            writer.key("salt")
            writer.bytes(salt)
        }
        writer.key("seq")
        writer.integer(sequence)
        writer.key("v")
        writer.raw(value)
        return writer.output
    }

    /// Checks the sizes.
    ///
    /// - Throws: the error to answer with (205, 207).
    func checkSize() throws(KRPCError) {
        guard value.count <= Self.maximumValue else {
            throw KRPCError(.tooBig, "v is larger than 1000 bytes")
        }
        guard (proof?.salt.count ?? 0) <= Self.maximumSalt else {
            throw KRPCError(.saltTooBig, "salt is larger than 64 bytes")
        }
    }

    /// Whether the signature is the author's; true for an immutable item, which needs none.
    public var isGenuine: Bool {
        guard let proof else { return true }
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: proof.key) else { return false }
        let text = Self.signed(value: value, salt: proof.salt, sequence: proof.sequence)
        return key.isValidSignature(proof.signature, for: text)
    }
}

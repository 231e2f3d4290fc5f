// A private key under a passphrase, as text that can be kept or printed (NIP-49, ncryptsec).
// It must never derive the passphrase's key itself: that takes memory and time, which whoever holds keys decides.

public import Crypto
public import NodeModel

/// Why text is not an encrypted key, or does not open.
public enum NIP49Error: Error, Hashable, Sendable {
    /// Not bech32.
    case bech32(Bech32Error)
    /// Another prefix than ncryptsec.
    case otherPrefix(String)
    /// Not 91 bytes.
    case wrongLength(Int)
    /// Another version than 2.
    case unknownVersion(UInt8)
    /// A wrong passphrase, or a changed text.
    case notAuthentic
    /// What was encrypted is not a private key.
    case notAKey
}

extension NIP49Error: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .bech32(.badChecksum): "the encrypted key has a mistyped character: its checksum does not match"
        case .bech32: "the text is not an encrypted key: it is not bech32"
        case .otherPrefix(let prefix): "the text is a \(prefix), not an ncryptsec"
        case .wrongLength(let count): "the encrypted key has \(count) bytes, not 91"
        case .unknownVersion(let version): "the encrypted key is of version \(version), not 2"
        case .notAuthentic: "the passphrase is wrong"
        case .notAKey: "what was encrypted is not a private key"
        }
    }
}

/// An encrypted private key, version 2.
public struct NIP49: Hashable, Sendable {
    /// What its maker says of the key's past.
    public enum Handling: UInt8, Sendable {
        /// It was once stored or copied unencrypted.
        case insecure = 0
        /// It never was.
        case secure = 1
        /// Nobody kept track.
        case unknown = 2
    }

    public static let saltLength = 16
    private static let prefix = "ncryptsec"
    private static let version: UInt8 = 2

    /// The power of two of scrypt's cost; memory is 2^(logN + 10) bytes.
    public let logN: UInt8
    /// 16 bytes for scrypt.
    public let salt: [UInt8]
    private let nonce: [UInt8]
    private let handling: UInt8
    private let sealed: [UInt8]

    /// Reads the text; nothing is opened yet.
    public init(_ text: String) throws(NIP49Error) {
        let prefix: String
        let bytes: [UInt8]
        do { (prefix, bytes) = try Bech32.decode(text, longest: 200) } catch { throw .bech32(error) }
        guard prefix == Self.prefix else { throw .otherPrefix(prefix) }
        guard bytes.count == 91 else { throw .wrongLength(bytes.count) }
        guard bytes[0] == Self.version else { throw .unknownVersion(bytes[0]) }
        logN = bytes[1]
        salt = Array(bytes[2..<18])
        nonce = Array(bytes[18..<42])
        handling = bytes[42]
        sealed = Array(bytes[43...])
    }

    /// Encrypts `key`.
    ///
    /// - Parameters:
    ///   - handling: authenticated with the key.
    ///   - logN: the cost that `derived` was made with.
    ///   - salt: the 16 random bytes that `derived` was made with.
    ///   - nonce: 24 bytes; nil draws them from the system.
    ///   - derived: scrypt of the passphrase, r = 8, p = 1, 32 bytes.
    /// - Returns: nil for a salt or nonce of another length.
    public init?(
        _ key: SecretKey, handling: Handling, logN: UInt8, salt: [UInt8], nonce: [UInt8]? = nil,
        derived: SymmetricKey
    ) {
        let drawn = nonce ?? SystemNoise.bytes(XChaCha20Poly1305.nonceLength)
        guard salt.count == Self.saltLength, drawn.count == XChaCha20Poly1305.nonceLength,
            derived.bitCount == 256,
            let sealed = try? key.withBytes({
                try XChaCha20Poly1305.seal(
                    Array($0), key: derived, nonce: drawn, authenticating: [handling.rawValue])
            })
        else { return nil }
        self.logN = logN
        self.salt = salt
        self.nonce = drawn
        self.handling = handling.rawValue
        self.sealed = sealed
    }

    /// The key.
    ///
    /// - Parameter derived: scrypt of the passphrase with `salt` and `logN`, r = 8, p = 1, 32 bytes.
    public func open(_ derived: SymmetricKey) throws(NIP49Error) -> SecretKey {
        guard derived.bitCount == 256,
            let bytes = try? XChaCha20Poly1305.open(
                sealed, key: derived, nonce: nonce, authenticating: [handling])
        else { throw .notAuthentic }
        guard let key = SecretKey(bytes: Array(bytes)) else { throw .notAKey }
        return key
    }

    /// The text that is kept.
    public var text: String {
        Bech32.encode(
            prefix: Self.prefix, bytes: [Self.version, logN] + salt + nonce + [handling] + sealed)
    }
}

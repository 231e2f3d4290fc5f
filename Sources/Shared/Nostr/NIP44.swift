// Encryption between two keys, version 2 (NIP-44): padded, authenticated, one nonce a message.
// It must never decrypt before the HMAC has been checked, nor reuse a nonce: callers give none outside tests.

import Crypto
import FoundationEssentials
public import NodeModel

/// Why a payload could not be encrypted or decrypted.
public enum NIP44Error: Error, Hashable, Sendable {
    /// The peer's key is not on the curve.
    case badPublicKey
    /// The plaintext is empty or longer than 65,535 bytes.
    case plaintextLength(Int)
    /// The payload's length cannot be that of any message.
    case payloadLength(Int)
    /// Another version than 2, or the future encoding marked by `#`.
    case unknownVersion
    /// Not base64.
    case badBase64
    /// The HMAC does not match: changed, or for another key.
    case notAuthentic
    /// The authenticated padding is not as it should be.
    case badPadding
    /// The plaintext is not UTF-8.
    case notText
}

/// NIP-44 version 2.
public enum NIP44 {
    /// The longest plaintext in bytes.
    public static let longestPlaintext = 65_535

    /// The secret that two keys share, from which every message key is derived.
    public struct ConversationKey: Sendable, CustomStringConvertible, CustomReflectable {
        let key: SymmetricKey

        /// The key between `secret` and `peer`; the same from both sides.
        public init(_ secret: SecretKey, with peer: PublicKey) throws(NIP44Error) {
            guard let x = secret.sharedX(with: peer) else { throw .badPublicKey }
            let code = HKDF<SHA256>.extract(
                inputKeyMaterial: SymmetricKey(data: x), salt: Array("nip44-v2".utf8))
            key = SymmetricKey(data: code)
        }

        /// A key from its 32 bytes, as test vectors give it.
        init(bytes: [UInt8]) {
            key = SymmetricKey(data: bytes)
        }

        /// Never the key.
        public var description: String { "ConversationKey(redacted)" }

        /// Never the key.
        public var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    /// Encrypts text; every call gives another payload.
    public static func encrypt(_ text: String, _ key: ConversationKey) throws(NIP44Error) -> String {
        try encrypt(Array(text.utf8), key, nonce: SystemNoise.bytes(32))
    }

    /// Encryption with a chosen nonce: for test vectors.
    static func encrypt(_ plaintext: [UInt8], _ key: ConversationKey, nonce: [UInt8]) throws(NIP44Error)
        -> String
    {
        let keys = MessageKeys(key, nonce: nonce)
        let ciphertext = ChaCha20.apply(to: try pad(plaintext), key: keys.cipher, nonce: keys.cipherNonce)
        let mac = HMAC<SHA256>.authenticationCode(for: nonce + ciphertext, using: keys.mac)
        return Data([2] + nonce + ciphertext + Array(mac)).base64EncodedString()
    }

    /// Decrypts a payload to text.
    public static func decrypt(_ payload: String, _ key: ConversationKey) throws(NIP44Error) -> String {
        let (nonce, ciphertext, mac) = try split(payload)
        let keys = MessageKeys(key, nonce: nonce)
        guard HMAC<SHA256>.isValidAuthenticationCode(mac, authenticating: nonce + ciphertext, using: keys.mac)
        else { throw .notAuthentic }
        let plaintext = try unpad(ChaCha20.apply(to: ciphertext, key: keys.cipher, nonce: keys.cipherNonce))
        guard let text = String(validating: plaintext, as: UTF8.self) else { throw .notText }
        return text
    }

    /// Nonce, ciphertext and HMAC of a payload, before anything is believed.
    static func split(
        _ payload: String
    ) throws(NIP44Error) -> (nonce: [UInt8], ciphertext: [UInt8], mac: [UInt8]) {
        guard payload.utf8.first != UInt8(ascii: "#") else { throw .unknownVersion }
        guard (132...87_472).contains(payload.utf8.count) else { throw .payloadLength(payload.utf8.count) }
        guard let data = Data(base64Encoded: payload) else { throw .badBase64 }
        let bytes = Array(data)
        guard (99...65_603).contains(bytes.count) else { throw .payloadLength(bytes.count) }
        guard bytes[0] == 2 else { throw .unknownVersion }
        return (Array(bytes[1..<33]), Array(bytes[33..<(bytes.count - 32)]), Array(bytes.suffix(32)))
    }

    /// The padded length of a plaintext: steps that hide all but its magnitude.
    static func paddedLength(_ length: Int) -> Int {
        guard length > 32 else { return 32 }
        let power = 1 << (Int.bitWidth - (length - 1).leadingZeroBitCount)
        let step = power <= 256 ? 32 : power / 8
        return step * ((length - 1) / step + 1)
    }

    private static func pad(_ plaintext: [UInt8]) throws(NIP44Error) -> [UInt8] {
        guard (1...longestPlaintext).contains(plaintext.count) else {
            throw .plaintextLength(plaintext.count)
        }
        let zeros = [UInt8](repeating: 0, count: paddedLength(plaintext.count) - plaintext.count)
        return [UInt8(plaintext.count >> 8), UInt8(plaintext.count & 0xff)] + plaintext + zeros
    }

    private static func unpad(_ padded: [UInt8]) throws(NIP44Error) -> [UInt8] {
        guard padded.count >= 2 else { throw .badPadding }
        let length = Int(padded[0]) << 8 | Int(padded[1])
        guard length > 0, padded.count == 2 + paddedLength(length) else { throw .badPadding }
        guard padded[(2 + length)...].allSatisfy({ $0 == 0 }) else { throw .badPadding }
        return Array(padded[2..<(2 + length)])
    }
}

/// The three keys of one message.
struct MessageKeys {
    let cipher: [UInt8]
    let cipherNonce: [UInt8]
    let mac: SymmetricKey

    init(_ conversation: NIP44.ConversationKey, nonce: [UInt8]) {
        let all = HKDF<SHA256>.expand(
            pseudoRandomKey: conversation.key, info: nonce, outputByteCount: 76
        ).withUnsafeBytes { Array($0) }
        cipher = Array(all[..<32])
        cipherNonce = Array(all[32..<44])
        mac = SymmetricKey(data: all[44...])
    }
}

// A private key: it signs, agrees on shared secrets, and is wiped from memory when the last holder lets go.
// It must never print or encode itself. Only ledger-d holds a node's; others construct one only in tests.

import CSecp256k1
public import NodeModel

/// A secp256k1 private key.
public struct SecretKey: EventSigner, CustomStringConvertible, CustomReflectable {
    /// Length in bytes.
    public static let length = 32

    private let memory: SecretBytes
    /// The same number with its point, as the library signs with it; making it costs as much as a signature.
    private let pair: SecretBytes
    /// The public key, as the library checks with it.
    private let point: secp256k1_xonly_pubkey
    /// The x-only public key (BIP-340) that people know this key by.
    public let publicKey: PublicKey

    /// A key from its 32 big-endian bytes; nil unless they are a number from 1 to the curve's order less 1.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.length, secp256k1_ec_seckey_verify(Secp256k1Context.shared, bytes) == 1
        else {
            return nil
        }
        memory = SecretBytes(bytes)
        var pair = secp256k1_keypair()
        defer { withUnsafeMutableBytes(of: &pair) { SecretBytes.wipe($0) } }
        var point = secp256k1_xonly_pubkey()
        var out = [UInt8](repeating: 0, count: 32)
        guard
            memory.withPointer({ secp256k1_keypair_create(Secp256k1Context.shared, &pair, $0) }) == 1,
            secp256k1_keypair_xonly_pub(Secp256k1Context.shared, &point, nil, &pair) == 1,
            secp256k1_xonly_pubkey_serialize(Secp256k1Context.shared, &out, &point) == 1,
            let key = PublicKey(bytes: out)
        else { return nil }
        self.pair = withUnsafeBytes(of: &pair) { SecretBytes($0) }
        self.point = point
        publicKey = key
    }

    /// A fresh key from the system's random source.
    public static func generate() -> SecretKey {
        while true {
            var bytes = SystemNoise.bytes(length)
            defer { bytes.withUnsafeMutableBytes { SecretBytes.wipe($0) } }
            // All but one in 2^127 random numbers are keys.
            if let key = SecretKey(bytes: bytes) { return key }
        }
    }

    /// Signs an event of this key.
    ///
    /// - Throws: `SigningError` when the template names another author.
    public func sign(_ template: EventTemplate) throws(SigningError) -> SignedEvent {
        guard template.pubkey == publicKey else { throw .otherAuthor(template.pubkey) }
        let id = template.computedID()
        return SignedEvent(
            id: Hex.encode(id), pubkey: publicKey, createdAt: template.createdAt, kind: template.kind,
            tags: template.tags, content: template.content, sig: Hex.encode(try signature(of: id)))
    }

    /// A BIP-340 signature, 64 bytes, over a message of any length.
    ///
    /// - Parameters:
    ///   - message: what is signed; for an event, its id.
    ///   - auxiliary: 32 bytes of randomness that protect the nonce; nil draws them from the system.
    /// - Returns: the signature, checked.
    /// - Throws: `SigningError.failed`.
    public func signature(of message: [UInt8], auxiliary: [UInt8]? = nil) throws(SigningError) -> [UInt8] {
        var noise = auxiliary ?? SystemNoise.bytes(32)
        guard noise.count == 32 else { throw .failed }
        var signature = [UInt8](repeating: 0, count: 64)
        let made = noise.withUnsafeMutableBytes { random in
            var extra = secp256k1_schnorrsig_extraparams(
                magic: (0xda, 0x6f, 0xb3, 0x8c), noncefp: nil, ndata: random.baseAddress)
            return pair.withPointer { pair in
                pair.withMemoryRebound(to: secp256k1_keypair.self, capacity: 1) { pair in
                    secp256k1_schnorrsig_sign_custom(
                        Secp256k1Context.shared, &signature, message, message.count, pair, &extra)
                }
            }
        }
        // A signature that does not verify would betray a hardware fault, and could betray the key.
        guard made == 1, isSignature(signature, of: message) else { throw .failed }
        return signature
    }

    private func isSignature(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        withUnsafePointer(to: point) {
            secp256k1_schnorrsig_verify(Secp256k1Context.shared, signature, message, message.count, $0) == 1
        }
    }

    /// The x coordinate of the point shared with `peer` (ECDH without a hash), 32 bytes.
    ///
    /// - Returns: nil when `peer` is not on the curve.
    func sharedX(with peer: PublicKey) -> [UInt8]? {
        var point = secp256k1_pubkey()
        guard
            secp256k1_ec_pubkey_parse(Secp256k1Context.shared, &point, [2] + peer.bytes, 33) == 1
        else { return nil }
        return memory.withPointer { secret in
            var out = [UInt8](repeating: 0, count: 32)
            let copyX:
                @convention(c) (
                    UnsafeMutablePointer<UInt8>?, UnsafePointer<UInt8>?, UnsafePointer<UInt8>?,
                    UnsafeMutableRawPointer?
                ) -> Int32 = { out, x, _, _ in
                    guard let out, let x else { return 0 }
                    out.update(from: x, count: 32)
                    return 1
                }
            return secp256k1_ecdh(Secp256k1Context.shared, &out, &point, secret, copyX, nil) == 1 ? out : nil
        }
    }

    /// Hands the raw bytes to `body`, for storing them; they must not outlive it.
    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try memory.withPointer { try body(UnsafeRawBufferPointer(start: $0, count: Self.length)) }
    }

    /// The public key; never the secret.
    public var description: String { "SecretKey(of \(publicKey.hex))" }

    /// Never the secret.
    public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

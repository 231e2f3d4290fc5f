// The names people copy: npub, nsec, note, nprofile, nevent (NIP-19).
// It must never print the secret of an nsec: it comes out as a `SecretKey`, which does not show itself.

public import NodeModel

/// Why text is not a NIP-19 name that Infernet understands.
public enum NIP19Error: Error, Hashable, Sendable {
    /// Not bech32.
    case bech32(Bech32Error)
    /// A prefix that Infernet does not use.
    case unknownPrefix(String)
    /// A length that the prefix does not allow, or a TLV that runs over the end.
    case wrongLength
    /// The TLV that carries the key or id is missing or repeated.
    case missingSpecial
    /// Bytes that are not a key, or a relay that is not text.
    case badValue
}

/// A NIP-19 name, decoded.
public enum NIP19: Hashable, Sendable {
    /// A public key.
    case npub(PublicKey)
    /// An event id, 32 bytes.
    case note([UInt8])
    /// A public key with relays where it is found.
    case nprofile(PublicKey, relays: [String])
    /// An event id with relays, author and kind where known.
    case nevent(id: [UInt8], relays: [String], author: PublicKey?, kind: UInt32?)

    /// Decodes any of them; a leading `nostr:` (NIP-21) is allowed.
    public init(_ text: String) throws(NIP19Error) {
        let (prefix, bytes) = try Self.unpack(text.hasPrefix("nostr:") ? String(text.dropFirst(6)) : text)
        switch prefix {
        case "npub": self = .npub(try Self.key(bytes))
        case "note":
            guard bytes.count == 32 else { throw .wrongLength }
            self = .note(bytes)
        case "nprofile":
            let list = try TLVList(bytes)
            self = .nprofile(try Self.key(try list.only(.special)), relays: try list.relays())
        case "nevent":
            let list = try TLVList(bytes)
            let id = try list.only(.special)
            guard id.count == 32 else { throw .wrongLength }
            let author = try list.optional(.author)
            let kind = try list.optional(.kind)
            guard kind == nil || kind?.count == 4 else { throw .wrongLength }
            self = .nevent(
                id: id, relays: try list.relays(),
                author: try author.map { (bytes) throws(NIP19Error) in
                    try Self.key(bytes)
                }, kind: kind?.reduce(0) { $0 << 8 | UInt32($1) })
        default: throw .unknownPrefix(prefix)
        }
    }

    /// The text people copy.
    public var text: String {
        switch self {
        case .npub(let key): return Bech32.encode(prefix: "npub", bytes: key.bytes)
        case .note(let id): return Bech32.encode(prefix: "note", bytes: id)
        case .nprofile(let key, let relays):
            var list = TLVList()
            list.add(.special, key.bytes)
            for relay in relays { list.add(.relay, Array(relay.utf8)) }
            return Bech32.encode(prefix: "nprofile", bytes: list.bytes)
        case .nevent(let id, let relays, let author, let kind):
            var list = TLVList()
            list.add(.special, id)
            for relay in relays { list.add(.relay, Array(relay.utf8)) }
            if let author { list.add(.author, author.bytes) }
            if let kind { list.add(.kind, (0..<4).map { UInt8(truncatingIfNeeded: kind >> (24 - 8 * $0)) }) }
            return Bech32.encode(prefix: "nevent", bytes: list.bytes)
        }
    }

    /// The private key of an `nsec`.
    public static func secretKey(nsec text: String) throws(NIP19Error) -> SecretKey {
        let (prefix, bytes) = try unpack(text)
        guard prefix == "nsec" else { throw .unknownPrefix(prefix) }
        guard bytes.count == SecretKey.length else { throw .wrongLength }
        guard let key = SecretKey(bytes: bytes) else { throw .badValue }
        return key
    }

    private static func unpack(_ text: String) throws(NIP19Error) -> (prefix: String, bytes: [UInt8]) {
        do { return try Bech32.decode(text) } catch { throw .bech32(error) }
    }

    private static func key(_ bytes: [UInt8]) throws(NIP19Error) -> PublicKey {
        guard bytes.count == 32 else { throw .wrongLength }
        guard Schnorr.isValidPublicKey(bytes), let key = PublicKey(bytes: bytes) else { throw .badValue }
        return key
    }
}

extension PublicKey {
    /// The `npub` of this key (NIP-19).
    public var npub: String { NIP19.npub(self).text }

    /// A key from what a person typed: an `npub`, or 64 lower-case hexadecimal characters.
    public init?(npubOrHex text: String) {
        if let key = PublicKey(hex: text) {
            self = key
        } else if case .npub(let key)? = try? NIP19(text) {
            self = key
        } else {
            return nil
        }
    }
}

extension SecretKey {
    /// The `nsec` of this key (NIP-19): the secret itself, for backup only.
    public func exposeNsec() -> String {
        withBytes { Bech32.encode(prefix: "nsec", bytes: Array($0)) }
    }
}

// A Nostr event before its signature: what is signed and how its id is computed (NIP-01).
// It must never hold a private key; whoever holds one asks for `computedID()` and signs that.

import Crypto

/// An unsigned Nostr event (NIP-01) with its author.
public struct EventTemplate: Hashable, Sendable {
    /// The author.
    public var pubkey: PublicKey
    /// Unix time in seconds.
    public var createdAt: Int64
    /// The NIP-01 kind, 0...65535.
    public var kind: Int
    /// Tags; the first string of each is its name.
    public var tags: [[String]]
    /// Free text; its meaning depends on the kind.
    public var content: String

    /// An unsigned event.
    public init(pubkey: PublicKey, createdAt: Int64, kind: Int, tags: [[String]] = [], content: String = "") {
        self.pubkey = pubkey
        self.createdAt = createdAt
        self.kind = kind
        self.tags = tags
        self.content = content
    }

    /// The NIP-01 id: SHA-256 of `serialized()`, 32 bytes.
    public func computedID() -> [UInt8] {
        Array(SHA256.hash(data: serialized()))
    }

    /// The bytes whose hash is the id: `[0,pubkey,created_at,kind,tags,content]`, UTF-8, no white space.
    public func serialized() -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(content.utf8.count + tags.count * 80 + 120)
        out += "[0,\"".utf8
        out += pubkey.hex.utf8
        out += "\",".utf8
        out += String(createdAt).utf8
        out.append(UInt8(ascii: ","))
        out += String(kind).utf8
        out += ",[".utf8
        for (index, tag) in tags.enumerated() {
            if index > 0 { out.append(UInt8(ascii: ",")) }
            out.append(UInt8(ascii: "["))
            for (position, item) in tag.enumerated() {
                if position > 0 { out.append(UInt8(ascii: ",")) }
                Self.quote(item, into: &out)
            }
            out.append(UInt8(ascii: "]"))
        }
        out += "],".utf8
        Self.quote(content, into: &out)
        out.append(UInt8(ascii: "]"))
        return out
    }

    /// NIP-01 names seven characters that are escaped, each in one way; every other one stands verbatim.
    private static func quote(_ text: String, into out: inout [UInt8]) {
        out.append(0x22)
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            for place in bytes.indices {
                guard let letter = letter(of: bytes[place]) else { continue }
                out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<place]))
                out.append(0x5C)
                out.append(letter)
                start = place + 1
            }
            out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
        }
        out.append(0x22)
    }

    /// What stands behind the backslash; nil for what stands for itself.
    @inline(__always)
    private static func letter(of byte: UInt8) -> UInt8? {
        guard byte < 0x20 || byte == 0x22 || byte == 0x5C else { return nil }
        return switch byte {
        case 0x0A: UInt8(ascii: "n")
        case 0x22, 0x5C: byte
        case 0x0D: UInt8(ascii: "r")
        case 0x09: UInt8(ascii: "t")
        case 0x08: UInt8(ascii: "b")
        case 0x0C: UInt8(ascii: "f")
        default: nil
        }
    }
}

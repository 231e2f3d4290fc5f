// CIDv1 of one raw block: how a manifest is called everywhere that IPFS tools are understood. Pure.
// It must never give a second spelling of one address: only version 1, raw, SHA-256, lower-case base32.

import NodeModel

/// A CIDv1 with codec raw (0x55) and multihash sha2-256 (0x12, 32 bytes), as `bafkrei…`.
struct CID: Hashable, Sendable, CustomStringConvertible {
    private static let prefix: [UInt8] = [0x01, 0x55, 0x12, 0x20]
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    /// SHA-256 of the block.
    let digest: Digest

    init(_ digest: Digest) { self.digest = digest }

    /// The address of a block's bytes.
    init(hashing block: [UInt8]) { digest = Digest(hashing: block) }

    /// - Returns: nil unless `text` is exactly what `description` writes.
    init?(_ text: String) {
        guard text.first == "b", let bytes = Self.decode(text.utf8.dropFirst()), bytes.count == 36,
            bytes.starts(with: Self.prefix), let digest = Digest(bytes: Array(bytes.dropFirst(4)))
        else { return nil }
        self.digest = digest
        guard description == text else { return nil }
    }

    /// `b`, for lower-case base32 without padding (multibase), and the bytes.
    var description: String {
        var out: [UInt8] = [UInt8(ascii: "b")]
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for byte in Self.prefix + digest.bytes {
            bits = bits << 8 | UInt32(byte)
            held += 8
            while held >= 5 {
                held -= 5
                out.append(Self.alphabet[Int(bits >> held & 31)])
            }
            bits &= (1 << held) - 1
        }
        if held > 0 { out.append(Self.alphabet[Int(bits << (5 - held) & 31)]) }
        return String(decoding: out, as: UTF8.self)
    }

    private static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var bits: UInt32 = 0
        var held: UInt32 = 0
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 5 | UInt32(value)
            held += 5
            if held >= 8 {
                held -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> held))
                bits &= (1 << held) - 1
            }
        }
        return out
    }
}

// Bech32 (BIP-173, checksum constant 1): text that people copy, with a checksum that finds their mistakes.
// It must never be used inside events: there keys and ids are hexadecimal (NIP-19).

/// Why text is not bech32.
public enum Bech32Error: Error, Hashable, Sendable {
    /// Longer than the limit.
    case tooLong
    /// A character outside the alphabet, or lower and upper case mixed.
    case badCharacter
    /// No prefix, no separator, or no room for a checksum.
    case badShape
    /// The checksum does not match: a mistyped character.
    case badChecksum
    /// The last bits are not a whole byte's padding.
    case badPadding
}

/// Bech32 with a prefix and bytes.
public enum Bech32 {
    /// NIP-19's suggested limit, in characters; BIP-173's own 90 is too short for it.
    public static let longest = 5000

    private static let alphabet = Array("qpzry9x8gf2tvdw0s3jn54khce6mua7l".utf8)

    /// The text of `bytes` under `prefix`, which must be lower-case ASCII.
    public static func encode(prefix: String, bytes: [UInt8]) -> String {
        let prefix = Array(prefix.utf8)
        let words = regroup(bytes, from: 8, to: 5, pad: true) ?? []
        let checksum = polymod(expand(prefix) + words + [0, 0, 0, 0, 0, 0]) ^ 1
        let tail = (0..<6).map { UInt8(truncatingIfNeeded: checksum >> (5 * (5 - UInt32($0)))) & 31 }
        return String(decoding: prefix + [0x31] + (words + tail).map { alphabet[Int($0)] }, as: UTF8.self)
    }

    /// The prefix, in lower case, and the bytes of `text`.
    public static func decode(
        _ text: String, longest: Int = Bech32.longest
    ) throws(Bech32Error) -> (prefix: String, bytes: [UInt8]) {
        let (prefix, words) = try decodeWords(text, longest: longest)
        guard let bytes = bytes(ofWords: words) else { throw .badPadding }
        return (prefix, bytes)
    }

    /// The prefix, in lower case, and the five-bit words between separator and checksum, for formats whose
    /// fields do not end at bytes (BOLT 11).
    public static func decodeWords(
        _ text: String, longest: Int = Bech32.longest
    ) throws(Bech32Error) -> (prefix: String, words: [UInt8]) {
        let characters = Array(text.utf8)
        guard characters.count <= longest else { throw .tooLong }
        guard characters.allSatisfy({ (33...126).contains($0) }) else { throw .badCharacter }
        let hasLower = characters.contains { (0x61...0x7A).contains($0) }
        let hasUpper = characters.contains { (0x41...0x5A).contains($0) }
        guard !(hasLower && hasUpper) else { throw .badCharacter }
        let lowered = characters.map { (0x41...0x5A).contains($0) ? $0 + 32 : $0 }
        guard let separator = lowered.lastIndex(of: 0x31), separator >= 1, separator + 7 <= lowered.count
        else {
            throw .badShape
        }
        var words: [UInt8] = []
        for character in lowered[(separator + 1)...] {
            guard let value = alphabet.firstIndex(of: character) else { throw .badCharacter }
            words.append(UInt8(value))
        }
        let prefix = Array(lowered[..<separator])
        guard polymod(expand(prefix) + words) == 1 else { throw .badChecksum }
        return (String(decoding: prefix, as: UTF8.self), Array(words.dropLast(6)))
    }

    /// The bytes in five-bit words; nil when the last bits are more than padding, or not zero.
    public static func bytes(ofWords words: some Collection<UInt8>) -> [UInt8]? {
        regroup(words, from: 5, to: 8, pad: false)
    }

    /// The bytes in five-bit words, the last one filled up with zero bits: what BOLT 11 signs.
    public static func paddedBytes(ofWords words: some Collection<UInt8>) -> [UInt8] {
        regroup(words, from: 5, to: 8, pad: true) ?? []
    }

    private static func expand(_ prefix: [UInt8]) -> [UInt8] {
        prefix.map { $0 >> 5 } + [0] + prefix.map { $0 & 31 }
    }

    private static func polymod(_ words: [UInt8]) -> UInt32 {
        let generator: [UInt32] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3]
        var state: UInt32 = 1
        for word in words {
            let top = state >> 25
            state = (state & 0x1ff_ffff) << 5 ^ UInt32(word)
            for bit in 0..<5 where top >> UInt32(bit) & 1 == 1 { state ^= generator[bit] }
        }
        return state
    }

    private static func regroup(_ input: some Collection<UInt8>, from: UInt32, to: UInt32, pad: Bool)
        -> [UInt8]?
    {
        var out: [UInt8] = []
        var accumulator: UInt32 = 0
        var bits: UInt32 = 0
        for word in input {
            accumulator = (accumulator << from | UInt32(word)) & 0xfff
            bits += from
            while bits >= to {
                bits -= to
                out.append(UInt8(truncatingIfNeeded: accumulator >> bits & ((1 << to) - 1)))
            }
        }
        if pad {
            if bits > 0 {
                out.append(UInt8(truncatingIfNeeded: accumulator << (to - bits) & ((1 << to) - 1)))
            }
        } else if bits >= from || accumulator & ((1 << bits) - 1) != 0 {
            return nil
        }
        return out
    }
}

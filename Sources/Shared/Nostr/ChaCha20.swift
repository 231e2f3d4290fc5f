// The ChaCha20 stream (RFC 8439) with a counter from 0, as NIP-44 needs it.
// It must never stand alone: it hides but does not protect from change; NIP-44 adds an HMAC.

enum ChaCha20 {
    /// Encrypts or decrypts: the same operation. `key` has 32 bytes, `nonce` 12; blocks count from `counter`.
    static func apply(to input: [UInt8], key: [UInt8], nonce: [UInt8], counter: UInt32 = 0) -> [UInt8] {
        precondition(key.count == 32 && nonce.count == 12, "ChaCha20 takes a 32-byte key and a 12-byte nonce")
        var state = constants
        state += words(key)
        state.append(counter)
        state += words(nonce)
        var out = input
        var offset = 0
        while offset < out.count {
            let stream = block(state)
            for index in 0..<min(64, out.count - offset) {
                out[offset + index] ^= UInt8(truncatingIfNeeded: stream[index / 4] >> UInt32(8 * (index % 4)))
            }
            offset += 64
            state[12] &+= 1
        }
        return out
    }

    /// HChaCha20: a 32-byte key out of a 32-byte key and 16 bytes of a longer nonce.
    static func derive(key: [UInt8], nonce: [UInt8]) -> [UInt8] {
        precondition(
            key.count == 32 && nonce.count == 16, "HChaCha20 takes a 32-byte key and a 16-byte nonce")
        let mixed = rounds(constants + words(key) + words(nonce))
        return (mixed[..<4] + mixed[12...]).flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) }
        }
    }

    private static let constants: [UInt32] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]

    private static func words(_ bytes: [UInt8]) -> [UInt32] {
        var out: [UInt32] = []
        for at in stride(from: 0, to: bytes.count, by: 4) {
            var word: UInt32 = 0
            for index in (0..<4).reversed() { word = word << 8 | UInt32(bytes[at + index]) }
            out.append(word)
        }
        return out
    }

    private static func block(_ state: [UInt32]) -> [UInt32] {
        var x = rounds(state)
        for index in 0..<16 { x[index] &+= state[index] }
        return x
    }

    /// Twenty rounds, without adding what they began with.
    private static func rounds(_ state: [UInt32]) -> [UInt32] {
        var x = state
        for _ in 0..<10 {
            quarter(&x, 0, 4, 8, 12)
            quarter(&x, 1, 5, 9, 13)
            quarter(&x, 2, 6, 10, 14)
            quarter(&x, 3, 7, 11, 15)
            quarter(&x, 0, 5, 10, 15)
            quarter(&x, 1, 6, 11, 12)
            quarter(&x, 2, 7, 8, 13)
            quarter(&x, 3, 4, 9, 14)
        }
        return x
    }

    private static func quarter(_ x: inout [UInt32], _ a: Int, _ b: Int, _ c: Int, _ d: Int) {
        x[a] &+= x[b]
        x[d] = rotate(x[d] ^ x[a], 16)
        x[c] &+= x[d]
        x[b] = rotate(x[b] ^ x[c], 12)
        x[a] &+= x[b]
        x[d] = rotate(x[d] ^ x[a], 8)
        x[c] &+= x[d]
        x[b] = rotate(x[b] ^ x[c], 7)
    }

    private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 {
        value << by | value >> (32 - by)
    }
}

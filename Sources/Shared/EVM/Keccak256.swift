// Keccak-256 as Ethereum uses it: the padding of the contest's submission (0x01), not SHA-3's (0x06, FIPS 202).
// It must never be used where SHA-256 is meant: the rest of Infernet hashes with SHA-256.

/// Keccak-256.
public enum Keccak256 {
    /// Bytes taken in by one permutation: 1600 bits less twice the output.
    private static let rate = 136

    /// The 32-byte hash.
    public static func hash(_ message: some Sequence<UInt8>) -> [UInt8] {
        var state = [UInt64](repeating: 0, count: 25)
        var filled = 0
        for byte in message {
            state[filled / 8] ^= UInt64(byte) << UInt64(8 * (filled % 8))
            filled += 1
            if filled == rate {
                permute(&state)
                filled = 0
            }
        }
        state[filled / 8] ^= 0x01 << UInt64(8 * (filled % 8))
        state[(rate - 1) / 8] ^= 0x80 << 56
        permute(&state)
        return (0..<32).map { UInt8(truncatingIfNeeded: state[$0 / 8] >> UInt64(8 * ($0 % 8))) }
    }

    private static let roundConstants: [UInt64] = [
        0x0000_0000_0000_0001, 0x0000_0000_0000_8082, 0x8000_0000_0000_808A, 0x8000_0000_8000_8000,
        0x0000_0000_0000_808B, 0x0000_0000_8000_0001, 0x8000_0000_8000_8081, 0x8000_0000_0000_8009,
        0x0000_0000_0000_008A, 0x0000_0000_0000_0088, 0x0000_0000_8000_8009, 0x0000_0000_8000_000A,
        0x0000_0000_8000_808B, 0x8000_0000_0000_008B, 0x8000_0000_0000_8089, 0x8000_0000_0000_8003,
        0x8000_0000_0000_8002, 0x8000_0000_0000_0080, 0x0000_0000_0000_800A, 0x8000_0000_8000_000A,
        0x8000_0000_8000_8081, 0x8000_0000_0000_8080, 0x0000_0000_8000_0001, 0x8000_0000_8000_8008,
    ]

    /// Where each lane goes and how far it turns, along the one cycle that pi makes of the lanes 1 to 24.
    private static let cycle: [(lane: Int, turn: UInt64)] = {
        var (x, y) = (1, 0)
        return (1...24).map { step in
            (x, y) = (y, (2 * x + 3 * y) % 5)
            return (x + 5 * y, UInt64(step * (step + 1) / 2 % 64))
        }
    }()

    /// Keccak-f[1600].
    private static func permute(_ state: inout [UInt64]) {
        var columns = [UInt64](repeating: 0, count: 5)
        for constant in roundConstants {
            // theta
            for x in 0..<5 {
                columns[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
            }
            for x in 0..<5 {
                let mixed = columns[(x + 4) % 5] ^ rotate(columns[(x + 1) % 5], 1)
                for y in stride(from: 0, to: 25, by: 5) { state[x + y] ^= mixed }
            }
            // rho and pi
            var moving = state[1]
            for (lane, turn) in cycle {
                let displaced = state[lane]
                state[lane] = rotate(moving, turn)
                moving = displaced
            }
            // chi
            for y in stride(from: 0, to: 25, by: 5) {
                for x in 0..<5 { columns[x] = state[y + x] }
                for x in 0..<5 { state[y + x] = columns[x] ^ (~columns[(x + 1) % 5] & columns[(x + 2) % 5]) }
            }
            // iota
            state[0] ^= constant
        }
    }

    private static func rotate(_ value: UInt64, _ by: UInt64) -> UInt64 {
        by == 0 ? value : value << by | value >> (64 - by)
    }
}

// Proves Keccak-256 against eth-utils and pycryptodome at every length from 0 to 300: all paddings, three blocks.

import NodeModel
import Testing

@testable import EVM

@Suite struct Keccak256Tests {
    @Test func allLengthsUpTo300() throws {
        let hashes = try Vectors.read("keccak.json", [String].self)
        #expect(hashes.count == 301)
        for (length, expected) in hashes.enumerated() {
            let message = (0..<length).map { UInt8(truncatingIfNeeded: 7 * $0 + length) }
            #expect(Hex.encode(Keccak256.hash(message)) == expected, "length \(length)")
        }
    }

    @Test func theEmptyHashIsNotSHA3s() {
        #expect(
            Hex.encode(Keccak256.hash([]))
                == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
    }
}

// Proves RLP against pyrlp in both directions, and against every invalid example of ethereum/tests.

import NodeModel
import Testing

@testable import EVM

@Suite struct RLPTests {
    private func item(_ item: Vectors.Item) throws -> RLP {
        switch item {
        case .text(let hex): .bytes(try bytes(hex))
        case .list(let items): .list(try items.map { try self.item($0) })
        default: try #require(nil as RLP?)
        }
    }

    @Test func agreesWithPyRLP() throws {
        let vectors = try Vectors.load().rlp
        #expect(vectors.count == 70)
        for vector in vectors {
            let (value, encoded) = (try item(vector.value), try bytes(vector.rlp))
            #expect(value.encoded == encoded)
            #expect(try RLP(decoding: encoded) == value)
            for end in Set([0, 1, encoded.count / 2, encoded.count - 1]) where end < encoded.count {
                #expect(throws: RLPError.self) { try RLP(decoding: encoded.prefix(end)) }
            }
            #expect(throws: RLPError.trailing) { try RLP(decoding: encoded + [0]) }
        }
    }

    @Test func numbersAreMinimal() {
        #expect(RLP.number(0).encoded == [0x80] && RLP.number(127).encoded == [0x7f])
        #expect(RLP.number(128).encoded == [0x81, 0x80] && RLP.number(1000).encoded == [0x82, 0x03, 0xe8])
    }

    /// ethereum/tests, RLPTests/invalidRLPTest.json.
    static let invalid: [(String, RLPError)] = [
        ("bf0f000000000000021111", RLPError.truncated), ("ff0f000000000000021111", .truncated),
        ("f80180", .notCanonical), ("f80100", .notCanonical),
        ("b9002100dc2b275d0f74e8a53e6f4ec61b27f24278820be3f82ea2110e582081b0565df0", .notCanonical),
        (
            "f861f83eb9002100dc2b275d0f74e8a53e6f4ec61b27f24278820be3f82ea2110e582081b0565df027b90015002d5ef8"
                + "325ae4d034df55d4b58d0dfba64d61ddd17be00000b9001a00dae30907045a2f66fa36f2bb8aa9029cbb0b8a7b3b5c"
                + "435ab331", .notCanonical
        ),
        ("8100", .notCanonical), ("8101", .notCanonical), ("817f", .notCanonical),
        (
            "b90040000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c"
                + "2d2e2f303132333435363738393a3b3c3d3e3f", .notCanonical
        ),
        ("b800", .notCanonical),
        (
            "fb00000040000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627282"
                + "92a2b2c2d2e2f303132333435363738393a3b3c3d3e3f", .notCanonical
        ),
        ("f800", .notCanonical), ("b81000112233445566778899aabbccddeeff", .notCanonical),
        ("b801ff", .notCanonical), ("f810000102030405060708090a0b0c0d0e0f", .notCanonical),
        ("f803112233", .notCanonical), ("", .truncated), ("b8", .truncated), ("bf", .truncated),
        ("bfffffffffffffffff", .truncated), ("ff8000000000000000", .truncated), ("c281", .truncated),
    ]

    @Test(arguments: invalid)
    func invalidExamples(_ hex: String, _ error: RLPError) throws {
        let encoded = try bytes(hex)
        #expect(throws: error) { try RLP(decoding: encoded) }
    }

    @Test func depthIsBounded() throws {
        var item = RLP.list([])
        for _ in 1..<RLP.deepest { item = .list([item]) }
        #expect(try RLP(decoding: item.encoded) == item)
        #expect(throws: RLPError.tooDeep) { try RLP(decoding: RLP.list([item]).encoded) }
    }
}

// Proves that addresses are libtorrent's and coreutils', however the bytes come in.

import NodeModel
import Testing

@testable import ContentCore

@Suite struct ContentHasherTests {
    @Test("the pieces root is libtorrent's, the whole hash SHA-256's", arguments: merkleVectors)
    func vectors(_ vector: (size: Int, root: String, sha256: String)) throws {
        let address = try #require(Sample.address(Sample.bytes(vector.size)))
        #expect(address.root.hex == vector.root)
        #expect(address.sha256?.hex == vector.sha256)
        #expect(address.size == Int64(vector.size))
    }

    @Test("how the stream is cut changes nothing")
    func splits() throws {
        let bytes = Sample.bytes(540_673)
        let whole = try #require(Sample.address(bytes))
        var random = SystemRandomNumberGenerator()
        for step in [1, 7, 4096, 16_383, 16_384, 16_385, 65_536, 100_001] {
            #expect(
                Sample.address(bytes, splits: Array(stride(from: step, to: bytes.count, by: step))) == whole)
        }
        for _ in 0..<10 {
            let splits = (0..<20).map { _ in Int.random(in: 0...bytes.count, using: &random) }.sorted()
            #expect(Sample.address(bytes, splits: splits) == whole)
        }
    }

    @Test("no bytes have no address, as in BEP 52")
    func empty() {
        #expect(Sample.address([]) == nil)
    }

    @Test("every byte matters")
    func sensitivity() throws {
        var bytes = Sample.bytes(81_937)
        let whole = try #require(Sample.address(bytes))
        for at in [0, 16_383, 16_384, 50_000, 81_936] {
            bytes[at] ^= 1
            #expect(Sample.address(bytes)?.root != whole.root)
            bytes[at] ^= 1
        }
    }
}

// Proves that the corpora run through the fuzz entries, and so do random mutations of them, without a trap.

import Foundation
import Testing

@testable import ContentCore

@Suite struct ContentFuzzTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fuzz/corpus")

    private func seeds(_ name: String) throws -> [[UInt8]] {
        let folder = Self.corpus.appending(path: name)
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .map { (url: URL) throws -> [UInt8] in [UInt8](try Data(contentsOf: url)) }
    }

    @Test("corpora and 20,000 mutations of them", arguments: ["gguf", "manifest"])
    func mutations(_ name: String) throws {
        func entry(_ bytes: [UInt8]) {
            if name == "gguf" { ContentFuzz.gguf(bytes) } else { ContentFuzz.manifest(bytes) }
        }
        let seeds = try seeds(name)
        #expect(seeds.count >= 4)
        var random = SystemRandomNumberGenerator()
        for seed in seeds {
            entry(seed)
            for _ in 0..<(20_000 / seeds.count) {
                var bytes = seed
                for _ in 0..<Int.random(in: 1...6, using: &random) where !bytes.isEmpty {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
                    case 1: bytes[at] = [0, 0xFF, 0x7F, 0x80].randomElement(using: &random) ?? 0
                    case 2: bytes.removeSubrange(at...)
                    default: bytes.insert(UInt8.random(in: .min ... .max, using: &random), at: at)
                    }
                }
                entry(bytes)
            }
        }
    }
}

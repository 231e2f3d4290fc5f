// Proves that every fuzz seed and thousands of damaged copies are survived: a crash here is a remote one.

import Foundation
import Nostr
import Testing

@Suite struct NostrFuzzTests {
    static let entries: [(String, @Sendable (UnsafeRawBufferPointer) -> Void)] = [
        ("event", NostrFuzz.event), ("receipt", NostrFuzz.receipt), ("evidence", NostrFuzz.evidence),
        ("descriptor", NostrFuzz.descriptor),
        ("nip19", NostrFuzz.nip19),
        ("nip44", NostrFuzz.nip44), ("nip49", NostrFuzz.nip49), ("wallet", NostrFuzz.wallet),
    ]

    @Test(arguments: entries.map(\.0))
    func seedsAndDamagedSeedsAreSurvived(_ name: String) throws {
        let entry = try #require(Self.entries.first { $0.0 == name }).1
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let folder = root.appendingPathComponent("Fuzz/corpus/\(name)")
        let seeds = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!seeds.isEmpty)
        var state: UInt64 = 20_261_123
        for seed in seeds {
            let bytes = [UInt8](try Data(contentsOf: seed))
            bytes.withUnsafeBytes(entry)
            for _ in 0..<200 where !bytes.isEmpty {
                var damaged = bytes
                for _ in 0..<3 {
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    let place = Int(state >> 33) % damaged.count
                    damaged[place] = UInt8(truncatingIfNeeded: state >> 24)
                    if state >> 62 == 0, damaged.count > 4 { damaged.remove(at: place) }
                }
                damaged.withUnsafeBytes(entry)
            }
        }
    }
}

// Proves that evidence comes back from its file as it went, that a damaged file is set aside, and that nothing in it is believed.

import DHTSimulation
import FoundationEssentials
import NodeModel
import Nostr
import TestKit
import Testing

@testable import DHTCore

@Suite struct EvidenceFileTests {
    private let folder: TemporaryDirectory
    private var file: EvidenceFile { EvidenceFile(path: folder.appending("evidence.state")) }
    private let pieces: [[UInt8]] = [[1, 2, 3], [], [UInt8](repeating: 7, count: 800)]

    init() throws { folder = try TemporaryDirectory() }

    private func put(_ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: file.path)) }

    @Test func whatIsWrittenComesBack() throws {
        #expect(try file.read() == [])
        try file.write(pieces)
        #expect(try file.read() == pieces)
        try file.write([])
        #expect(try file.read() == [])
        let most = EvidenceStore.Limits().total
        try file.write([[UInt8]](repeating: pieces[2], count: most + 5) + [[UInt8](repeating: 1, count: 801)])
        #expect(try file.read()?.count == most)
    }

    @Test func aDamagedFileIsSetAside() throws {
        let good = EvidenceFile.encoded(pieces)
        #expect(EvidenceFile.pieces(good) == pieces)
        let whole = [20, 25, 27, good.count]
        for cut in 0..<good.count where !whole.contains(cut) {
            #expect(EvidenceFile.pieces(Array(good.prefix(cut))) == nil, "cut at \(cut)")
        }
        try put(Array(good.dropLast()))
        #expect(try file.read() == nil)
        #expect(try file.read() == [], "the next start is clean")
        // Longer than any piece, and longer than any file.
        #expect(EvidenceFile.pieces(EvidenceFile.mark + [3, 33] + [UInt8](repeating: 1, count: 801)) == nil)
        try put(EvidenceFile.mark + [UInt8](repeating: 0, count: EvidenceFile.maximumSize))
        #expect(try file.read() == nil)
    }

    @Test func aForgedPieceOnTheDiskIsNotKept() throws {
        let now = Moment(milliseconds: 1_000, unixSeconds: 1_800_000_000)
        var random = DHTRandom(seed: 3)
        var node = DHTNode(
            id: NodeID.random(using: &random), configuration: DHTConfiguration(), random: DHTRandom(seed: 4),
            now: now)
        let good = try TestEvidence.signed(by: 1, created: now.unixSeconds)
        let forged = SignedEvent(
            try TestEvidence.signed(by: 2, created: now.unixSeconds).template,
            signature: [UInt8](repeating: 7, count: 64))
        let kept = [try TestEvidence.bytes(good), try TestEvidence.bytes(forged), [1, 2, 3]]
        _ = node.handle(.command(.keepEvidence(kept)), now: now)
        let provider = try TestCards.key(200).publicKey
        #expect(node.desk.store.count == 1 && node.desk.store.all(on: provider) == [good])
    }

    @Test func everyChangeHasARevision() throws {
        var store = EvidenceStore()
        var random = DHTRandom(seed: 3)
        let own = NodeID.random(using: &random)
        let now: Int64 = 1_800_000_000
        func put(_ job: Int, _ created: Int64) throws {
            let event = TestCards.fakeEvidence(by: 100, on: 0, job: job, created: created)
            try store.put(
                CardRecord(event)?.encoded ?? [], from: nil, own: [own], unixNow: now,
                verify: TestCards.isFakeSigned)
        }
        var seen: [UInt64] = [store.revision]
        // The ninth word of one client takes the place of his first: as many as before, and yet another.
        for job in 0..<9 {
            try put(job, now - 100 + Int64(job))
            seen.append(store.revision)
        }
        #expect(Set(seen).count == 10 && store.count == 8 && store.everything.count == 8)
        try put(8, now - 92)
        store.expire(unixNow: now)
        #expect(store.revision == seen.last, "what is known already changes nothing")
        store.expire(unixNow: now + 200 * 86_400)
        #expect(store.revision != seen.last && store.everything.isEmpty)
    }
}

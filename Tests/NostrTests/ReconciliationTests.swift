// Proves that two sides find out exactly what each lacks, at a cost that follows the difference, and that hostile messages
// cost no more than their size.

import Crypto
import NodeModel
import Nostr
import Testing

@Suite struct ReconciliationTests {
    /// Item number `number` of the world; several share a second.
    static func item(_ number: Int) throws -> ReconciledItem {
        let id = Array(SHA256.hash(data: Array("item \(number)".utf8)))
        return try #require(ReconciledItem(time: 1_800_000_000 + UInt64(number / 3), id: id))
    }

    private struct Outcome {
        var have: Set<[UInt8]> = []
        var need: Set<[UInt8]> = []
        var rounds = 0
        var bytes = 0
    }

    private func reconcile(_ mine: [Int], _ theirs: [Int], limit: Int = 60_000) throws -> Outcome {
        var asker = Reconciliation(try mine.map(Self.item), limit: limit)
        let asked = Reconciliation(try theirs.map(Self.item), limit: limit)
        var outcome = Outcome()
        var message: [UInt8]? = asker.begin()
        while let question = message {
            let answer = try asked.answer(question)
            outcome.rounds += 1
            outcome.bytes += question.count + answer.count
            #expect(answer.count <= limit + 700)
            message = try asker.proceed(answer)
        }
        (outcome.have, outcome.need) = (asker.have, asker.need)
        return outcome
    }

    private func ids(_ numbers: some Sequence<Int>) throws -> Set<[UInt8]> {
        Set(try numbers.map { try Self.item($0).id })
    }

    @Test(arguments: [
        (mine: [], theirs: []), (mine: [1], theirs: []), (mine: [], theirs: [1]),
        (mine: Array(0..<31), theirs: Array(5..<40)), (mine: Array(0..<200), theirs: Array(100..<300)),
        (mine: Array(0..<1000), theirs: Array(0..<1000)), (mine: Array(0..<500), theirs: []),
    ])
    func eachLearnsWhatOnlyOneSideHas(_ sets: (mine: [Int], theirs: [Int])) throws {
        let outcome = try reconcile(sets.mine, sets.theirs)
        #expect(outcome.have == (try ids(Set(sets.mine).subtracting(sets.theirs))))
        #expect(outcome.need == (try ids(Set(sets.theirs).subtracting(sets.mine))))
    }

    @Test func theCostFollowsTheDifference() throws {
        let all = Array(0..<10_000)
        let same = try reconcile(all, all)
        #expect(same.rounds == 1)
        #expect(same.bytes < 600)
        let lacking = all.filter { $0 % 100 != 7 }
        let outcome = try reconcile(lacking, all)
        #expect(outcome.need == (try ids(all.filter { $0 % 100 == 7 })))
        #expect(outcome.have.isEmpty)
        print(
            "figure: 10,000 ids, 100 missing: \(outcome.rounds) rounds, \(outcome.bytes) bytes; in sync \(same.bytes)"
        )
        // Two sides that told each other their ids would send 640,000.
        #expect(outcome.bytes < 160_000)
    }

    @Test func messagesKeepToTheirLimit() throws {
        let outcome = try reconcile(Array(0..<3_000), Array(2_000..<6_000), limit: 4_096)
        #expect(outcome.have == (try ids(0..<2_000)))
        #expect(outcome.need == (try ids(3_000..<6_000)))
    }

    @Test func setsDrawnByChanceAgreeAlways() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<40 {
            let size = Int.random(in: 0...400, using: &random)
            let mine = (0..<size).filter { _ in Bool.random(using: &random) }
            let theirs = (0..<size).filter { _ in Int.random(in: 0..<10, using: &random) > 0 }
            let outcome = try reconcile(mine, theirs)
            #expect(outcome.have == (try ids(Set(mine).subtracting(theirs))))
            #expect(outcome.need == (try ids(Set(theirs).subtracting(mine))))
        }
    }

    @Test func anotherVersionIsToldOurs() throws {
        #expect(try Reconciliation([ReconciledItem]()).answer([0x62, 0, 0, 0]) == [0x61])
        #expect(throws: ReconciliationError.unknownVersion) {
            try Reconciliation([ReconciledItem]()).answer([7])
        }
        #expect(throws: ReconciliationError.truncated) { try Reconciliation([ReconciledItem]()).answer([]) }
    }

    @Test(
        arguments: [
            ([0x61, 0], ReconciliationError.truncated), ([0x61, 0, 33], .badBound),
            ([0x61, 0, 0, 9], .badMode),
            ([0x61, 0, 0, 2, 0xFF, 0xFF, 0xFF, 0x7F], .truncated), ([0x61, 0, 0, 1, 1, 2, 3], .truncated),
            ([0x61] + [UInt8](repeating: 0xFF, count: 12), .badNumber),
        ] as [([UInt8], ReconciliationError)])
    func brokenMessagesAreRefused(_ message: [UInt8], _ error: ReconciliationError) throws {
        let side = Reconciliation(try (0..<100).map(Self.item))
        #expect(throws: error) { try side.answer(message) }
    }

    @Test func anyBytesAreSurvived() throws {
        var random = SystemRandomNumberGenerator()
        let side = Reconciliation(try (0..<300).map(Self.item), limit: 4_096)
        let good = side.begin()
        for _ in 0..<3_000 {
            var message = good
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                message[Int.random(in: 1..<message.count, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            message.removeLast(Int.random(in: 0..<message.count - 1, using: &random))
            let answer = try? side.answer(message)
            #expect((answer?.count ?? 0) <= 4_096 + 700)
            var asker = side
            _ = try? asker.proceed(message)
        }
    }

    /// Note number `number` of the vectors.
    private func note(_ number: Int) throws -> ReconciledItem {
        let key = try #require(SecretKey(bytes: [UInt8](repeating: 0x11, count: 32)))
        let note = EventTemplate(
            pubkey: key.publicKey, createdAt: 1_700_000_000 + Int64(number / 3), kind: 1,
            content: "item \(number)")
        return try #require(ReconciledItem(time: UInt64(note.createdAt), id: note.computedID()))
    }

    @Test func aRelayThatOthersWroteUnderstandsUsAndIsUnderstood() throws {
        var side = Reconciliation(try (0..<100).map(note))
        let relay = Reconciliation(try (10..<150).map(note))
        var message: [UInt8]? = side.begin()
        for recorded in NIP77Vectors.answers {
            // It answers what ours would answer in its place.
            let answer = try relay.answer(try #require(message))
            #expect(Hex.encode(answer) == recorded)
            message = try side.proceed(try #require(Hex.decode(recorded)))
        }
        #expect(message == nil)
        #expect(side.have == Set(try (0..<10).map { try note($0).id }))
        #expect(side.need == Set(try (100..<150).map { try note($0).id }))
    }
}

// Proves who gives way to whom when evidence is much, and that two sets become one in packets.

import DHTSimulation
import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct EvidenceStoreTests {
    private let now: Int64 = 1_800_000_000
    private let own: NodeID

    init() {
        var random = DHTRandom(seed: 3)
        own = NodeID.random(using: &random)
    }

    private func put(
        _ store: inout EvidenceStore, by rater: Int, on subject: Int = 0, job: Int = 0,
        _ outcome: Evidence.Outcome = .ok, created: Int64, ids: [NodeID]? = nil
    ) throws(KRPCError) {
        let event = TestCards.fakeEvidence(
            by: 100 + rater, on: subject, job: job, outcome, created: created)
        try store.put(
            CardRecord(event)?.encoded ?? [], from: nil, own: ids ?? [own], unixNow: now,
            verify: TestCards.isFakeSigned)
    }

    private func count(_ store: EvidenceStore, _ outcome: Evidence.Outcome) -> Int {
        store.all(on: TestCards.author(0)).count { Evidence(unproven: $0)?.outcome == outcome }
    }

    @Test func praiseNeverDrivesBlameOut() throws {
        var store = EvidenceStore()
        for rater in 0..<40 { try put(&store, by: rater, .wrong, created: now - 10_000) }
        for rater in 0..<900 { try put(&store, by: 1_000 + rater, created: now - 900 + Int64(rater)) }
        #expect(count(store, .wrong) == 40)
        #expect(count(store, .ok) == 250)
        #expect(store.count == 290)
    }

    @Test func theLoudestGiveWayFirst() throws {
        var store = EvidenceStore()
        // 31 clients with eight words each, then others with one: those with eight lose theirs.
        for rater in 0..<31 { for job in 0..<8 { try put(&store, by: rater, job: job, created: now - 50) } }
        for rater in 0..<100 { try put(&store, by: 1_000 + rater, created: now - 5_000) }
        let pieces = store.all(on: TestCards.author(0)).compactMap { Evidence(unproven: $0) }
        #expect(pieces.count == 250)
        #expect(Set(pieces.map(\.rater)).count == 131)
    }

    @Test func aFullStoreKeepsWhatIsNearest() throws {
        var limits = EvidenceStore.Limits()
        limits.total = 50
        var store = EvidenceStore(limits: limits)
        var refused = 0
        for subject in 0..<200 {
            do { try put(&store, by: subject, on: subject, created: now) } catch { refused += 1 }
        }
        #expect(store.count == 50 && refused > 50)
        func distance(_ key: PublicKey) -> NodeID { Topic.reputation(key).key().distance(to: own) }
        let all = (0..<200).map { TestCards.author($0) }.sorted { distance($0) < distance($1) }
        #expect(Set(store.subjects) == Set(all.prefix(50)))
    }

    /// Who lives in both networks keeps what is near either of his ids.
    @Test func aFullStoreOfTwoNetworksKeepsWhatIsNearEither() throws {
        var limits = EvidenceStore.Limits()
        limits.total = 50
        var store = EvidenceStore(limits: limits)
        var random = DHTRandom(seed: 4)
        let ids = [own, NodeID.random(using: &random)]
        for subject in 0..<200 { try? put(&store, by: subject, on: subject, created: now, ids: ids) }
        func distance(_ key: PublicKey) -> NodeID? {
            ids.map { Topic.reputation(key).key().distance(to: $0) }.min()
        }
        let all = try (0..<200).map { TestCards.author($0) }.sorted {
            try #require(distance($0)) < #require(distance($1))
        }
        #expect(Set(store.subjects) == Set(all.prefix(50)))
    }

    @Test func whatIsTooOldGoes() throws {
        var store = EvidenceStore()
        try put(&store, by: 1, created: now - 1_000)
        try put(&store, by: 2, created: now)
        store.expire(unixNow: now + Evidence.longestLife - 500)
        #expect(store.count == 1)
        store.expire(unixNow: now + Evidence.longestLife + 500)
        #expect(store.count == 0 && store.subjects.isEmpty)
    }

    /// Two holders of 480 pieces, of which each lacks some: who asks learns all ids that he lacks, in messages that fit.
    @Test func twoSetsAreComparedInPackets() throws {
        var (mine, theirs) = (EvidenceStore(), EvidenceStore())
        for number in 0..<480 {
            let outcome = Evidence.Outcome.allCases[number % 2]
            if number % 12 != 0 { try put(&mine, by: number, outcome, created: now - Int64(number)) }
            if number % 16 != 1 { try put(&theirs, by: number, outcome, created: now - Int64(number)) }
        }
        let subject = TestCards.author(0)
        let peer = NodeContact(id: own, endpoint: Endpoint(address: 0x0101_0101, port: 1))
        var sync = EvidenceSync(subject, mine.items(on: subject), with: peer, token: [], for: 1)
        var (message, rounds, bytes): ([UInt8]?, Int, Int) = (sync.first, 0, 0)
        while let next = message {
            #expect(next.count <= EvidenceCall.longestMessage)
            let answer = try #require(EvidenceSync.answer(next, holding: theirs.items(on: subject)))
            #expect(answer.count <= EvidenceCall.longestMessage)
            (rounds, bytes) = (rounds + 1, bytes + next.count + answer.count)
            message = try sync.proceed(answer)
        }
        let lacking = theirs.items(on: subject).map(\.id).filter { !mine.holds($0, on: subject) }
        #expect(Set(sync.missing) == Set(lacking) && lacking.count == 40)
        print("figure: 480 pieces of evidence, 40 missing: \(rounds) rounds, \(bytes) bytes of messages")
        // The usual case: little is missing.
        for rater in 0..<5 { try put(&theirs, by: 5_000 + rater, .wrong, created: now - Int64(77 * rater)) }
        var near = EvidenceSync(subject, theirs.items(on: subject), with: peer, token: [], for: 1)
        var other = theirs
        for rater in 0..<5 { try put(&other, by: 6_000 + rater, .wrong, created: now - Int64(97 * rater)) }
        (message, rounds, bytes) = (near.first, 0, 0)
        while let next = message {
            let answer = try #require(EvidenceSync.answer(next, holding: other.items(on: subject)))
            (rounds, bytes) = (rounds + 1, bytes + next.count + answer.count)
            message = try near.proceed(answer)
        }
        #expect(near.missing.count == 5)
        print("figure: the same with 5 missing: \(rounds) rounds, \(bytes) bytes")
        var same = EvidenceSync(subject, mine.items(on: subject), with: peer, token: [], for: nil)
        let answer = try #require(EvidenceSync.answer(same.first, holding: mine.items(on: subject)))
        #expect(try same.proceed(answer) == nil)
        #expect(same.missing.isEmpty)
        print("figure: the same when nothing is missing: 1 round, \(same.first.count + answer.count) bytes")
    }
}

// Proves who gets into the table, who stays, and who is forgotten.

import DHTCore
import Testing

@Suite struct RoutingTableTests {
    private var random = DHTRandom(seed: 11)
    private let own: NodeID
    private var table: RoutingTable

    init() {
        own = NodeID.random(using: &random)
        table = RoutingTable(own: own)
    }

    private mutating func contact(_ number: Int, bucket: Int = 0) -> NodeContact {
        NodeContact(
            id: own.randomNeighbour(sharing: bucket, using: &random),
            endpoint: Endpoint(address: 0x1400_0001 + UInt32(number) << 8, port: 6881))
    }

    @discardableResult
    private mutating func answer(_ contact: NodeContact, at now: Int64 = 0) -> Bool {
        table.answered(contact, roundTrip: 10, isInfernet: true, now: now)
    }

    @Test mutating func onlyAnswersLeadIntoTheTable() {
        let stranger = contact(1)
        #expect(table.heard(stranger, now: 0) == stranger)
        #expect(table.count == 0)
        answer(stranger)
        #expect(table.count == 1)
        #expect(table.heard(stranger, now: 1) == nil)
        #expect(table.closest(to: own, count: 8, now: 1) == [stranger])
    }

    @Test mutating func whoIsEntitledToHisIDComesFirstWhereThatIsAskedFor() {
        let address: UInt32 = 0x0801_0203
        let entitled = NodeContact(
            id: NodeID.bound(to: IPAddress(v4: address), salt: 3, using: &random),
            endpoint: Endpoint(address: address, port: 6881))
        answer(entitled)
        let near = (1...7).map { number in
            NodeContact(
                id: entitled.id.randomNeighbour(sharing: 40 + number, using: &random),
                endpoint: Endpoint(address: 0x1400_0001 + UInt32(number) << 8, port: 6881))
        }
        for contact in near { answer(contact) }
        let target = near[6].id
        #expect(table.closest(to: target, count: 1, now: 0) == [near[6]])
        #expect(table.closest(to: target, count: 1, now: 0, entitledFirst: true) == [entitled])
    }

    @Test mutating func weAreNotInOurOwnTable() {
        let echo = NodeContact(id: own, endpoint: Endpoint(address: 0x1401_0101, port: 1))
        #expect(table.heard(echo, now: 0) == nil)
        #expect(!answer(echo))
    }

    @Test mutating func aBucketHoldsEightAndOldGoodNodesStay() {
        let first = (0..<8).map { contact($0) }
        for node in first { answer(node) }
        let newcomer = contact(9)
        #expect(!answer(newcomer))
        #expect(table.count == 8)
        #expect(table.heard(newcomer, now: 1) == nil)
        // When one falls silent twice, the one that waited is asked, and takes the place when it answers.
        #expect(table.silent(first[0].endpoint, now: 2) == nil)
        #expect(table.silent(first[0].endpoint, now: 3) == newcomer)
        #expect(answer(newcomer))
        #expect(table.count == 8)
        #expect(table[first[0].id] == nil)
    }

    @Test mutating func standingFollowsFromAnswersAndSilence() throws {
        let node = contact(1)
        answer(node)
        #expect(try #require(table[node.id]).standing(at: TableEntry.freshness - 1) == .good)
        #expect(try #require(table[node.id]).standing(at: TableEntry.freshness) == .questionable)
        _ = table.silent(node.endpoint, now: 1)
        #expect(try #require(table[node.id]).standing(at: 1) == .questionable)
        _ = table.silent(node.endpoint, now: 2)
        #expect(try #require(table[node.id]).standing(at: 2) == .bad)
        #expect(table.closest(to: own, count: 8, now: 2).isEmpty)
        // It speaks again: it is asked, and good once it answers.
        #expect(table.heard(node, now: 3) == node)
        answer(node, at: 4)
        #expect(try #require(table[node.id]).standing(at: 4) == .good)
        for step in 0..<TableEntry.oblivion { _ = table.silent(node.endpoint, now: Int64(step)) }
        #expect(table.count == 0)
    }

    @Test mutating func oneAddressRangeCannotFillABucket() {
        let same = (1...5).map { host in
            NodeContact(
                id: own.randomNeighbour(sharing: 0, using: &random),
                endpoint: Endpoint(address: 0x1400_0000 + UInt32(host), port: 6881))
        }
        for node in same { answer(node) }
        #expect(table.count == 2)
        let home = (1...5).map { host in
            NodeContact(
                id: own.randomNeighbour(sharing: 0, using: &random),
                endpoint: Endpoint(address: 0x7F00_0000 + UInt32(host), port: 6881))
        }
        for node in home { answer(node) }
        #expect(table.count == 7)
    }

    @Test mutating func aKnownNameCannotBeTakenOver() {
        let node = contact(1)
        answer(node)
        let thief = NodeContact(id: node.id, endpoint: Endpoint(address: 0x1909_0909, port: 1))
        #expect(table.heard(thief, now: 1) == node)
        #expect(!answer(thief, at: 1))
        #expect(table[node.id]?.contact == node)
        _ = table.silent(node.endpoint, now: 2)
        #expect(answer(thief, at: 3))
    }

    @Test mutating func anAddressHasOneName() {
        let node = contact(1)
        answer(node)
        let renamed = NodeContact(
            id: own.randomNeighbour(sharing: 3, using: &random), endpoint: node.endpoint)
        answer(renamed)
        #expect(table.count == 1)
        #expect(table.entry(at: node.endpoint)?.contact == renamed)
    }

    @Test mutating func closestIsSortedByDistance() {
        for number in 0..<200 { answer(contact(number, bucket: number % 20)) }
        let target = NodeID.random(using: &random)
        let found = table.closest(to: target, count: 8, now: 0)
        let all = table.entries.map(\.contact).sorted {
            $0.id.distance(to: target) < $1.id.distance(to: target)
        }
        #expect(found == Array(all.prefix(8)))
    }

    @Test mutating func quietBucketsAreStale() {
        answer(contact(1, bucket: 2), at: 5)
        #expect(table.staleBuckets(before: 5) == [0, 1])
        table.touch(bucket: 0, now: 9)
        #expect(table.staleBuckets(before: 6) == [1, 2])
    }
}

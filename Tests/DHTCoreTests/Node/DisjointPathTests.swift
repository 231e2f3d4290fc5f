// Proves that the paths of one lookup have nothing to do with each other: who holds one of them holds the others as little
// as before, nobody is asked twice, and a wrong word about a node does not keep it from the other paths.

import NodeModel
import Testing

@testable import DHTCore

@Suite struct DisjointPathTests {
    private let target = NodeID(truncating: [UInt8](repeating: 0, count: 20))

    /// A node whose id is so far from the target; every number is another address.
    private func node(_ number: UInt32, distance: UInt8) -> NodeContact {
        var id = [UInt8](repeating: 0, count: 20)
        (id[0], id[19]) = (distance, UInt8(truncatingIfNeeded: number))
        return NodeContact(
            id: NodeID(truncating: id), endpoint: Endpoint(address: 0x0B00_0000 + number << 8, port: 6881))
    }

    /// Runs a lookup in which the first node asked names eight liars, who name each other, and everybody else the honest.
    private func nearest(paths: Int) -> (nearest: [NodeContact], asked: [NodeContact]) {
        let known = (0..<8).map { node(UInt32($0), distance: 200 + UInt8($0)) }
        let liars = (0..<8).map { node(100 + UInt32($0), distance: 10 + UInt8($0)) }
        let honest = (0..<8).map { node(50 + UInt32($0), distance: 20 + UInt8($0)) }
        var lookup = Lookup(target: target, paths: paths)
        lookup.add(known)
        var asked: [NodeContact] = []
        while !lookup.isConverged {
            let next = lookup.next().contacts
            guard !next.isEmpty else { break }
            for contact in next {
                asked.append(contact)
                let names: [NodeContact]
                if contact == known[0] || liars.contains(contact) {
                    names = liars
                } else {
                    // Those farther away know only the half of the way.
                    names = honest.contains(contact) ? honest : [honest[Int(contact.id.bytes[19]) % 8]]
                }
                lookup.reply(from: contact.endpoint, sender: contact.id, token: [1], nodes: names)
            }
        }
        return (lookup.nearest.map(\.contact), asked)
    }

    @Test func whoHoldsOnePathHoldsTheOthersAsLittleAsBefore() {
        let (nearest, asked) = nearest(paths: 2)
        #expect(nearest.contains { $0.id.bytes[0] >= 20 && $0.id.bytes[0] < 28 })
        #expect(Set(asked.map(\.endpoint)).count == asked.count)
        #expect(nearest.count == 8)
    }

    @Test func onePathIsHeldByWhomeverNamesTheNearest() {
        // The very same answers: without a second path the liars are all that is left.
        #expect(nearest(paths: 1).nearest.allSatisfy { $0.id.bytes[0] < 20 })
    }

    @Test func aWrongWordAboutANodeDoesNotHideItFromOtherPaths() {
        let good = node(7, distance: 5)
        let slander = NodeContact(id: node(9, distance: 1).id, endpoint: good.endpoint)
        var lookup = Lookup(target: target, width: 4, paths: 2)
        lookup.add([slander, node(1, distance: 100), node(2, distance: 150), good])
        let first = lookup.next().contacts
        #expect(first.contains(slander))
        #expect(!first.contains(good))
        lookup.failed(good.endpoint, timedOut: false)
        #expect(lookup.next().contacts == [good])
    }

    @Test func whoIsSilentOnOnePathIsNotAskedOnAnother() {
        let dead = node(7, distance: 5)
        var lookup = Lookup(target: target, width: 4, paths: 2)
        lookup.add([dead, dead])
        #expect(lookup.next().contacts == [dead])
        lookup.failed(dead.endpoint, timedOut: true)
        #expect(lookup.next().contacts.isEmpty)
        #expect(lookup.isConverged)
    }
}

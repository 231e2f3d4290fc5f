// A node that works against the others: it takes cards and forgets them, and names none but its own kind.
// It must never do what a stranger's software could not do.

@testable public import DHTCore

/// One member of a ring of liars.
struct Liar: Sendable {
    /// The id that it claims; nil for that of the node whose place it has.
    var id: NodeID?

    /// What it answers to a packet; the ring is everybody that it would have others ask.
    func answer(
        _ packet: [UInt8], as own: NodeID, _ family: AddressFamily, _ ring: [NodeContact]
    ) -> [UInt8]? {
        guard case .message(let message) = KRPCDecoder.decode(packet[...]),
            case .query(let query) = message.body
        else { return nil }
        var reply = KRPCReply(sender: id ?? own)
        switch query.call {
        case .findNode(let target), .getPeers(let target), .get(let target, _):
            fill(&reply, target, family, ring)
        case .infFind(let find):
            fill(&reply, find.target, family, ring)
            reply.matches = 0
        case .ping, .announcePeer, .put, .sampleInfohashes, .infPut, .infBye, .infStat, .infDesc, .evidence:
            break
        }
        return KRPCMessage(transaction: message.transaction, body: .reply(reply)).encoded()
    }

    private func fill(
        _ reply: inout KRPCReply, _ target: NodeID, _ family: AddressFamily, _ ring: [NodeContact]
    ) {
        // One pass over the ring, which has thousands: sorting it for every answer took longer than all else.
        var near: [(distance: NodeID, contact: NodeContact)] = []
        for contact in ring where contact.endpoint.family == family {
            let distance = contact.id.distance(to: target)
            if near.count == 8, near[7].distance < distance { continue }
            near.insert((distance, contact), at: near.firstIndex { distance < $0.distance } ?? near.count)
            if near.count > 8 { near.removeLast() }
        }
        reply.nodes = near.map(\.contact)
        reply.token = [1, 2, 3, 4]
    }
}

extension VirtualNetwork {
    /// Gives this share of the nodes to one attacker, who hides all that he is asked for.
    public mutating func corrupt(share: Double) {
        for index in members.indices where random.chance() < share { recruit(index) }
    }

    /// Adds `count` liars around a topic's key, each on an address range of his own. Everybody has heard of them, and
    /// takes them in where his table has room.
    ///
    /// `entitled`: each has the nearest of the ids that his address entitles him to (BEP 42); without it he has an id
    /// of his choice, nearer than any honest node's.
    public mutating func besiege(_ topic: Topic, count: Int, entitled: Bool) {
        let key = topic.key()
        for number in 0..<count {
            let index = add()
            let endpoint = members[index].endpoint
            var id = key.randomNeighbour(sharing: 40 + number % 8, using: &random)
            if entitled {
                id =
                    (0..<8).map { NodeID.bound(to: endpoint.address, salt: UInt8($0), using: &random) }
                    .min { $0.distance(to: key) < $1.distance(to: key) } ?? id
            }
            members[index].liar = Liar(id: id)
            ring.append(NodeContact(id: id, endpoint: endpoint))
        }
        for index in members.indices where members[index].liar == nil {
            for contact in ring { members[index].node.learn(contact, roundTrip: 80, now: now) }
        }
    }

    private mutating func recruit(_ index: Int) {
        members[index].liar = Liar()
        ring += members[index].contacts
    }
}

// The door through which a stranger's bytes enter this module, for fuzzing: it must survive any input.
// It must never be called by the daemon.

import NodeModel

/// Entry points for fuzzers.
public enum DHTFuzz {
    private static let now = Moment(milliseconds: 1_000_000, unixSeconds: 1_800_000_000)
    private static let stranger = Endpoint(address: 0x1401_0101, port: 6881)

    /// A node that knows others, has questions open and takes every signature for good, so that a packet
    /// gets as deep as it can. Built once; every call works on a copy.
    private static let prepared: DHTNode = {
        var random = DHTRandom(seed: 7)
        var node = DHTNode(
            id: NodeID.random(using: &random), random: DHTRandom(seed: 8), now: now, verifier: { _ in true })
        for number in 0..<40 {
            let contact = NodeContact(
                id: NodeID.random(using: &random),
                endpoint: Endpoint(address: 0x1500_0001 + UInt32(number) << 8, port: 6881))
            _ = node.table.answered(contact, roundTrip: 50, isInfernet: true, now: now.milliseconds)
        }
        return node
    }()

    /// One UDP packet: decoded, encoded again, and fed to a node as a stranger's packet, then once more with
    /// a valid token or as the answer to something that the node asked.
    public static func packet(_ bytes: UnsafeRawBufferPointer) {
        let packet = Array(bytes.prefix(2048))
        if let value = try? BencodeDecoder.decode(packet[...]) {
            var writer = BencodeWriter()
            writer.value(value)
            // Canonical: one value has one spelling. Anything else is a bug that a fuzzer must see.
            precondition(writer.output == packet, "bencode is not canonical")
            _ = CardRecord(decoding: value)
        }
        var node = prepared
        _ = node.handle(.packet(packet, from: stranger), now: now)
        guard case .message(var message) = KRPCDecoder.decode(packet[...]) else { return }
        let again = message.encoded()
        guard case .message = KRPCDecoder.decode(again[...]) else {
            preconditionFailure("what was decoded cannot be decoded again")
        }
        switch message.body {
        case .query(var query):
            query.call = proven(query.call, node.tokens.token(for: stranger))
            message.body = .query(query)
            _ = node.handle(.packet(message.encoded(), from: stranger), now: now)
        case .reply(let reply): answer(reply, message, with: packet, &node)
        case .error: answer(nil, message, with: packet, &node)
        }
    }

    private static func proven(_ call: KRPCQuery.Call, _ token: [UInt8]) -> KRPCQuery.Call {
        switch call {
        case .announcePeer(let hash, let port, _):
            return .announcePeer(infoHash: hash, port: port, token: token)
        case .infPut(_, _, let card, let depth):
            let record = CardRecord(encoded: card)
            let topic = record.flatMap { Topic.topics(of: $0.event).last }
            let bits = record?.event.pubkey.shardBits(depth) ?? ""
            return .infPut(
                target: topic?.key(shardBits: bits) ?? prepared.id, token: token, card: card, depth: depth)
        case .infFind(var find):
            find.token = token
            return .infFind(find)
        case .infBye(_, let cardsOnly):
            return .infBye(token: token, cardsOnly: cardsOnly)
        case .put(let item, let swap, _):
            return .put(item, swap: swap, token: token)
        case .ping, .findNode, .getPeers, .get, .sampleInfohashes:
            return call
        }
    }

    /// Gives the packet to a search that is waiting for exactly this answer, and lets its time run out.
    private static func answer(
        _ reply: KRPCReply?, _ message: KRPCMessage, with packet: [UInt8], _ node: inout DHTNode
    ) {
        let topic = reply?.cards.lazy.compactMap { $0 }.first.flatMap { Topic.topics(of: $0.event).last }
        let actions = node.handle(.command(.find(topic ?? .name("fuzz"), limit: 4, 1)), now: now)
        var message = message
        for case .send(let bytes, let endpoint) in actions {
            guard case .message(let query) = KRPCDecoder.decode(bytes[...]) else { continue }
            message.transaction = query.transaction
            if var reply, let id = node.table.entry(at: endpoint)?.contact.id {
                reply.sender = id
                message.body = .reply(reply)
            }
            _ = node.handle(.packet(message.encoded(), from: endpoint), now: now)
        }
        for step in 1...12 {
            let later = Moment(
                milliseconds: now.milliseconds + Int64(step) * 1_000,
                unixSeconds: now.unixSeconds + Int64(step))
            _ = node.handle(.time, now: later)
        }
    }
}

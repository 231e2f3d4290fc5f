// The door through which a stranger's bytes enter this module, for fuzzing: it must survive any input.
// It must never be called by the daemon.

import NodeModel

/// Entry points for fuzzers.
public enum DHTFuzz {
    private static let now = Moment(milliseconds: 1_000_000, unixSeconds: 1_800_000_000)
    /// One of each family.
    private static let strangers = [
        Endpoint(address: 0x1401_0101, port: 6881), Endpoint("[2001:db8:14::101]:6881"),
    ].compactMap(\.self)

    /// A node that knows others, has questions open and takes every signature for good, so that a packet
    /// gets as deep as it can. Built once; every call works on a copy.
    private static let prepared: DHTNode = {
        var random = DHTRandom(seed: 7)
        var configuration = DHTConfiguration()
        configuration.families = [.v4, .v6]
        var node = DHTNode(
            id: NodeID.random(using: &random), configuration: configuration, random: DHTRandom(seed: 8),
            now: now, verifier: { _ in true })
        for number in 0..<40 {
            let (four, six) = (
                0x1500_0001 + UInt32(number) << 8, 0x2001_0DB8_0000_0001 + UInt64(number) << 16
            )
            for address in [IPAddress(v4: four), IPAddress(v6: six, 1)].compactMap(\.self) {
                let contact = NodeContact(
                    id: NodeID.random(using: &random), endpoint: Endpoint(address, port: 6881))
                _ = node.sides[address.family].table.answered(
                    contact, roundTrip: 50, isInfernet: true, now: now.milliseconds)
            }
        }
        let card = ProviderCard(
            provider: provider, endpoint: "ws://127.0.0.1:1/peer", models: [], device: "cpu", memoryMiB: 1,
            slots: 1, load: 0, createdAt: now.unixSeconds, expiresAt: now.unixSeconds + 1200)
        let signed = SignedEvent(card.template, signature: [UInt8](repeating: 0, count: 64))
        _ = node.handle(.command(.announce(signed, 0)), now: now)
        let descriptor = ProviderDescriptor(
            provider: provider, endpoints: ["ws://127.0.0.1:1/peer"], statusAddresses: [], devices: [],
            slots: 1, models: [], image: nil, payTo: nil, createdAt: now.unixSeconds)
        let event = (try? descriptor.template()).map {
            SignedEvent($0, signature: [UInt8](repeating: 0, count: 64))
        }
        _ = node.handle(.command(.keepDescriptor(event)), now: now)
        return node
    }()
    private static let provider = PublicKey(xOnly: Digest(hashing: "provider"))

    /// The file that evidence is kept in.
    public static func evidenceFile(_ bytes: UnsafeRawBufferPointer) {
        let journal = EvidenceJournal.pieces(Array(bytes))
        precondition(
            journal.allSatisfy { !$0.isEmpty && $0.count <= EvidenceStore.maximumSize }
                && journal.reduce(0) { $0 + $1.count + 2 } <= bytes.count, "a journal gives what is in it")
        guard let pieces = EvidenceFile.pieces(Array(bytes)) else { return }
        precondition(
            pieces.count > EvidenceStore.Limits().total || EvidenceFile.encoded(pieces).elementsEqual(bytes),
            "a file of evidence has one spelling")
        var node = prepared
        _ = node.handle(.command(.keepEvidence(pieces)), now: now)
    }

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
        let stranger = strangers[packet.count % strangers.count]
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
            for case .askStatus(let ticket, let challenge) in node.handle(
                .packet(message.encoded(), from: stranger), now: now)
            {
                _ = node.handle(.status(ticket, status(over: challenge)), now: now)
            }
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
                target: topic?.key(shardBits: bits) ?? prepared.id(.v4), token: token, card: card,
                depth: depth)
        case .infFind(var find):
            find.token = token
            return .infFind(find)
        case .infBye(_, let cardsOnly):
            return .infBye(token: token, cardsOnly: cardsOnly)
        case .put(let item, let swap, _):
            return .put(item, swap: swap, token: token)
        case .infStat(var stat):
            stat.provider = provider
            return .infStat(stat)
        case .evidence(.put(_, let evidence)): return .evidence(.put(token: token, evidence: evidence))
        case .evidence(.get(let subject, let ids, _)):
            return .evidence(.get(subject: subject, ids: ids, token: token))
        case .evidence(.sync(let subject, let message, _)):
            return .evidence(.sync(subject: subject, message: message, token: token))
        case .infDesc(var desc):
            desc.provider = provider
            return .infDesc(desc)
        case .ping, .findNode, .getPeers, .get, .sampleInfohashes:
            return call
        }
    }

    private static func status(over challenge: [UInt8]) -> SignedEvent {
        let status = ProviderStatus(
            provider: provider, challenge: Hex.encode(challenge), accepts: true, slots: 1, busy: 0, queued: 0,
            createdAt: now.unixSeconds)
        return SignedEvent(status.template, signature: [UInt8](repeating: 0, count: 64))
    }

    /// Gives the packet to a search that is waiting for exactly this answer, and lets its time run out.
    private static func answer(
        _ reply: KRPCReply?, _ message: KRPCMessage, with packet: [UInt8], _ node: inout DHTNode
    ) {
        let topic = reply?.cards.lazy.compactMap { $0 }.first.flatMap { Topic.topics(of: $0.event).last }
        var actions = node.handle(.command(.find(topic ?? .name("fuzz"), limit: 4, 1)), now: now)
        let targets = (reply?.status?.event.pubkey).map { provider in
            strangers.map { StatusTarget(provider: provider, endpoint: $0) }
        }
        actions += node.handle(.command(.probe(targets ?? [], 2)), now: now)
        for (number, place) in strangers.enumerated() {
            let target = StatusTarget(provider: provider, endpoint: place)
            actions += node.handle(.command(.describe(target, 3 + number)), now: now)
        }
        var message = message
        for case .send(let bytes, let endpoint) in actions {
            guard case .message(let query) = KRPCDecoder.decode(bytes[...]) else { continue }
            message.transaction = query.transaction
            if var reply, let id = node.entry(at: endpoint)?.contact.id {
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

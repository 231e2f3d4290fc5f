// How a node answers queries, and whom it looks at because of them.
// It must never send more to an address than came from it, unless a token proves that somebody is there.

import NodeModel

extension DHTNode {
    /// Answers `query`, which came in a packet of `size` bytes.
    mutating func answer(
        _ query: KRPCQuery, _ message: KRPCMessage, from source: Endpoint, size: Int, _ now: Moment
    ) {
        guard limiter?.admit(source, now: now.milliseconds, exempting: configuration.groups) ?? true else {
            counters.rateLimited += 1
            return
        }
        // A packet under our own id is our own echo, or a trick.
        let own = sides[source.family].id
        guard query.sender != own else {
            counters.unexpected += 1
            return
        }
        sides[source.family].reach?.asked(by: source, now: now.milliseconds)
        counters.queriesIn[query.method, default: 0] += 1
        do throws(KRPCError) {
            var reply = KRPCReply(sender: own)
            switch query.call {
            case .ping: break
            case .findNode(let target): reply.nodes = nearest(target, query, source, now)
            case .getPeers(let hash):
                reply.nodes = nearest(hash, query, source, now)
                reply.token = tokens.token(for: source)
                reply.values = peers.find(hash, source.family, limit: 30, now: now.milliseconds)
            case .announcePeer(let hash, let port, let token):
                guard tokens.isValid(token, for: source) else { throw KRPCError.badToken }
                let peer = Endpoint(source.address, port: port ?? source.port)
                guard peers.announce(peer, under: hash, now: now.milliseconds) else {
                    throw KRPCError(.server, "full")
                }
            case .get(let target, let newerThan):
                reply = item(under: target, newerThan, query, source, now)
            case .put(let item, let swap, let token):
                guard tokens.isValid(token, for: source) else { throw KRPCError.badToken }
                try keep(item, swap, source, now)
            case .sampleInfohashes(let target):
                reply.nodes = nearest(target, query, source, now)
                reply.sample = peers.sample(now: now.milliseconds, using: &random)
            case .infFind(let find):
                reply = try found(find, message, source, size, now)
            case .infPut(let target, let token, let bytes, let depth):
                guard tokens.isValid(token, for: source) else { throw KRPCError.badToken }
                try store(bytes, target, depth, source, now)
            case .evidence(let call): reply = try answer(call, message, from: source, now)
            case .infBye(let token, let cardsOnly):
                farewell(query.sender, source, token, cardsOnly, now)
                // Who says goodbye is not to be taken in again for it.
                return transmit(wrap(reply, message, source), to: source)
            case .infDesc(let desc): reply = try described(desc, message, source, size)
            case .infStat(let stat):
                try admit(stat, message, source, size, now)
                if !message.readOnly { notice(NodeContact(id: query.sender, endpoint: source), now) }
                return
            }
            transmit(measured(wrap(reply, message, source), size, source, now), to: source)
        } catch {
            refuse(error, message.transaction, source, room: size)
        }
        if !message.readOnly { notice(NodeContact(id: query.sender, endpoint: source), now) }
    }

    /// BEP 44 `put`. To forge an item costs nothing, and to see it as much as answering a crowd.
    private mutating func keep(
        _ item: MainlineItem, _ swap: Int64?, _ source: Endpoint, _ now: Moment
    ) throws(KRPCError) {
        do throws(KRPCError) {
            try items.put(item, swap: swap, from: source, own: sides.ids, now: now.milliseconds)
        } catch {
            if error.code == .badSignature {
                limiter?.charge(source, DHTConfiguration.forgeryPrice, now: now.milliseconds)
            }
            throw error
        }
    }

    /// Sends an error reply, unless it would be larger than what it answers.
    mutating func refuse(_ error: KRPCError, _ transaction: [UInt8], _ source: Endpoint, room: Int) {
        counters.errorsOut[error.code.rawValue, default: 0] += 1
        let bytes = KRPCMessage(transaction: transaction, body: .error(error)).encoded()
        if bytes.count <= room { transmit(bytes, to: source) }
    }

    /// BEP 44 `get`. The nodes that fit beside the item go with it.
    private func item(
        under target: NodeID, _ newerThan: Int64?, _ query: KRPCQuery, _ source: Endpoint, _ now: Moment
    ) -> KRPCReply {
        var reply = KRPCReply(
            sender: sides[source.family].id, nodes: nearest(target, query, source, now),
            token: tokens.token(for: source))
        guard let item = items.find(target, now: now.milliseconds) else { return reply }
        if let newerThan, let proof = item.proof, proof.sequence <= newerThan {
            reply.sequence = proof.sequence
            return reply
        }
        reply.item = item
        // 1000 bytes of value and 230 around it leave room for six nodes of IPv4 in what passes every common path.
        let own = source.family
        let room = KRPCMessage.maximumItemPacket(own) - 224 - own.compactCount - item.value.count
        let fit = max(0, room / NodeContact.byteCount(own))
        reply.nodes = Array(reply.nodes.lazy.filter { $0.endpoint.family == own }.prefix(fit))
        return reply
    }

    /// The packet to send: without what makes it large, if the asker's address is not proven and its range has
    /// had its share. BEP 5, 44 and 51 have no better remedy against forged senders.
    private mutating func measured(
        _ message: KRPCMessage, _ size: Int, _ source: Endpoint, _ now: Moment
    ) -> [UInt8] {
        var message = message
        var bytes = message.encoded()
        if source.family == .v6, bytes.count > KRPCMessage.maximumItemPacket(.v6) {
            // The largest items of BEP 44 leave no room for more.
            message.observed = nil
            bytes = message.encoded()
        }
        guard bytes.count > 3 * size, case .reply(var reply) = message.body,
            reply.item != nil || reply.sample != nil || !reply.values.isEmpty
                || reply.nodes.last?.endpoint.family == .v6,
            entry(at: source) == nil,
            !largesse.admit(source, now: now.milliseconds, exempting: configuration.groups)
        else { return bytes }
        counters.largeRefused += 1
        (reply.item, reply.values) = (nil, [])
        reply.sample?.hashes = []
        // Eight nodes of IPv4 are what BEP 5 gives anybody; four of IPv6 are less than that.
        reply.nodes.removeAll { $0.endpoint.family != source.family }
        if source.family == .v6 { reply.nodes = Array(reply.nodes.prefix(4)) }
        message.body = .reply(reply)
        return message.encoded()
    }

    func wrap(_ reply: KRPCReply, _ query: KRPCMessage, _ source: Endpoint) -> KRPCMessage {
        KRPCMessage(transaction: query.transaction, body: .reply(reply), observed: source)
    }

    /// The nearest nodes of the families that are wanted; of that of the packet when nothing is said (BEP 32).
    private func nearest(
        _ target: NodeID, _ query: KRPCQuery, _ source: Endpoint, _ now: Moment
    ) -> [NodeContact] {
        guard let want = query.want else { return nearest(target, source.family, now) }
        return sides.families.flatMap { want.contains($0) ? nearest(target, $0, now) : [] }
    }

    /// `forCards`: cards are kept by those whose addresses entitle them to their ids, if there are any.
    private func nearest(
        _ target: NodeID, _ family: AddressFamily, _ now: Moment, forCards: Bool = false
    ) -> [NodeContact] {
        sides[family].table.closest(
            to: target, count: configuration.width, now: now.milliseconds, entitledFirst: forCards)
    }

    /// Builds the largest useful `inf_find` reply that fits: a proven asker gets cards first and a full
    /// packet; anybody else gets nodes first and not a byte more than came.
    private mutating func found(
        _ find: InfFind, _ message: KRPCMessage, _ source: Endpoint, _ size: Int, _ now: Moment
    ) throws(KRPCError) -> KRPCReply {
        let proven = find.token.map { tokens.isValid($0, for: source) } ?? false
        let matches = cards.find(
            find.target, seed: find.seed, offset: find.offset, limit: find.limit, filter: find.filter,
            unixNow: now.unixSeconds)
        var reply = KRPCReply(
            sender: sides[source.family].id, token: tokens.token(for: source), matches: matches.matches)
        reply.unwanted = matches.unwanted
        reply.isCrowded = cards.isCrowded(find.target, unixNow: now.unixSeconds)
        var room = (proven ? KRPCMessage.maximumPacket : min(size, KRPCMessage.maximumPacket))
        room -= wrap(reply, message, source).encoded().count
        guard room >= 0 else { throw KRPCError(.protocolError, "pad the query") }
        // "5:nodes" or "6:nodes6" with a length prefix, and "5:cardsl…e".
        let (nodesFrame, cardsFrame) = (source.family == .v4 ? 11 : 12, 9)
        let each = NodeContact.byteCount(source.family)
        func fillNodes() {
            let fit = max(0, room - nodesFrame) / each
            reply.nodes = Array(nearest(find.target, source.family, now, forCards: true).prefix(fit))
            if !reply.nodes.isEmpty { room -= nodesFrame + reply.nodes.count * each }
        }
        func fillCards() {
            for card in matches.cards {
                let cost = card.encoded.count + (reply.cards.isEmpty ? cardsFrame : 0)
                guard cost <= room else { break }
                room -= cost
                reply.cards.append(card)
            }
        }
        if proven {
            fillCards()
            fillNodes()
        } else {
            fillNodes()
            fillCards()
        }
        return reply
    }

    /// Stores a card whose token was valid.
    private mutating func store(
        _ bytes: [UInt8], _ target: NodeID, _ depth: Int, _ source: Endpoint, _ now: Moment
    ) throws(KRPCError) {
        // "Too big" is worth telling apart from "no card"; both are cheaper than reading it.
        guard bytes.count <= CardRecord.maximumSize else { throw .recordTooBig }
        guard let value = try? BencodeDecoder.decode(bytes[...]) else { throw .notACard }
        if let author = value["p"]?.bytes.flatMap({ PublicKey(bytes: Array($0)) }),
            cards.hasAlready(bytes, by: author, under: target, from: source, now: now)
        {
            return
        }
        guard let card = CardRecord(decoding: value, written: bytes) else { throw .notACard }
        var asked = 0
        let check = verifier
        defer { counters.verifications += asked }
        do throws(KRPCError) {
            try cards.put(card, under: target, depth: depth, from: source, now: now) { card in
                asked += 1
                return check(card)
            }
        } catch {
            // To forge costs nothing, and to see it costs as much as answering a crowd.
            if error == .forged {
                limiter?.charge(source, DHTConfiguration.forgeryPrice, now: now.milliseconds)
            }
            throw error
        }
        counters.cardsTaken += asked
    }

    /// A node says that it leaves. With a token it is believed; without, it is asked whether it is there.
    private mutating func farewell(
        _ sender: NodeID, _ source: Endpoint, _ token: [UInt8]?, _ cardsOnly: Bool, _ now: Moment
    ) {
        if let token, tokens.isValid(token, for: source) {
            cards.dropCards(from: source)
            if !cardsOnly, let entry = entry(at: source) {
                sides[source.family].table.remove(entry.contact.id)
            }
        } else if !cardsOnly, let entry = entry(at: source) {
            check(entry.contact, leaving: true, now)
        }
    }

    /// Looks at a node that asked us something: it may be one for the table, once it has answered us.
    mutating func notice(_ contact: NodeContact, _ now: Moment) {
        guard configuration.families.contains(contact.endpoint.family) else { return }
        if let candidate = sides[contact.endpoint.family].table.heard(contact, now: now.milliseconds) {
            check(candidate, leaving: false, now)
        }
    }
}

// How a node asks: transactions, timeouts that follow the measured round trip, and matching of answers.
// It must never accept an answer from another address than was asked, nor wait without a deadline.

extension DHTNode {
    /// Sends `call` to `endpoint` and remembers what the answer is for.
    mutating func ask(
        _ call: KRPCQuery.Call, _ endpoint: Endpoint, expecting expected: NodeID?, _ purpose: Purpose,
        _ now: Moment
    ) {
        var key = UInt32(truncatingIfNeeded: random.next())
        while pending[key] != nil { key = UInt32(truncatingIfNeeded: random.next()) }
        serial += 1
        let patience = softTimeout(for: endpoint)
        pending[key] = Pending(
            serial: serial, endpoint: endpoint, expected: expected, sentAt: now.milliseconds,
            patience: patience,
            purpose: purpose)
        timers.add(.soft(key, serial: serial), at: now.milliseconds + patience)
        var query = KRPCQuery(sender: sides[endpoint.family].id, call: call)
        // Who lives in both networks lets each show him the way into the other.
        if case .findNode = call, sides.families.count > 1 { query.want = configuration.families }
        counters.queriesOut[query.method, default: 0] += 1
        let transaction = [
            UInt8(key >> 24), UInt8(key >> 16 & 255), UInt8(key >> 8 & 255), UInt8(key & 255),
        ]
        transmit(
            KRPCMessage(
                transaction: transaction, body: .query(query), readOnly: isReadOnly(endpoint.family, now)),
            to: endpoint)
    }

    /// Asks a node whether it is there, unless that question is already open.
    mutating func check(_ contact: NodeContact, leaving: Bool, _ now: Moment) {
        guard contact.endpoint.isUsable, checksOpen < 64 else { return }
        for open in pending.values {
            if open.endpoint == contact.endpoint, case .check = open.purpose { return }
        }
        ask(.ping, contact.endpoint, expecting: contact.id, .check(leaving: leaving), now)
    }

    private var checksOpen: Int {
        pending.values.count { if case .check = $0.purpose { true } else { false } }
    }

    private func softTimeout(for endpoint: Endpoint) -> Int64 {
        let measured = entry(at: endpoint)?.roundTrip.softTimeout ?? roundTrip.softTimeout
        let bounds = configuration.softTimeout
        return min(max(measured ?? configuration.firstSoftTimeout, bounds.lowerBound), bounds.upperBound)
    }

    /// Finds the query that a message answers, and forgets it.
    private mutating func match(_ message: KRPCMessage, _ source: Endpoint) -> Pending? {
        guard message.transaction.count == 4 else { return nil }
        let key = message.transaction.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard let open = pending[key], open.endpoint == source else { return nil }
        pending[key] = nil
        return open
    }

    mutating func take(
        _ reply: KRPCReply, _ message: KRPCMessage, from source: Endpoint, _ now: Moment
    ) {
        guard let open = match(message, source) else {
            counters.unexpected += 1
            return
        }
        counters.repliesIn += 1
        let (family, own) = (source.family, sides[source.family].id)
        // An echo of ourselves, or a node that is not the one that was meant.
        guard reply.sender != own, open.expected == nil || open.expected == reply.sender else {
            if let expected = open.expected, sides[family].table[expected]?.contact.endpoint == source {
                sides[family].table.remove(expected)
            }
            // It took another id (BEP 42); under that one it may enter, once it is asked.
            if reply.sender != own { notice(NodeContact(id: reply.sender, endpoint: source), now) }
            return lost(open, timedOut: false, now)
        }
        let time = max(0, now.milliseconds - open.sentAt)
        roundTrip.learn(time)
        if let seen = message.observed, seen.family == family { sides[family].vote.hear(seen, from: source) }
        let contact = NodeContact(id: reply.sender, endpoint: source)
        let isInfernet = message.version.map { $0.starts(with: KRPCMessage.ownVersion.prefix(2)) }
        if sides[family].table.answered(
            contact, roundTrip: time, isInfernet: isInfernet, now: now.milliseconds)
        {
            grew(now)
        }
        cards.heard(source, now: now.milliseconds)
        switch open.purpose {
        case .check, .probe, .goodbye: break
        case .lookup(let key, _): lookupReply(key, reply, source, now)
        case .page(let key, let page): pageReply(key, page, reply, now)
        case .put(let key, let shelf, let token): putDone(key, shelf, token, source, error: nil, now)
        case .store(let key): storeDone(key, .stored)
        case .evidence(let purpose): evidenceReply(purpose, reply, now)
        case .status(let key, let place, let challenge):
            statusReply(key, place, challenge, reply.status, time)
        case .describe(let key): pieceCame(key, reply.piece, now)
        }
    }

    mutating func take(
        _ error: KRPCError, _ message: KRPCMessage, from source: Endpoint, _ now: Moment
    ) {
        guard let open = match(message, source) else {
            counters.unexpected += 1
            return
        }
        counters.errorsIn += 1
        switch open.purpose {
        case .lookup(let key, plain: false)
        where error.code == .methodUnknown || error.code == .protocolError:
            // A node of another kind still knows the way.
            askPlainly(key, source, open.expected, now)
        case .put(let key, let shelf, let token): putDone(key, shelf, token, source, error: error, now)
        case .store(let key): storeDone(key, .refused(error))
        case .evidence(let purpose): evidenceLost(purpose, error)
        case .status(let key, let place, _): statusDone(key, place, .refused(error))
        case .describe(let key): endDescription(key, .refused(error))
        default: lost(open, timedOut: false, now)
        }
    }

    mutating func softTimeout(_ key: UInt32, _ serial: Int, _ now: Moment) {
        guard let open = pending[key], open.serial == serial else { return }
        let bounds = configuration.hardTimeout
        let limit = min(max(4 * open.patience, bounds.lowerBound), bounds.upperBound)
        timers.add(.hard(key, serial: serial), at: max(open.sentAt + limit, now.milliseconds))
        switch open.purpose {
        case .lookup(let lookup, _):
            lookups[lookup]?.lookup.late(open.endpoint)
            advance(lookup, now)
        case .page(let lookup, let page):
            lookups[lookup]?.pages.isLate(page)
            advance(lookup, now)
        default: break
        }
    }

    mutating func hardTimeout(_ key: UInt32, _ serial: Int, _ now: Moment) {
        guard let open = pending[key], open.serial == serial else { return }
        pending[key] = nil
        counters.timeouts += 1
        cards.silent(open.endpoint)
        if let waiting = sides[open.endpoint.family].table.silent(open.endpoint, now: now.milliseconds) {
            check(waiting, leaving: false, now)
        }
        lost(open, timedOut: true, now)
    }

    /// No useful answer will come to `open`.
    private mutating func lost(_ open: Pending, timedOut: Bool, _ now: Moment) {
        switch open.purpose {
        case .probe, .goodbye: break
        case .check(let leaving):
            guard leaving, timedOut, let entry = entry(at: open.endpoint) else { return }
            sides[open.endpoint.family].table.remove(entry.contact.id)
            cards.dropCards(from: open.endpoint)
        case .lookup(let key, _): lookupLost(key, open.endpoint, timedOut: timedOut, now)
        case .page(let key, let page): pageLost(key, page, now)
        case .store(let key): storeDone(key, .lost)
        case .evidence(let purpose): evidenceLost(purpose, nil)
        case .status(let key, let place, _): statusDone(key, place, .silent)
        case .describe(let key): pieceLost(key, now)
        case .put(let key, let shelf, let token):
            putDone(
                key, shelf, token, open.endpoint,
                error: timedOut ? nil : KRPCError(.generic, "no valid answer"),
                unanswered: timedOut, now)
        }
    }
}

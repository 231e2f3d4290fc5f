// How a node's own card gets into the network and stays there until it expires or is withdrawn.
// It must never announce a card that another node would have to refuse.

import NodeModel

/// A card of this node's own, kept and announced until it expires.
struct OwnCard: Sendable {
    let card: CardRecord
    let topics: [Topic]
    let expires: Int64
    var announcedAt: Int64
    /// How many nodes were known at the last announcement.
    var nodesThen: Int
    /// Somebody asked us to slow down: try again then, in monotonic milliseconds.
    var retryAt: Int64?
    /// Repetitions in a row of which somebody asked us to slow down.
    var slowedDown = 0
    /// Who holds it, with the token that proves us to them.
    var holders: [Endpoint: [UInt8]] = [:]
}

/// One announcement under way: a lookup per topic, then a put at each of the nearest nodes.
struct AnnounceRun: Sendable {
    let card: CardRecord
    /// Where it is put, each with its topic's place in the report. Those of crowded topics are added on the way.
    var shelves: [(topic: Int, shelf: Shelf, family: AddressFamily)]
    /// Shelves on which others have no room either.
    var crowded: Set<Int> = []
    /// Somebody asked us to slow down.
    var isSlowedDown = false
    /// Who asked; nil when the node repeats it by itself.
    let operation: OperationID?
    var nextShelf = 0
    var lookupsOpen = 0
    var putsOpen = 0
    var report = AnnounceReport()
}

extension DHTNode {
    /// Checks a card as any other node would, keeps it, and sends it out.
    mutating func announce(_ event: SignedEvent, _ operation: OperationID, _ now: Moment) {
        func fail(_ error: KRPCError) { actions.append(.announced(operation, .failure(error))) }
        guard let card = CardRecord(event) else { return fail(.forged) }
        let expires: Int64
        do {
            expires = try configuration.cardRules.check(card, under: nil, unixNow: now.unixSeconds).expires
        } catch {
            return fail(error)
        }
        let known = ownCards.firstIndex { $0.card.event.pubkey == event.pubkey }
        if let known, ownCards[known].card != card, !event.isNewer(than: ownCards[known].card.event) {
            return fail(.older)
        }
        guard verify(card) else { return fail(.forged) }
        let topics = Topic.topics(of: event)
        var own = OwnCard(card: card, topics: topics, expires: expires, announcedAt: 0, nodesThen: 0)
        if let known { own.holders = ownCards.remove(at: known).holders }
        ownCards.append(own)
        cards.keepOwn(card, under: topics, expires: expires, now: now)
        send(card, topics, operation, now)
    }

    /// Starts an announcement of a card that is among our own.
    private mutating func send(
        _ card: CardRecord, _ topics: [Topic], _ operation: OperationID?, _ now: Moment
    ) {
        if let index = ownCards.firstIndex(where: { $0.card == card }) {
            ownCards[index].announcedAt = now.milliseconds
            ownCards[index].nodesThen = sides.known
            ownCards[index].retryAt = nil
        }
        serial += 1
        let key = serial
        let shelves = topics.enumerated().flatMap { place, topic in
            sides.families.map { (topic: place, shelf: Shelf(topic), family: $0) }
        }
        var run = AnnounceRun(card: card, shelves: shelves, operation: operation)
        run.report.topics = topics.map { ($0, 0) }
        announcements[key] = run
        timers.add(.announceDeadline(key), at: now.milliseconds + configuration.announceDeadline)
        continueAnnouncement(key, now)
    }

    /// Keeps three topics under way; ends when nothing is open any more.
    private mutating func continueAnnouncement(_ key: Int, _ now: Moment) {
        var started: [Int] = []
        while let run = announcements[key], run.lookupsOpen < 3, run.nextShelf < run.shelves.count {
            announcements[key]?.nextShelf += 1
            announcements[key]?.lookupsOpen += 1
            let (_, shelf, family) = run.shelves[run.nextShelf]
            started.append(startLookup(shelf.key, .announce(key, shelf: run.nextShelf), family, now))
        }
        // Only after the counts are right: a lookup that knows nobody ends at once.
        for lookup in started { advance(lookup, now) }
        if let run = announcements[key], run.lookupsOpen == 0, run.putsOpen == 0,
            run.nextShelf == run.shelves.count
        {
            endAnnouncement(key, now)
        }
    }

    /// The nearest nodes of one shelf are known: each gets the card. When they have too many, it is also put one bit deeper.
    mutating func placed(
        _ key: Int, _ place: Int, _ nearest: [Lookup.Candidate], isCrowded: Bool, _ now: Moment
    ) {
        guard let run = announcements[key] else { return }
        announcements[key]?.lookupsOpen -= 1
        let (topic, shelf, family) = run.shelves[place]
        if isCrowded, shelf.depth < Shelf.deepest {
            announcements[key]?.crowded.insert(place)
            let deeper = Shelf(shelf.topic, author: run.card.event.pubkey, depth: shelf.depth + 1)
            announcements[key]?.shelves.append((topic, deeper, family))
        }
        for candidate in nearest {
            guard let token = candidate.token else { continue }
            announcements[key]?.putsOpen += 1
            ask(
                .infPut(target: shelf.key, token: token, card: run.card.encoded, depth: shelf.depth),
                candidate.contact.endpoint, expecting: candidate.contact.id,
                .put(key, shelf: place, token: token), now)
        }
        continueAnnouncement(key, now)
    }

    /// One put has come to its end.
    mutating func putDone(
        _ key: Int, _ place: Int, _ token: [UInt8], _ endpoint: Endpoint, error: KRPCError?,
        unanswered: Bool = false, _ now: Moment
    ) {
        guard let run = announcements[key] else { return }
        announcements[key]?.putsOpen -= 1
        if unanswered {
            announcements[key]?.report.unanswered += 1
        } else if let error {
            announcements[key]?.report.refuse(error)
            // Where all are crowded there will be no room in half a minute either.
            if error.code == .slowDown, !run.crowded.contains(place),
                let index = ownCards.firstIndex(where: { $0.card == run.card })
            {
                announcements[key]?.isSlowedDown = true
                // What is too early now is not after one interval. What has no room then will have none soon: without
                // doubling it, whoever is the ninth of his range would send 200 packets every half minute for ever.
                let pause = (configuration.cardLimits.interval + 1_000) << min(ownCards[index].slowedDown, 8)
                ownCards[index].retryAt = now.milliseconds + min(pause, configuration.reannounce)
            }
        } else {
            announcements[key]?.report.topics[run.shelves[place].topic].stored += 1
            if let index = ownCards.firstIndex(where: { $0.card == run.card }) {
                ownCards[index].holders[endpoint] = token
            }
        }
        continueAnnouncement(key, now)
    }

    /// Ends an announcement with what it has reached.
    mutating func endAnnouncement(_ key: Int, _ now: Moment) {
        guard let run = announcements.removeValue(forKey: key) else { return }
        let index = ownCards.firstIndex { $0.card == run.card }
        guard let operation = run.operation else {
            if let index {
                ownCards[index].slowedDown = run.isSlowedDown ? ownCards[index].slowedDown + 1 : 0
            }
            return
        }
        actions.append(.announced(operation, .success(run.report)))
        // One path may have led among liars. The repetition takes others, and need not wait for its time.
        guard configuration.announcesTwice, let index else { return }
        ownCards[index].retryAt = min(ownCards[index].retryAt ?? .max, now.milliseconds)
        timers.add(.reannounce, at: now.milliseconds)
    }

    /// Announces again what is due: much later, or when many more nodes are known than last time.
    mutating func reannounce(_ now: Moment) {
        ownCards.removeAll { $0.expires <= now.unixSeconds }
        for own in ownCards {
            let age = now.milliseconds - own.announcedAt
            let grown = sides.known >= 2 * own.nodesThen && sides.known > own.nodesThen
            let asked = own.retryAt.map { $0 <= now.milliseconds } ?? false
            guard age >= configuration.reannounce || asked || (grown && age >= 1_000) else { continue }
            guard !announcements.values.contains(where: { $0.card == own.card }) else { continue }
            send(own.card, own.topics, nil, now)
        }
    }

    /// The table has a new node. A card that nobody else could take gets its chance soon.
    mutating func grew(_ now: Moment) {
        guard !reannounceSoon, ownCards.contains(where: { sides.known >= 2 * $0.nodesThen }) else { return }
        reannounceSoon = true
        timers.add(.reannounce, at: now.milliseconds + 1_000)
    }

    /// Takes our cards back from those who hold them; when leaving, tells our neighbours too.
    mutating func withdraw(leaving: Bool, _ now: Moment) {
        var holders: [Endpoint: [UInt8]] = [:]
        for own in ownCards {
            holders.merge(own.holders) { _, newer in newer }
            cards.dropOwn(own.card.event.pubkey)
        }
        ownCards = []
        descriptor = nil
        let neighbours =
            leaving
            ? sides.families.flatMap { family in
                sides[family].table.closest(
                    to: sides[family].id, count: configuration.width, now: now.milliseconds
                ).map(\.endpoint)
            } : []
        // Sorted, because a dictionary's order is not replayable.
        let endpoints = Set(holders.keys).union(neighbours).sorted()
        for endpoint in endpoints {
            ask(
                .infBye(token: holders[endpoint], cardsOnly: !leaving), endpoint, expecting: nil, .goodbye,
                now)
        }
    }
}

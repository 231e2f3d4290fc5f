// How a node runs lookups and gathers cards on the way.
// It must never hand out a card that it has not checked itself, whoever sent it.

import NodeModel

extension DHTNode {
    /// Starts a lookup and returns its key.
    @discardableResult
    mutating func startLookup(
        _ target: NodeID, _ goal: LookupRun.Goal, _ family: AddressFamily, seeds: [Endpoint] = [],
        contacts: [NodeContact] = [],
        avoiding: Set<Endpoint> = [], _ now: Moment
    ) -> Int {
        serial += 1
        let key = serial
        // Cards are put where they are looked for; Mainline's own things lie at whoever is nearest.
        let ours: Bool
        let paths: Int
        switch goal {
        case .find:
            (ours, paths) = (true, avoiding.isEmpty ? configuration.paths.search : configuration.paths.doubt)
        case .announce(let run, _):
            let isRepeated = announcements[run].map { $0.operation == nil } ?? false
            (ours, paths) = (true, isRepeated ? configuration.paths.again : configuration.paths.announce)
        // Who hides evidence hides it from all: it is given and looked for past those who name only each other.
        case .evidence: (ours, paths) = (true, configuration.paths.evidence)
        case .fill, .mainline: (ours, paths) = (false, 1)
        }
        var lookup = Lookup(
            target: target, family: family, width: configuration.width, parallel: configuration.parallel,
            budget: configuration.lookupBudget, prefersEntitled: ours, paths: paths,
            seeds: seeds, avoiding: avoiding)
        lookup.add(
            sides[family].table.closest(
                to: target, count: 2 * configuration.width + avoiding.count, now: now.milliseconds,
                entitledFirst: ours))
        lookup.add(contacts)
        let noise = Int64(truncatingIfNeeded: random.next() >> 33)
        lookups[key] = LookupRun(lookup: lookup, goal: goal, startedAt: now.milliseconds, seed: noise)
        counters.lookupsStarted += 1
        timers.add(.lookupDeadline(key), at: now.milliseconds + configuration.lookupDeadline)
        return key
    }

    /// A search: our own store first, then the nodes nearest to the topic, in every network that we live in.
    mutating func find(
        _ topic: Topic, _ limit: Int, _ filter: ProviderFilter, _ operation: OperationID, _ now: Moment
    ) {
        let shelf = shelf(for: topic)
        let goal = LookupRun.Goal.find(operation, shelf, limit: max(1, limit), filter)
        searches[operation] = SearchRun(limit: max(1, limit), lookupsOpen: sides.families.count)
        let keys = sides.families.map { startLookup(shelf.key, goal, $0, now) }
        if let first = keys.first { takeOwn(first, shelf.key, filter, now) }
        // Only after the counts are right: a lookup that knows nobody ends at once.
        for key in keys { advance(key, now) }
    }

    private mutating func takeOwn(
        _ key: Int, _ target: NodeID, _ filter: ProviderFilter, _ now: Moment
    ) {
        let own = cards.find(
            target, seed: lookups[key]?.seed ?? 0, offset: 0, limit: Int.max, filter: filter,
            unixNow: now.unixSeconds)
        lookups[key]?.report.unwanted = own.unwanted
        for (place, card) in own.cards.enumerated() {
            lookups[key]?.seen.insert(card)
            lookups[key]?.places[card.event.pubkey] = place
            keep(card, key)
        }
        if !own.cards.isEmpty { lookups[key]?.report.holders += 1 }
    }

    /// Asks whoever is next, or ends the lookup when nobody is.
    mutating func advance(_ key: Int, _ now: Moment) {
        guard var run = lookups[key] else { return }
        if run.found.isEmpty, run.lookup.isStarved {
            run.lookup.add(
                sides[run.lookup.family].table.closest(
                    to: run.lookup.target, count: sides.known, now: now.milliseconds))
            lookups[key] = run
        }
        guard !run.isDone else { return endLookup(key, now) }
        let next = run.lookup.next()
        lookups[key] = run
        for seed in next.seeds { askStep(key, run, seed, expecting: nil, now) }
        for contact in next.contacts { askStep(key, run, contact.endpoint, expecting: contact.id, now) }
        if next.seeds.isEmpty, next.contacts.isEmpty, run.isDone { endLookup(key, now) }
    }

    private mutating func askStep(
        _ key: Int, _ run: LookupRun, _ endpoint: Endpoint, expecting id: NodeID?, _ now: Moment
    ) {
        let foreign = entry(at: endpoint)?.isInfernet == false
        let call: KRPCQuery.Call
        switch run.goal {
        case .fill: call = .findNode(target: run.lookup.target)
        case .mainline(let key): call = mainlineCall(key, run.lookup.target)
        case _ where foreign: call = .findNode(target: run.lookup.target)
        case .find(_, _, let limit, let filter):
            call = .infFind(
                InfFind(
                    target: run.lookup.target, limit: min(limit, 255), seed: run.seed, filter: filter,
                    size: configuration.findRequestSize(endpoint.family, forCards: true)))
        case .announce, .evidence:
            // Nodes and a token are wanted, so there is room for just these.
            call = .infFind(
                InfFind(
                    target: run.lookup.target, limit: 0,
                    size: configuration.findRequestSize(endpoint.family, forCards: false)))
        }
        var plain = false
        if case .findNode = call { plain = true }
        ask(call, endpoint, expecting: id, .lookup(key, plain: plain), now)
    }

    /// A node did not understand `inf_find`: it is asked for the way only.
    mutating func askPlainly(_ key: Int, _ endpoint: Endpoint, _ expected: NodeID?, _ now: Moment) {
        guard let run = lookups[key] else { return }
        ask(
            .findNode(target: run.lookup.target), endpoint, expecting: expected, .lookup(key, plain: true),
            now)
    }

    mutating func lookupReply(_ key: Int, _ reply: KRPCReply, _ source: Endpoint, _ now: Moment) {
        guard lookups[key] != nil else { return }
        // A stranger's word about private addresses would turn us against our own network.
        let nodes = reply.nodes.filter { contact in
            contact.id != sides[contact.endpoint.family].id && (source.isLocal || !contact.endpoint.isLocal)
        }
        if case .fill? = lookups[key]?.goal { meet(nodes, beside: source.family, now) }
        lookups[key]?.lookup.reply(from: source, sender: reply.sender, token: reply.token, nodes: nodes)
        if case .mainline(let wish)? = lookups[key]?.goal {
            mainline[wish]?.take(reply)
        } else if case .announce? = lookups[key]?.goal {
            if reply.isCrowded { lookups[key]?.crowdedBy += 1 }
        } else if case .evidence? = lookups[key]?.goal {
            // Nodes and tokens are all that is wanted.
        } else {
            gather(key, reply, source, offset: 0, page: 0, now)
        }
        advance(key, now)
    }

    mutating func lookupLost(_ key: Int, _ endpoint: Endpoint, timedOut: Bool, _ now: Moment) {
        lookups[key]?.lookup.failed(endpoint, timedOut: timedOut)
        advance(key, now)
    }

    mutating func pageReply(
        _ key: Int, _ reply: KRPCReply, _ source: Endpoint, offset: Int, token: [UInt8], page: Int,
        _ now: Moment
    ) {
        guard lookups[key] != nil else { return }
        lookups[key]?.pagesOpen -= 1
        gather(key, reply, source, offset: offset, page: page, now)
        advance(key, now)
    }

    mutating func pageLost(_ key: Int, _ now: Moment) {
        lookups[key]?.pagesOpen -= 1
        advance(key, now)
    }

    /// Takes the cards of a reply, and asks the same node for more while it has more and more are wanted.
    private mutating func gather(
        _ key: Int, _ reply: KRPCReply, _ source: Endpoint, offset: Int, page: Int, _ now: Moment
    ) {
        guard let run = lookups[key], case .find(_, let shelf, let limit, let filter) = run.goal else {
            return
        }
        if reply.isCrowded, page == 0 { lookups[key]?.crowdedBy += 1 }
        // The holders of one topic have the same cards: the largest number is the nearest to the truth.
        lookups[key]?.report.unwanted.merge(reply.unwanted) { max($0, $1) }
        var useful = false
        for (index, card) in reply.cards.prefix(32).enumerated() {
            guard let card else {
                lookups[key]?.report.refused[.malformed, default: 0] += 1
                continue
            }
            lookups[key]?.places[card.event.pubkey, default: Int.max].lower(to: offset + index)
            if run.seen.contains(card) || lookups[key]?.seen.contains(card) == true {
                useful = useful || run.found[card.event.pubkey] == card
                continue
            }
            lookups[key]?.seen.insert(card)
            if let refusal = refusal(of: card, shelf, now) {
                lookups[key]?.report.refused[refusal, default: 0] += 1
                continue
            }
            // A holder may not know filters, or not keep to them.
            guard wanted(card, shelf.topic, filter, key) else { continue }
            useful = true
            keep(card, key)
        }
        if useful, page == 0 { lookups[key]?.report.holders += 1 }
        let got = offset + reply.cards.count
        guard let token = reply.token, let matches = reply.matches, matches > got, page < 4,
            reply.cards.count > 0 || page == 0, (lookups[key]?.found.count ?? 0) < limit
        else { return }
        lookups[key]?.pagesOpen += 1
        lookups[key]?.report.pages += 1
        let more = InfFind(
            target: run.lookup.target, limit: min(limit, 255), offset: got, seed: run.seed, filter: filter,
            token: token)
        ask(
            .infFind(more), source, expecting: reply.sender,
            .page(key, offset: got, token: token, page: page + 1), now)
    }

    private mutating func refusal(of card: CardRecord, _ shelf: Shelf, _ now: Moment) -> FindReport.Refusal? {
        do {
            _ = try configuration.cardRules.check(
                card, under: shelf.key, depth: shelf.depth, unixNow: now.unixSeconds)
        } catch {
            switch error {
            case .expired: return .expired
            case .wrongTarget: return .wrongTopic
            case .badLifetime, .fromTheFuture: return .badLifetime
            default: return .malformed
            }
        }
        return verify(card) ? nil : .badSignature
    }

    /// Whether the filter admits a card whose signature holds; the reason why not goes into the report.
    private mutating func wanted(
        _ card: CardRecord, _ topic: Topic, _ filter: ProviderFilter, _ key: Int
    ) -> Bool {
        if filter.isEmpty { return true }
        guard let facts = CardFacts(card.event, topic: topic) else {
            lookups[key]?.report.refused[.malformed, default: 0] += 1
            return false
        }
        guard let reason = filter.refusal(of: facts) else { return true }
        lookups[key]?.report.unwanted[reason, default: 0] += 1
        return false
    }

    private mutating func keep(_ card: CardRecord, _ key: Int) {
        let author = card.event.pubkey
        if let known = lookups[key]?.found[author] {
            lookups[key]?.report.refused[.older, default: 0] += 1
            guard card.event.isNewer(than: known.event) else { return }
        }
        lookups[key]?.found[author] = card
    }

    /// Ends a lookup with what it has; called when it is done and when its time is up.
    mutating func endLookup(_ key: Int, _ now: Moment) {
        guard let run = lookups.removeValue(forKey: key) else { return }
        counters.lookupsEnded += 1
        switch run.goal {
        case .fill(let first): filled(run, first: first, now)
        case .mainline(let wish): mainlineFound(wish, run.lookup, now)
        case .evidence(let wish): evidenceFound(wish, run.lookup, now)
        case .announce(let announcement, let shelf):
            placed(announcement, shelf, run.lookup.nearest, isCrowded: run.isCrowded, now)
        case .find(let operation, _, let limit, _):
            guard !continueSearch(run, now) else { return }
            var report = run.report
            report.asked += run.lookup.asked
            report.answered += run.lookup.answered
            report.timedOut += run.lookup.timedOut
            report.milliseconds = now.milliseconds - run.startedAt
            report.cards = run.best(limit)
            endSearch(operation, report)
        }
    }
}

extension Int {
    /// Takes the smaller value.
    fileprivate mutating func lower(to other: Int) { self = Swift.min(self, other) }
}

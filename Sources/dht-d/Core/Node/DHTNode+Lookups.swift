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
        let limit = max(1, limit)
        let parts = SearchRun.shards(limit)
        let shelves = shelves(for: topic, parts)
        searches[operation] = SearchRun(limit: limit, families: sides.families, shelves: shelves.count)
        var keys: [Int] = []
        for family in sides.families {
            for shelf in shelves {
                let goal = LookupRun.Goal.find(
                    operation, shelf, limit: SearchRun.share(limit, of: shelves.count), filter)
                let key = startLookup(shelf.key, goal, family, now)
                lookups[key]?.shards = parts / shelves.count
                if family == sides.families.first { takeOwn(key, shelf.key, filter, now) }
                keys.append(key)
            }
        }
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
        // Taken out while it changes: a copy of its candidates for each answer is much of what a lookup costs.
        guard var run = lookups.removeValue(forKey: key) else { return }
        if run.found.isEmpty, run.lookup.isStarved {
            run.lookup.add(
                sides[run.lookup.family].table.closest(
                    to: run.lookup.target, count: sides.known, now: now.milliseconds))
        }
        guard !run.isDone else {
            lookups[key] = run
            return endLookup(key, now)
        }
        let next = run.lookup.next()
        var pages: [PagePlan.Page] = []
        while let page = run.nextPage() { pages.append(page) }
        run.report.pages += pages.count
        lookups[key] = run
        for seed in next.seeds { askStep(key, run, seed, expecting: nil, now) }
        for contact in next.contacts { askStep(key, run, contact.endpoint, expecting: contact.id, now) }
        for page in pages { askPage(key, run, page, now) }
        if next.seeds.isEmpty, next.contacts.isEmpty, run.isDone { endLookup(key, now) }
    }

    private mutating func askPage(_ key: Int, _ run: LookupRun, _ page: PagePlan.Page, _ now: Moment) {
        guard case .find(_, _, let limit, let filter) = run.goal else { return }
        let more = InfFind(
            target: run.lookup.target, limit: min(limit, 255), offset: page.offset, seed: run.seed,
            filter: filter, token: page.token)
        ask(.infFind(more), page.contact.endpoint, expecting: page.contact.id, .page(key, page), now)
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
            // One order for all: its first places are the first cards of as many address ranges. Another one at each holder
            // would bring more cards along with the way, and let a few ranges fill the result with theirs.
            call = .infFind(
                InfFind(
                    target: run.lookup.target, limit: min(limit, 255), seed: run.seed,
                    filter: filter,
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
            gatherFirst(key, reply, source, now)
        }
        advance(key, now)
    }

    mutating func lookupLost(_ key: Int, _ endpoint: Endpoint, timedOut: Bool, _ now: Moment) {
        lookups[key]?.lookup.failed(endpoint, timedOut: timedOut)
        advance(key, now)
    }

    mutating func pageReply(_ key: Int, _ page: PagePlan.Page, _ reply: KRPCReply, _ now: Moment) {
        guard lookups[key] != nil else { return }
        let yield = gather(key, reply, offset: page.offset, now)
        if lookups[key]?.pages.came(page, yield) == true { lookups[key]?.report.holders += 1 }
        advance(key, now)
    }

    mutating func pageLost(_ key: Int, _ page: PagePlan.Page, _ now: Moment) {
        lookups[key]?.pages.lost(page)
        advance(key, now)
    }

    /// Takes what a node tells the first time that it is asked.
    private mutating func gatherFirst(
        _ key: Int, _ reply: KRPCReply, _ source: Endpoint, _ now: Moment
    ) {
        if reply.isCrowded { lookups[key]?.crowdedBy += 1 }
        let yield = gather(key, reply, offset: 0, now)
        if yield.good > 0 { lookups[key]?.report.holders += 1 }
        guard let token = reply.token, let matches = reply.matches, matches > reply.cards.count else {
            return
        }
        let contact = NodeContact(id: reply.sender, endpoint: source)
        lookups[key]?.pages.met(contact, token: token, matches: matches, gave: yield.good > 0)
    }

    /// Takes the cards of a reply.
    private mutating func gather(
        _ key: Int, _ reply: KRPCReply, offset: Int, _ now: Moment
    ) -> PagePlan.Yield {
        var yield = PagePlan.Yield()
        guard let run = lookups[key], case .find(_, let shelf, _, let filter) = run.goal else { return yield }
        // The holders of one topic have the same cards: the largest number is the nearest to the truth.
        lookups[key]?.report.unwanted.merge(reply.unwanted) { max($0, $1) }
        for (index, card) in reply.cards.prefix(32).enumerated() {
            guard let card else {
                lookups[key]?.report.refused[.malformed, default: 0] += 1
                continue
            }
            lookups[key]?.places[card.event.pubkey, default: Int.max].lower(to: offset + index)
            if run.seen.contains(card) || lookups[key]?.seen.contains(card) == true {
                if run.found[card.event.pubkey] == card { yield.good += 1 }
                continue
            }
            lookups[key]?.seen.insert(card)
            if let refusal = refusal(of: card, shelf, now) {
                lookups[key]?.report.refused[refusal, default: 0] += 1
                continue
            }
            // A holder may not know filters, or not keep to them.
            guard wanted(card, shelf.topic, filter, key) else { continue }
            yield.good += 1
            if lookups[key]?.found[card.event.pubkey] == nil { yield.new += 1 }
            keep(card, key)
        }
        return yield
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
        case .find: goOn(run, now)
        }
    }
}

extension Int {
    /// Takes the smaller value.
    fileprivate mutating func lower(to other: Int) { self = Swift.min(self, other) }
}

// How a node joins, stays joined and forgets: bootstrap, refresh, checks, expiry.
// It must never give up on joining, nor ask a silent bootstrap node more than twice a minute for long.

/// The endpoints to join through, and how that goes.
struct Bootstrap: Sendable {
    var endpoints: [Endpoint] = []
    var running = false
    var nextAttempt: Int64 = 0
    var attempts = 0
    /// When an entrance last answered; nil before. Acquaintances who came to us do not make up for one: they may
    /// all be as far outside as we are.
    var reachedAt: Int64?

    /// 1, 2, 4 … 30 seconds.
    var backoff: Int64 { min(30_000, 1_000 << min(attempts, 5)) }
}

extension DHTNode {
    mutating func setBootstrap(_ endpoints: [Endpoint], _ now: Moment) {
        for family in sides.families {
            sides[family].bootstrap.endpoints = endpoints.filter { $0.isUsable && $0.family == family }
            sides[family].bootstrap.nextAttempt = now.milliseconds
            tryBootstrap(family, now)
        }
    }

    /// Looks up our own ids through remembered nodes; those that answer enter the tables.
    mutating func join(through contacts: [NodeContact], _ now: Moment) {
        for family in sides.families {
            let those = contacts.filter { $0.endpoint.family == family }
            if !those.isEmpty || sides.families.count == 1 { join(family, through: those, now) }
        }
    }

    private mutating func join(_ family: AddressFamily, through contacts: [NodeContact], _ now: Moment) {
        let own = sides[family].id
        let key = startLookup(
            own, .fill(first: true), family, contacts: contacts.filter { $0.id != own }, now)
        advance(key, now)
    }

    private mutating func tryBootstrap(_ family: AddressFamily, _ now: Moment) {
        let side = sides[family]
        let missing = side.bootstrap.endpoints.filter { endpoint in
            (side.table.entry(at: endpoint)?.failures ?? 1) > 0
        }
        if missing.count < side.bootstrap.endpoints.count {
            sides[family].bootstrap.reachedAt = now.milliseconds
        }
        guard !missing.isEmpty, !side.bootstrap.running, now.milliseconds >= side.bootstrap.nextAttempt
        else { return }
        sides[family].bootstrap.running = true
        sides[family].bootstrap.attempts += 1
        sides[family].bootstrap.nextAttempt = now.milliseconds + sides[family].bootstrap.backoff
        let key = startLookup(side.id, .fill(first: true), family, seeds: missing, now)
        advance(key, now)
    }

    /// Nodes of the other network, named by one of this: a node that knows hardly anybody there asks some of them whether
    /// they are there.
    mutating func meet(_ nodes: [NodeContact], beside family: AddressFamily, _ now: Moment) {
        for contact in nodes where contact.endpoint.family != family {
            let other = contact.endpoint.family
            guard configuration.families.contains(other), sides[other].table.count < configuration.width,
                sides[other].table[contact.id] == nil
            else { continue }
            check(contact, leaving: false, now)
        }
    }

    /// A lookup that was to fill a table has ended.
    mutating func filled(_ run: LookupRun, first: Bool, _ now: Moment) {
        let family = run.lookup.family
        if first {
            sides[family].bootstrap.running = false
            if run.lookup.answered > 0 {
                sides[family].bootstrap.attempts = 0
                sides[family].hasJoined = true
            }
            if run.lookup.seedAnswered { sides[family].bootstrap.reachedAt = now.milliseconds }
            // The sooner the better: hardly anybody knows us yet.
            if bindID(family, now) { return }
            // Everything between us and our nearest neighbour is worth one lookup.
            if let neighbour = run.lookup.nearest.first {
                let depth = min(sides[family].id.sharedPrefix(with: neighbour.contact.id), 24)
                sides[family].refreshQueue = Array(0..<depth)
            }
        } else {
            sides[family].refreshQueue = Array(sides[family].refreshQueue.dropFirst())
        }
        refreshNext(family, now)
    }

    private mutating func refreshNext(_ family: AddressFamily, _ now: Moment) {
        guard let bucket = sides[family].refreshQueue.first else { return }
        sides[family].table.touch(bucket: bucket, now: now.milliseconds)
        let target = sides[family].id.randomNeighbour(sharing: bucket, using: &random)
        let key = startLookup(target, .fill(first: false), family, now)
        advance(key, now)
    }

    /// Runs every few seconds.
    mutating func maintain(_ now: Moment) {
        if now.milliseconds - tokensRotatedAt >= configuration.tokenLifetime {
            tokensRotatedAt = now.milliseconds
            tokens.rotate(random: &random)
        }
        if now.milliseconds - sweptAt >= 30_000 {
            sweptAt = now.milliseconds
            cards.expire(unixNow: now.unixSeconds)
            peers.expire(now: now.milliseconds)
            items.expire(now: now.milliseconds)
            desk.store.expire(unixNow: now.unixSeconds)
            for family in sides.families {
                _ = bindID(family, now)
                lookAtReach(family, now)
            }
        }
        for family in sides.families { maintain(family, now) }
        // Whoever missed his own announcement is asked; the cards of those who do not answer are not handed out.
        let silence = now.milliseconds - configuration.sourceSilence
        for _ in 0..<4 {
            guard let source = cards.doubtfulSource(before: silence, now: now.milliseconds) else { break }
            ask(.ping, source, expecting: nil, .probe, now)
        }
        for family in sides.families where sides[family].refreshQueue.isEmpty {
            let stale = sides[family].table.staleBuckets(
                before: now.milliseconds - configuration.bucketRefresh)
            if let bucket = stale.first {
                sides[family].refreshQueue = [bucket]
                refreshNext(family, now)
            }
        }
        reannounce(now)
        compareIfDue(now)
    }

    /// Whether strangers' packets arrive here.
    private mutating func lookAtReach(_ family: AddressFamily, _ now: Moment) {
        guard sides[family].reach != nil else { return }
        let known = sides[family].table.entries.count {
            !$0.contact.endpoint.isLocal && $0.standing(at: now.milliseconds) == .good
        }
        let address = sides[family].vote.winner
        sides[family].reach?.look(known: known, address: address, now: now.milliseconds)
    }

    private mutating func maintain(_ family: AddressFamily, _ now: Moment) {
        let isAlone = !sides[family].table.hasGood(configuration.width, now: now.milliseconds)
        // Networks that grew apart grow together through their entrances, so these are visited now and then.
        let visited =
            sides[family].bootstrap.reachedAt.map { now.milliseconds - $0 < configuration.entranceVisit }
            ?? false
        if isAlone || !visited { tryBootstrap(family, now) }
        if sides.families.count > 1, !sides[family].hasJoined { findTheWay(into: family, now) }
        if let doubtful = sides[family].table.mostDoubtful(now: now.milliseconds) {
            check(doubtful, leaving: false, now)
        }
    }

    /// Enters a network through whom the other one showed us, or asks the other one again to show us somebody.
    private mutating func findTheWay(into family: AddressFamily, _ now: Moment) {
        guard now.milliseconds >= sides[family].bootstrap.nextAttempt else { return }
        sides[family].bootstrap.attempts += 1
        sides[family].bootstrap.nextAttempt = now.milliseconds + sides[family].bootstrap.backoff
        let isShown = sides[family].table.count > 0
        for each in sides.families where (each == family) == isShown { join(each, through: [], now) }
    }

    /// Takes an id that our address entitles to (BEP 42), at most once an hour; who prefers such ids then keeps us.
    ///
    /// - Returns: whether it did, and joins anew.
    private mutating func bindID(_ family: AddressFamily, _ now: Moment) -> Bool {
        let side = sides[family]
        guard configuration.bindsID, let address = side.vote.winner,
            now.milliseconds - (side.boundAt ?? -3_600_000) >= 3_600_000
        else { return false }
        guard !side.id.isBound(to: Endpoint(address, port: 1)) else { return false }
        let salt = UInt8(truncatingIfNeeded: random.next())
        let id = NodeID.bound(to: address, salt: salt, using: &random)
        let known = side.table.entries
        sides[family].boundAt = now.milliseconds
        sides[family].id = id
        sides[family].table = RoutingTable(
            own: id, size: configuration.width, groups: configuration.groups)
        for entry in known where entry.standing(at: now.milliseconds) == .good {
            _ = sides[family].table.answered(
                entry.contact, roundTrip: entry.roundTrip.smoothed ?? configuration.firstSoftTimeout,
                isInfernet: entry.isInfernet, now: entry.lastReply)
        }
        sides[family].refreshQueue = []
        join(family, through: known.map(\.contact), now)
        return true
    }
}

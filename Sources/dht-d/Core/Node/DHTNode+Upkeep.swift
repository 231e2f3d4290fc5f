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
        bootstrap.endpoints = endpoints.filter(\.isUsable)
        bootstrap.nextAttempt = now.milliseconds
        tryBootstrap(now)
    }

    /// Looks up our own id through remembered nodes; those that answer enter the table.
    mutating func join(through contacts: [NodeContact], _ now: Moment) {
        let key = startLookup(id, .fill(first: true), contacts: contacts.filter { $0.id != id }, now)
        advance(key, now)
    }

    private mutating func tryBootstrap(_ now: Moment) {
        let missing = bootstrap.endpoints.filter { endpoint in
            (table.entry(at: endpoint)?.failures ?? 1) > 0
        }
        if missing.count < bootstrap.endpoints.count { bootstrap.reachedAt = now.milliseconds }
        guard !missing.isEmpty, !bootstrap.running, now.milliseconds >= bootstrap.nextAttempt else { return }
        bootstrap.running = true
        bootstrap.attempts += 1
        bootstrap.nextAttempt = now.milliseconds + bootstrap.backoff
        let key = startLookup(id, .fill(first: true), seeds: missing, now)
        advance(key, now)
    }

    /// A lookup that was to fill the table has ended.
    mutating func filled(_ run: LookupRun, first: Bool, _ now: Moment) {
        if first {
            bootstrap.running = false
            if run.lookup.answered > 0 { bootstrap.attempts = 0 }
            if run.lookup.seedAnswered { bootstrap.reachedAt = now.milliseconds }
            // The sooner the better: hardly anybody knows us yet.
            if bindID(now) { return }
            // Everything between us and our nearest neighbour is worth one lookup.
            if let neighbour = run.lookup.nearest.first {
                let depth = min(id.sharedPrefix(with: neighbour.contact.id), 24)
                refreshQueue = Array(0..<depth)
            }
        } else {
            refreshQueue = refreshQueue.isEmpty ? [] : Array(refreshQueue.dropFirst())
        }
        refreshNext(now)
    }

    private mutating func refreshNext(_ now: Moment) {
        guard let bucket = refreshQueue.first else { return }
        table.touch(bucket: bucket, now: now.milliseconds)
        let target = id.randomNeighbour(sharing: bucket, using: &random)
        let key = startLookup(target, .fill(first: false), now)
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
            _ = bindID(now)
        }
        let census = table.census(now: now.milliseconds)
        // Networks that grew apart grow together through their entrances, so these are visited now and then.
        let visited = bootstrap.reachedAt.map { now.milliseconds - $0 < configuration.entranceVisit } ?? false
        if census[.good, default: 0] < configuration.width || !visited { tryBootstrap(now) }
        if let doubtful = table.mostDoubtful(now: now.milliseconds) { check(doubtful, leaving: false, now) }
        // Whoever missed his own announcement is asked; the cards of those who do not answer are not handed out.
        let silence = now.milliseconds - configuration.sourceSilence
        for _ in 0..<4 {
            guard let source = cards.doubtfulSource(before: silence, now: now.milliseconds) else { break }
            ask(.ping, source, expecting: nil, .probe, now)
        }
        if refreshQueue.isEmpty {
            let stale = table.staleBuckets(before: now.milliseconds - configuration.bucketRefresh)
            if let bucket = stale.first {
                refreshQueue = [bucket]
                refreshNext(now)
            }
        }
        reannounce(now)
    }

    /// Takes an id that our address entitles to (BEP 42), at most once an hour; who prefers such ids then keeps us.
    ///
    /// - Returns: whether it did, and joins anew.
    private mutating func bindID(_ now: Moment) -> Bool {
        guard configuration.bindsID, let address = vote.winner,
            now.milliseconds - (boundAt ?? -3_600_000) >= 3_600_000
        else { return false }
        guard !id.isBound(to: Endpoint(address: address, port: 1)) else { return false }
        boundAt = now.milliseconds
        let salt = UInt8(truncatingIfNeeded: random.next())
        id = NodeID.bound(to: address, salt: salt, using: &random)
        let known = table.entries
        table = RoutingTable(own: id, size: configuration.width, groups: configuration.groups)
        for entry in known where entry.standing(at: now.milliseconds) == .good {
            _ = table.answered(
                entry.contact, roundTrip: entry.roundTrip.smoothed ?? configuration.firstSoftTimeout,
                isInfernet: entry.isInfernet, now: entry.lastReply)
        }
        refreshQueue = []
        join(through: known.map(\.contact), now)
        return true
    }
}

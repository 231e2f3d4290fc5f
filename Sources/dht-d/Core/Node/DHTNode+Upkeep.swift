// How a node joins, stays joined and forgets: bootstrap, refresh, checks, expiry.
// It must never give up on joining, nor ask a silent bootstrap node more than twice a minute for long.

/// The endpoints to join through, and how that goes.
struct Bootstrap: Sendable {
    var endpoints: [Endpoint] = []
    var running = false
    var nextAttempt: Int64 = 0
    var attempts = 0

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
        }
        let census = table.census(now: now.milliseconds)
        if census[.good, default: 0] < configuration.width { tryBootstrap(now) }
        if let doubtful = table.mostDoubtful(now: now.milliseconds) { check(doubtful, leaving: false, now) }
        if refreshQueue.isEmpty {
            let stale = table.staleBuckets(before: now.milliseconds - configuration.bucketRefresh)
            if let bucket = stale.first {
                refreshQueue = [bucket]
                refreshNext(now)
            }
        }
        reannounce(now)
    }
}

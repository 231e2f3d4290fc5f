// How a node uses Mainline for its own: peers of torrents (BEP 5) and items (BEP 44).
// It must never store anywhere without that node's token, nor wait for a node longer than for any other.

extension DHTNode {
    /// What became of one thing given to one node.
    enum StoreEnd { case stored, refused(KRPCError), lost }

    mutating func begin(_ wish: MainlineWish, _ operation: OperationID, _ now: Moment) {
        serial += 1
        let key = serial
        var run = MainlineRun(operation: operation, wish: wish)
        // What we keep for others counts as well.
        let target = wish.target
        var known = KRPCReply(
            sender: sides.ids[0], values: peers.find(target, limit: 100, now: now.milliseconds))
        known.item = items.find(target, now: now.milliseconds)
        run.take(known)
        run.lookupsOpen = sides.families.count
        mainline[key] = run
        // Only after the count is right: a lookup that knows nobody ends at once.
        for family in sides.families { advance(startLookup(target, .mainline(key), family, now), now) }
    }

    func mainlineCall(_ key: Int, _ target: NodeID) -> KRPCQuery.Call {
        switch mainline[key]?.wish {
        case .item, .mutable, .store: .get(target: target, newerThan: nil)
        case .peers, .announce: .getPeers(infoHash: target)
        case nil: .findNode(target: target)
        }
    }

    /// The nearest nodes are known: what is to be stored goes to those that gave a token.
    mutating func mainlineFound(_ key: Int, _ lookup: Lookup, _ now: Moment) {
        mainline[key]?.lookupsOpen -= 1
        mainline[key]?.report.asked += lookup.asked
        mainline[key]?.report.answered += lookup.answered
        guard let wish = mainline[key]?.wish else { return }
        for candidate in lookup.nearest {
            guard let token = candidate.token else { continue }
            let call: KRPCQuery.Call
            switch wish {
            case .announce(let hash, let port):
                call = .announcePeer(infoHash: hash, port: port, token: token)
            case .store(let item, let swap): call = .put(item, swap: swap, token: token)
            case .peers, .item, .mutable: continue
            }
            mainline[key]?.storesOpen += 1
            ask(call, candidate.contact.endpoint, expecting: candidate.contact.id, .store(key), now)
        }
        endMainlineIfDone(key)
    }

    mutating func storeDone(_ key: Int, _ end: StoreEnd) {
        mainline[key]?.storesOpen -= 1
        switch end {
        case .stored: mainline[key]?.report.stored += 1
        case .refused(let error):
            if mainline[key]?.report.refusals[error] != nil
                || (mainline[key]?.report.refusals.count ?? 0) < 16
            {
                mainline[key]?.report.refusals[error, default: 0] += 1
            }
        case .lost: break
        }
        endMainlineIfDone(key)
    }

    private mutating func endMainlineIfDone(_ key: Int) {
        guard let run = mainline[key], run.lookupsOpen == 0, run.storesOpen == 0 else { return }
        mainline[key] = nil
        actions.append(.mainline(run.operation, run.finished()))
    }
}

// How evidence travels: from who gives it to the nodes nearest its subject's key, from them to who asks, and among themselves.
// It must never be pushed from one holder to another: each fetches what it lacks, and checks it.

import NodeModel

extension DHTNode {
    /// Begins what people want done about evidence.
    mutating func begin(_ wish: EvidenceWish, _ operation: OperationID, _ now: Moment) {
        serial += 1
        let key = serial
        let run: EvidenceRun
        switch wish {
        case .gather(let subject): run = EvidenceRun(operation: operation, wish: wish, subject: subject)
        case .publish(let event):
            guard let record = CardRecord(event), let evidence = Evidence(unproven: event) else {
                return fail(wish, operation, .notEvidence)
            }
            do throws(KRPCError) { try keep(record.encoded, from: nil, now) } catch {
                return fail(wish, operation, error)
            }
            var publishing = EvidenceRun(operation: operation, wish: wish, subject: evidence.subject)
            publishing.encoded = record.encoded
            run = publishing
        }
        desk.runs[key] = run
        desk.runs[key]?.open = sides.families.count
        // Only after the count is right: a lookup that knows nobody ends at once.
        for family in sides.families {
            advance(startLookup(Topic.reputation(run.subject).key(), .evidence(key), family, now), now)
        }
    }

    private mutating func fail(_ wish: EvidenceWish, _ operation: OperationID, _ error: KRPCError) {
        var report = EvidenceReport()
        report.failure = error
        actions.append(.evidence(operation, report))
    }

    /// The nodes nearest to the subject's key are known.
    mutating func evidenceFound(_ key: Int, _ lookup: Lookup, _ now: Moment) {
        guard let run = desk.runs[key] else { return }
        desk.runs[key]?.open -= 1
        desk.runs[key]?.report.asked += lookup.asked
        desk.runs[key]?.report.answered += lookup.answered
        let holders = lookup.nearest(EvidenceDesk.copies).filter { $0.token != nil }
        switch run.wish {
        case .publish:
            desk.runs[key]?.open += holders.count
            for holder in holders {
                ask(
                    .evidence(.put(token: holder.token ?? [], evidence: run.encoded)),
                    holder.contact.endpoint, expecting: holder.contact.id, .evidence(.put(key)), now)
            }
        case .gather:
            desk.runs[key]?.open += holders.count
            for (turn, holder) in holders.enumerated() {
                compare(
                    run.subject, with: holder.contact, token: holder.token ?? [], for: key,
                    share: Double(turn) / Double(holders.count), now)
            }
        }
        endEvidenceIfDone(key)
    }

    private mutating func endEvidenceIfDone(_ key: Int) {
        guard var run = desk.runs[key], run.open == 0 else { return }
        desk.runs[key] = nil
        if case .gather = run.wish { run.report.evidence = desk.store.all(on: run.subject) }
        actions.append(.evidence(run.operation, run.report))
    }

    // MARK: comparing

    /// Runs every few seconds: compares with a neighbour what both hold on the provider whose turn it is.
    mutating func compareIfDue(_ now: Moment) {
        guard desk.store.count > 0 else { return }
        let due = desk.nextSync ?? now.milliseconds + jitter(EvidenceDesk.interval)
        desk.nextSync = due
        guard now.milliseconds >= due else { return }
        let (sides, width) = (sides, configuration.width)
        guard desk.syncs.count < EvidenceDesk.mostOpen,
            let (subject, pause) = desk.nextSubject({
                Self.isHolder(of: $0, sides, width: width, now.milliseconds)
            })
        else {
            desk.nextSync = now.milliseconds + EvidenceDesk.interval
            return
        }
        desk.nextSync = now.milliseconds + pause / 2 + jitter(pause)
        // The nearest to the key hold it, or should: whoever came lately gets it this way.
        let key = Topic.reputation(subject).key()
        let near = sides.families.flatMap { family in
            sides[family].table.closest(
                to: key, count: configuration.width, now: now.milliseconds, entitledFirst: true)
        }
        guard
            let peer = near.filter({ entry(at: $0.endpoint)?.isInfernet != false })
                .randomElement(using: &random)
        else { return }
        compare(subject, with: peer, token: nil, for: nil, now)
    }

    /// Somebody compared with us, and we do not hold the same: he is asked in turn, if this node is one of those that should.
    mutating func compareBack(_ subject: PublicKey, with peer: NodeContact, _ now: Moment) {
        guard Self.isHolder(of: subject, sides, width: configuration.width, now.milliseconds),
            desk.asksBack(about: subject, now: now.milliseconds)
        else { return }
        compare(subject, with: peer, token: nil, for: nil, now)
    }

    /// Whether a node knows too few that are nearer to a provider's key than itself, so that it should hold what is said of him.
    /// What it gathered on others it keeps for itself.
    private static func isHolder(of subject: PublicKey, _ sides: Sides, width: Int, _ now: Int64) -> Bool {
        let key = Topic.reputation(subject).key()
        return sides.families.contains { family in
            sides[family].table.closest(to: key, count: width, now: now).count {
                $0.id.distance(to: key) < sides[family].id.distance(to: key)
            } < width
        }
    }

    private mutating func jitter(_ span: Int64) -> Int64 {
        Int64(random.next() % UInt64(max(1, span)))
    }

    private mutating func compare(
        _ subject: PublicKey, with peer: NodeContact, token: [UInt8]?, for run: Int?, share: Double = 0,
        _ now: Moment
    ) {
        serial += 1
        let key = serial
        desk.syncs[key] = EvidenceSync(
            subject, desk.store.items(on: subject), with: peer, token: token ?? [], for: run,
            share: share)
        if token != nil { return step(key, desk.syncs[key]?.first ?? [], now) }
        ask(
            .infFind(
                InfFind(
                    target: Topic.reputation(subject).key(), limit: 0,
                    size: configuration.findRequestSize(peer.endpoint.family, forCards: false))),
            peer.endpoint,
            expecting: peer.id, .evidence(.token(key)), now)
    }

    /// Sends the next message of a comparison.
    private mutating func step(_ key: Int, _ message: [UInt8], _ now: Moment) {
        guard let sync = desk.syncs[key] else { return }
        ask(
            .evidence(.sync(subject: sync.subject, message: message, token: sync.token)), sync.peer.endpoint,
            expecting: sync.peer.id, .evidence(.step(key)), now)
    }

    /// Asks for what was shown to be missing, or ends the comparison.
    private mutating func fetch(_ key: Int, _ now: Moment) {
        guard let sync = desk.syncs[key] else { return }
        // Another holder may have given it meanwhile.
        desk.syncs[key]?.settle(sync.missing.filter { desk.store.holds($0, on: sync.subject) })
        guard let ids = desk.syncs[key]?.wanted(), !ids.isEmpty else { return endSync(key, compared: true) }
        ask(
            .evidence(.get(subject: sync.subject, ids: ids, token: sync.token)), sync.peer.endpoint,
            expecting: sync.peer.id, .evidence(.fetch(key, ids: ids)), now)
    }

    private mutating func endSync(_ key: Int, compared: Bool) {
        guard let sync = desk.syncs.removeValue(forKey: key), let run = sync.run else { return }
        if compared { desk.runs[run]?.report.holders += 1 }
        desk.runs[run]?.open -= 1
        endEvidenceIfDone(run)
    }

    // MARK: answers

    mutating func evidenceReply(_ purpose: EvidencePurpose, _ reply: KRPCReply, _ now: Moment) {
        switch purpose {
        case .put(let key):
            desk.runs[key]?.report.holders += 1
            desk.runs[key]?.open -= 1
            endEvidenceIfDone(key)
        case .token(let key):
            guard let token = reply.token else { return endSync(key, compared: false) }
            desk.syncs[key]?.token = token
            step(key, desk.syncs[key]?.first ?? [], now)
        case .step(let key):
            guard let message = reply.message, var sync = desk.syncs[key] else {
                return endSync(key, compared: false)
            }
            do {
                let next = try sync.proceed(message)
                desk.syncs[key] = sync
                if let next { step(key, next, now) } else { fetch(key, now) }
            } catch { endSync(key, compared: false) }
        case .fetch(let key, let ids): fetched(key, ids, reply, now)
        }
    }

    private mutating func fetched(_ key: Int, _ ids: [[UInt8]], _ reply: KRPCReply, _ now: Moment) {
        guard let sync = desk.syncs[key] else { return }
        var got: [[UInt8]] = []
        for case let record? in reply.cards.prefix(EvidenceCall.mostIDs) {
            // What was not asked for is not looked at.
            guard let piece = Hex.decode(record.event.id, count: 32), ids.contains(piece) else { continue }
            got.append(piece)
            // Full, or forged by him who kept it: either way it is not asked for again.
            _ = try? keep(record.encoded, from: nil, about: sync.subject, now)
        }
        // One that gives nothing is not asked again: he claimed what he does not have.
        desk.syncs[key]?.settle(got.isEmpty ? sync.missing : got)
        fetch(key, now)
    }

    /// No useful answer will come.
    mutating func evidenceLost(_ purpose: EvidencePurpose, _ error: KRPCError?) {
        switch purpose {
        case .put(let key):
            if let error {
                // Errors are strangers' words: so many kinds, and no more.
                if desk.runs[key]?.report.refusals[error] != nil
                    || (desk.runs[key]?.report.refusals.count ?? 0) < 16
                {
                    desk.runs[key]?.report.refusals[error, default: 0] += 1
                }
            }
            desk.runs[key]?.open -= 1
            endEvidenceIfDone(key)
        case .token(let key), .step(let key), .fetch(let key, _): endSync(key, compared: false)
        }
    }
}

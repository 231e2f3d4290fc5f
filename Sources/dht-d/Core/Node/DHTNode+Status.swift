// How a node tells how its provider is, and asks that of others: `inf_stat`.
// It must never have anything signed for a packet that nobody pays for in size, nor believe a status for another challenge.

import NodeModel

/// Who asked how this node's provider is.
struct StatusAsker: Sendable {
    let transaction: [UInt8]
    let source: Endpoint
    /// Of the question, in bytes.
    let size: Int
    let until: Int64
}

extension DHTNode {
    /// Most questions whose answers are being signed.
    private static let mostAskers = 32
    /// An answer that takes longer to sign than this is of no use, in milliseconds.
    private static let patience: Int64 = 2_000

    /// Lets a question about this node's provider in.
    mutating func admit(
        _ stat: InfStat, _ message: KRPCMessage, _ source: Endpoint, _ size: Int, _ now: Moment
    ) throws(KRPCError) {
        guard ownCards.contains(where: { $0.card.event.pubkey == stat.provider }) else { throw .notHere }
        guard size >= configuration.statusRequestSize.least else {
            throw KRPCError(.protocolError, "pad the query")
        }
        statusAskers = statusAskers.filter { $0.value.until > now.milliseconds }
        guard statusAskers.count < Self.mostAskers,
            statusLimits.range.admit(source, now: now.milliseconds, exempting: configuration.groups),
            statusLimits.all.admit(source, now: now.milliseconds)
        else { throw .askedTooOften }
        serial += 1
        statusAskers[serial] = StatusAsker(
            transaction: message.transaction, source: source, size: size,
            until: now.milliseconds + Self.patience)
        actions.append(.askStatus(serial, challenge: stat.challenge))
    }

    /// Sends what was signed, or says that there is nothing.
    mutating func tellStatus(_ ticket: Int, _ event: SignedEvent?, _ now: Moment) {
        guard let asker = statusAskers.removeValue(forKey: ticket), asker.until > now.milliseconds else {
            return
        }
        var reply = KRPCReply(sender: sides[asker.source.family].id)
        reply.status = event.flatMap { CardRecord($0) }
        let bytes = KRPCMessage(
            transaction: asker.transaction, body: .reply(reply), observed: asker.source
        ).encoded()
        guard reply.status != nil, bytes.count <= asker.size else {
            return refuse(.statusUnknown, asker.transaction, asker.source, room: asker.size)
        }
        transmit(bytes, to: asker.source)
    }

    /// Asks providers how they are, all at once.
    mutating func probe(_ targets: [StatusTarget], _ operation: OperationID, _ now: Moment) {
        serial += 1
        let key = serial
        let targets = Array(targets.prefix(StatusRun.most))
        statusRuns[key] = StatusRun(operation: operation, targets: targets, began: now.milliseconds)
        for (place, target) in targets.enumerated() {
            guard mayAsk(target.endpoint) else {
                statusDone(key, place, .unreachable)
                continue
            }
            let challenge = (0..<ProviderStatus.challengeBytes).map { _ in
                UInt8(truncatingIfNeeded: random.next())
            }
            ask(
                .infStat(
                    InfStat(
                        provider: target.provider, challenge: challenge,
                        size: configuration.statusRequestSize.ours)),
                target.endpoint, expecting: nil, .status(key, place: place, challenge: challenge), now)
        }
        timers.add(.statusDeadline(key), at: now.milliseconds + configuration.statusPatience)
        endProbeIfDone(key)
    }

    /// Whether a stranger's card may aim a packet of ours there: at a loopback, private or link-local address only where such
    /// nodes are our neighbours, or a card could have every client knock at doors inside its own house.
    func mayAsk(_ endpoint: Endpoint) -> Bool {
        guard endpoint.isUsable, configuration.families.contains(endpoint.family) else { return false }
        return !endpoint.isLocal
            || sides[endpoint.family].table.entries.contains { $0.contact.endpoint.isLocal }
    }

    /// A node answered for a provider.
    mutating func statusReply(
        _ key: Int, _ place: Int, _ challenge: [UInt8], _ record: CardRecord?, _ milliseconds: Int64
    ) {
        guard let run = statusRuns[key] else { return }
        guard let record, let status = ProviderStatus(record.event),
            status.provider == run.targets[place].provider, status.challenge == Hex.encode(challenge),
            verify(record)
        else { return statusDone(key, place, .forged) }
        statusDone(key, place, .told(record.event, milliseconds: milliseconds))
    }

    mutating func statusDone(_ key: Int, _ place: Int, _ end: StatusReport.End) {
        statusRuns[key]?.ends[place] = end
        if statusRuns[key]?.isPatient == false, statusRuns[key]?.hasAny == true { return endProbe(key) }
        endProbeIfDone(key)
    }

    mutating func endProbeIfDone(_ key: Int) {
        if statusRuns[key]?.isDone == true { endProbe(key) }
    }

    /// Whoever is late by now is not waited for when another is there to choose; else for as long again as is left.
    mutating func statusTime(_ key: Int) {
        guard let run = statusRuns[key] else { return }
        if run.isPatient, !run.hasAny {
            statusRuns[key]?.isPatient = false
            timers.add(.statusDeadline(key), at: run.began + configuration.statusDeadline)
        } else {
            endProbe(key)
        }
    }

    mutating func endProbe(_ key: Int) {
        guard let run = statusRuns.removeValue(forKey: key) else { return }
        actions.append(.probed(run.operation, run.reports))
    }
}

// Looks around every few seconds and does what CardDecision says.
// It must never announce a card that ledger-d has not signed.

import IPC
import Interfaces
import Logging
import NodeConfig
import NodeModel
import Synchronization
import Wire

/// Keeps this node's card in the network.
final class CardKeeper: Sendable {
    private let house: Workplace
    private let decision = Mutex(CardDecision())
    private let words = Mutex("not decided yet")
    /// The card that is in the network, and the descriptor that belongs to it.
    private let published = Mutex<(card: SignedEvent, descriptor: SignedEvent)?>(nil)
    /// What was last signed of all that this node says of itself.
    private let descriptor = Mutex<(contents: ProviderDescriptor, event: SignedEvent)?>(nil)
    /// What of the store the card does not name.
    private let absent = Mutex<[CardOffers.LeftOut]>([])
    /// How often it looks around while all is well.
    private let pause: Duration

    init(house: Workplace, pause: Duration = .seconds(3)) {
        self.house = house
        self.pause = pause
    }

    /// The state of the card in words, and which models it does not name.
    var reason: String {
        let leftOut = absent.withLock { $0 }
        return words.withLock { $0 }
            + (leftOut.isEmpty ? "" : "; not offered: \(leftOut.map(\.description).joined(separator: "; "))")
    }

    /// Models of the store that do not run here, each with what to do.
    func models() async -> ControlInterface.Check {
        let known = Self.check(await house.surroundings.glance())
        // What was mended a moment ago is not shown as broken.
        return known.ok ? known : Self.check(await house.surroundings.local())
    }

    /// The check of models; pure.
    static func check(_ local: LocalView?) -> ControlInterface.Check {
        guard case .success(let entries) = local?.entries, let local else {
            return ControlInterface.Check(name: "models", ok: true, reason: "not looked at yet")
        }
        let models = entries.filter { $0.format == "gguf" }
        let problems = models.compactMap { local.problem(of: $0) }
        guard let first = problems.first else {
            return ControlInterface.Check(
                name: "models", ok: true, reason: "nothing is known against any of \(models.count)")
        }
        // A node that has others to work with is well; what lies there in vain is told all the same.
        return ControlInterface.Check(
            name: "models", ok: problems.count < models.count,
            reason: "\(problems.count) of \(models.count) cannot run here: "
                + problems.map(\.message).joined(separator: " "), fix: first.fix)
    }

    /// Works until the task is cancelled.
    func run() async {
        let config = house.config
        guard config.aggregator.provide, !config.advertise.isEmpty else {
            // Neither can change while this process lives; there is nothing to take back either.
            return words.withLock {
                $0 =
                    config.aggregator.provide
                    ? "not announced: peer.advertise is empty" : "not announced: aggregator.provide is off"
            }
        }
        var rhythm = CardRhythm(usual: pause)
        while !Task.isCancelled {
            await round()
            try? await Task.sleep(for: rhythm.pause(isSettled: decision.withLock(\.isSettled)))
        }
    }

    /// One look around.
    func round() async {
        do {
            let section = house.config.aggregator
            let prices = house.prices
            // What cannot be paid to this node is not offered: without terms there is no card.
            let payTo =
                prices.asset == .testCredit ? nil : try await house.surroundings.payTo(prices.asset)
            let facts = CardDecision.Facts(
                own: try await house.surroundings.identity(trace: nil), provide: section.provide,
                takesJobs: !house.servedGate.isShut,
                endpoint: house.config.advertise, statusAddress: house.config.statusAddress,
                prices: prices, payTo: payTo, context: house.config.context,
                local: await house.surroundings.local(), interval: Int64(section.cardIntervalSeconds),
                lifetime: Int64(section.cardLifetimeSeconds), now: house.clock.seconds)
            let (action, leftOut) = decision.withLock { ($0.on(facts), $0.leftOut) }
            absent.withLock { $0 = leftOut }
            switch action {
            case .announce(let card):
                let full = ProviderDescriptor(
                    of: card, facts.local, prices: prices, context: facts.context)
                try await announce(card, full, interval: facts.interval)
            case .withdraw(let reason):
                published.withLock { $0 = nil }
                say("withdrawn: \(reason)")
                _ = try await house.links.dht.call(DHTInterface.Withdraw())
            case .rest(let reason):
                // Between two attempts the reason of the last one is worth more than that another will come.
                if reason != CardDecision.waiting { say(reason) }
            }
        } catch { say("not announced: \(WireError.wrapping(error).message)") }
    }

    /// Takes the card back when the daemon ends; also one whose announcement was just under way.
    func withdraw() async {
        guard house.config.aggregator.provide, !house.config.advertise.isEmpty else { return }
        _ = try? await house.links.dht.call(DHTInterface.Withdraw(), deadlineMs: 1_000)
    }

    /// Brings the card and the descriptor to the relays of the configuration, to all at once.
    ///
    /// - Throws: `unavailable` when there is no card, `not_found` when there are no relays.
    func publish() async throws -> AggregatorInterface.Publish.Reply {
        let relays = house.config.relays
        guard !relays.isEmpty else {
            throw WireError(
                .notFound, "The configuration names no relay.",
                fix: "Name them in peer.relays of infernet.yaml.")
        }
        guard let events = published.withLock({ $0 }) else {
            throw WireError(
                .unavailable, "This node has no card to publish: \(reason).",
                fix: "See 'infernetctl why-idle'.")
        }
        let ws = house.links.ws
        let outcomes = await withTaskGroup(of: (Int, AggregatorInterface.Publish.Outcome).self) { group in
            for (index, relay) in relays.enumerated() {
                group.addTask {
                    let card = await Self.bring(events.card, to: relay, ws)
                    guard card.accepted else { return (index, card) }
                    return (index, await Self.bring(events.descriptor, to: relay, ws))
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        return AggregatorInterface.Publish.Reply(
            event: events.card.id, descriptor: events.descriptor.id,
            relays: outcomes.sorted { $0.0 < $1.0 }.map(\.1))
    }

    private static func bring(
        _ event: SignedEvent, to relay: String, _ ws: PeerLink
    ) async -> AggregatorInterface.Publish.Outcome {
        do {
            let reply = try await ws.call(
                WSInterface.Relay(endpoint: CarryEndpoint.cardPrefix + relay, event: event, answer: nil))
            return .init(
                relay: relay, accepted: reply.accepted == true,
                words: reply.accepted == nil ? "the relay said nothing" : reply.words)
        } catch { return .init(relay: relay, accepted: false, words: WireError.wrapping(error).message) }
    }

    /// The signed descriptor; the one from before when it says the same, so that who has it need not fetch it again.
    private func signed(_ full: ProviderDescriptor) async throws -> SignedEvent {
        if let known = descriptor.withLock({ $0 }), known.contents == full.contents { return known.event }
        let event = try await house.links.ledger.call(LedgerInterface.SignDescriptor(descriptor: full))
        descriptor.withLock { $0 = (full.contents, event) }
        return event
    }

    private func announce(
        _ card: ProviderCard, _ full: ProviderDescriptor, interval: Int64
    ) async throws {
        var stored = 0
        var topics = 0
        defer {
            decision.withLock {
                $0.attempted(
                    card, stored: stored > 0, others: stored > topics, interval: interval,
                    now: house.clock.seconds)
            }
        }
        let event = try await house.links.ledger.call(LedgerInterface.SignCard(card: card))
        let descriptor = try await signed(full)
        let reply = try await house.links.dht.call(
            DHTInterface.Announce(card: event, descriptor: descriptor))
        published.withLock { $0 = (event, descriptor) }
        (stored, topics) = (reply.stored, reply.topics.count)
        house.metrics.announced(stored > topics)
        say(Self.outcome(reply))
    }

    /// What came of an announcement, in words: why most did not take the card, where nobody did.
    static func outcome(_ reply: DHTInterface.Announce.Reply) -> String {
        if reply.stored > reply.topics.count { return CardDecision.inNetwork }
        let words = "the card is here, but no other node took it yet"
        // Each is an error's words, a colon, and how many nodes said so.
        let refusals = reply.refusals.compactMap { text -> (words: Substring, count: Int)? in
            guard let colon = text.lastIndex(of: ":"),
                let count = Int(text[text.index(after: colon)...].drop { $0 == " " })
            else { return nil }
            return (text[..<colon], count)
        }
        guard let most = refusals.max(by: { $0.count < $1.count }) else { return words }
        let clock = most.words.contains("in the future") ? " (is this machine's clock right?)" : ""
        return "\(words): \(most.count) refused it, \(most.words)\(clock)"
    }

    private func say(_ reason: String) {
        let changed = words.withLock { words in
            defer { words = reason }
            return words != reason
        }
        if changed { house.log.info("provider card", metadata: ["state": "\(reason)"]) }
    }
}

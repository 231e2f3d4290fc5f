// `infernetctl why-idle`: why strangers' jobs may not come to this node.
// It must never end well when one of the reasons was found.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

struct WhyIdle: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says why other nodes' jobs may not come: announced, seen, reachable, room, price.",
        discussion: "Exit code: 0 when nothing stands in the way, 3 when something does.")

    private struct Document: Encodable {
        /// Whether something stands in the way.
        var hindered: Bool
        var findings: [DoctorCheck]
    }

    @OptionGroup var global: GlobalOptions

    func run() async throws {
        let findings = try await Self.gather(global.node).findings
        let failed = findings.contains { $0.result == .failed }
        let output = global.output
        if global.json {
            output.json(Document(hindered: failed, findings: findings))
        } else {
            for finding in findings { finding.lines(output.style).forEach(output.line) }
            output.line("")
            output.line(
                failed
                    ? "What is marked stands in the way."
                    : "Nothing stands in the way; when nobody asks, there is nothing to do.")
        }
        if failed { throw ExitStatus.degraded }
    }

    private static func gather(_ node: Node) async throws -> Idleness {
        async let identity = node.call(LedgerInterface.Identity(), at: .ledger)
        async let network = node.call(DHTInterface.Stats(), at: .dht)
        async let health = node.call(ControlInterface.Health(), at: .aggregator)
        async let sessions = node.quick(WSInterface.Sessions(), at: .ws)
        async let inventory = node.quick(ExecInterface.Inventory(), at: .exec)
        let own = try await identity.pubkey
        let card =
            try await health.checks.first { $0.name == "card" }?.reason ?? "nothing is said about a card"
        let seen = try await node.call(DHTInterface.Find(model: "", provider: own, limit: 1), at: .dht)
        let mine = seen.cards.first.flatMap { event in
            event.pubkey == own && (try? event.verify()) != nil ? ProviderCard(event) : nil
        }
        var markets: [Idleness.Market] = []
        let now = Clock.milliseconds() / 1000
        for offer in mine?.models ?? [] {
            let reply = try await node.call(DHTInterface.Find(model: offer.root.hex, limit: 64), at: .dht)
            markets.append(
                .init(
                    model: offer.name,
                    providers: reply.cards.compactMap {
                        FoundProvider($0, model: offer.root.hex, now: now)
                    }))
        }
        // Those who offer the same are the ones that are known to be asked.
        let others = Set(markets.flatMap(\.providers).map(\.card).filter { $0.provider != own })
        let candidates = others.sorted { $0.provider.hex < $1.provider.hex }.map {
            WSInterface.DialBack.Candidate(provider: $0.provider, endpoint: $0.endpoint)
        }
        let asked = WSInterface.DialBack(candidates: Array(candidates.prefix(16)))
        let dialBack = try? await node.call(asked, at: .ws)
        return Idleness(
            own: own, cardReason: card, network: try await network, seen: mine.map { ($0, seen.holders) },
            sessions: await sessions, dialBack: dialBack, inventory: await inventory, markets: markets)
    }
}

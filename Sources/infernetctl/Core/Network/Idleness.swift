// Why strangers' jobs may not come: each thing that they depend on, looked at from what was gathered. Pure.
// It must never promise that a node is reached from outside, unless another node dialled it and says so.

import Interfaces
import NodeModel
import Wire

/// What is known about this node as a provider.
struct Idleness: Sendable {
    /// Providers of one of this node's models, as a search from here finds them.
    struct Market: Sendable {
        var model: String
        var providers: [FoundProvider]
    }

    var own: PublicKey
    /// The aggregator's word on the card.
    var cardReason: String
    var network: DHTInterface.Stats.Reply
    /// This node's own card as the network gives it back, with the number of nodes that hold it; nil when it was not
    /// found.
    var seen: (card: ProviderCard, holders: Int)?
    var sessions: WSInterface.Sessions.Reply?
    /// What others got who were asked to dial this node back; nil when ws-d did not say.
    var dialBack: WSInterface.DialBack.Reply?
    var inventory: ExecInterface.Inventory.Reply?
    var markets: [Market]

    /// The findings, in the order in which a job depends on them.
    var findings: [DoctorCheck] {
        [announced, company, strangers, visible, reachable, ready] + markets.map(standing)
    }

    private var announced: DoctorCheck {
        network.announced
            ? .ok("announced", cardReason)
            : .failed(
                "announced", cardReason,
                fix: "Set aggregator.provide and peer.advertise, put a model into the store, and look at "
                    + "'infernetctl doctor'.")
    }

    private var company: DoctorCheck {
        guard network.goodPeers == 0 else { return .ok("network", network.reason) }
        return .failed(
            "network", "\(network.reason); nobody but this node can see its card",
            fix: "Name nodes that run under dht.bootstrap.")
    }

    /// Whether packets of strangers arrive: a provider is asked over UDP how it is.
    private var strangers: DoctorCheck {
        network.readOnly
            ? .failed(
                "strangers", network.reach,
                fix:
                    "Let the UDP port of dht.listen through the router and the firewall; dht.read_only is best left at auto."
            )
            : .skipped("strangers", network.reach)
    }

    private var visible: DoctorCheck {
        guard let seen else {
            return network.announced
                ? .failed(
                    "seen", "a search for this node's own key does not find its card",
                    fix: "Wait half a minute after a start; then look at 'infernetctl dht stats'.")
                : .skipped("seen", "there is no card to be seen")
        }
        // This node keeps its own card too.
        let others = max(seen.holders - 1, network.holders)
        guard others > 0 else {
            return .failed(
                "seen", "no other node holds the card",
                fix: "Look at 'infernetctl dht stats': other nodes must answer this one.")
        }
        return .ok("seen", "\(others) other nodes hold the card; it says load \(seen.card.load)/15")
    }

    private var reachable: DoctorCheck {
        guard let sessions else { return .skipped("reachable", "ws-d did not answer") }
        guard let listener = sessions.listeners.first(where: { $0.hasPrefix("peer ") }) else {
            return .failed(
                "reachable", "ws-d listens on no address for other nodes",
                fix: "Set peer.listen, and see that no other program has the port.")
        }
        let inbound = sessions.sessions.filter { !$0.outbound }.count
        let address = String(listener.dropFirst(5))
        return DialBackView(dialBack, card: seen?.card.endpoint).finding(inbound: inbound, listener: address)
    }

    private var ready: DoctorCheck {
        guard let inventory else { return .skipped("room", "exec-d did not answer") }
        guard inventory.usable else {
            let failed = inventory.checks.first { !$0.ok }
            return .failed("room", failed?.reason ?? "no engine can run", fix: failed?.fix)
        }
        if inventory.busy >= inventory.slots, inventory.slots > 0 {
            return .ok("room", "not idle at all: \(inventory.busy) of \(inventory.slots) slots are at work")
        }
        return .ok("room", "\(inventory.slots - inventory.busy) of \(inventory.slots) slots are free")
    }

    /// Where this node stands among those who offer a model.
    private func standing(_ market: Market) -> DoctorCheck {
        let name = "price of \(market.model)"
        let asset = market.providers.first { $0.card.provider == own }?.asset
        let ranked = FoundProvider.ranked(market.providers.filter { $0.asset == asset || asset == nil })
        guard let place = ranked.firstIndex(where: { $0.card.provider == own }) else {
            return .failed(
                name, "\(ranked.count) providers are found, and this node is not among them",
                fix: "Wait for the next announcement; 'infernetctl find \(market.model)' shows who is found.")
        }
        let mine = ranked[place]
        let others = ranked.filter { $0.card.provider != own }
        guard let cheapest = others.first else {
            return .ok(name, "\(mine.priceText); nobody else offers it for \(mine.asset.rawValue)")
        }
        let better = others.count { $0.price < mine.price }
        let median = others[others.count / 2]
        let words =
            "\(mine.priceText), place \(place + 1) of \(ranked.count); others from \(cheapest.priceText), "
            + "half of them up to \(median.priceText)"
        // Whoever plans a job takes the cheapest with room: a dearer node works when those are full.
        guard better > 0 else { return .ok(name, words) }
        return .failed(
            name, "\(words); \(better) are cheaper",
            fix: "Lower the price (aggregator.price), or wait until the cheaper ones are full.")
    }
}

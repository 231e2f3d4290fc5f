// Whether this node's card has to be put into the network, renewed, or taken back. Pure: facts in, one action out.
// It must never offer a model that this node could not run now.

import Interfaces
import NodeModel
import Wire

/// The state of this node's card.
struct CardDecision: Sendable {
    /// What the decision depends on.
    struct Facts: Sendable {
        var own: PublicKey
        var provide: Bool
        /// Whether new jobs are let in.
        var takesJobs = true
        /// `ws://host:port/peer`; empty when others cannot reach this node.
        var endpoint: String
        /// Where its dht-d is asked; empty when nobody can.
        var statusAddress = ""
        var price: UnitPrice
        /// Where it is paid, when not in test credits.
        var payTo: PayTo?
        /// Tokens of one slot.
        var context: Int
        var local: LocalView
        /// Seconds.
        var interval: Int64
        var lifetime: Int64
        /// Unix seconds.
        var now: Int64
    }

    enum Action: Equatable, Sendable {
        case announce(ProviderCard)
        case withdraw(String)
        case rest(String)
    }

    /// What the network has.
    private(set) var announced: ProviderCard?
    /// Attempts in a row that reached nobody else.
    private(set) var lonely = 0
    private var nextTry: Int64 = 0
    /// Whether another node has the card.
    var isSettled: Bool { announced != nil && lonely == 0 }

    /// The largest number of models on a card.
    static let mostModels = 8
    /// Seconds between renewals for a changed load alone.
    static let loadPause: Int64 = 15

    /// Looks at the facts.
    mutating func on(_ facts: Facts) -> Action {
        if let reason = Self.obstacle(facts) {
            guard announced != nil else { return .rest(reason) }
            announced = nil
            lonely = 0
            nextTry = 0
            return .withdraw(reason)
        }
        let card = Self.compose(facts)
        guard let announced else {
            return facts.now >= nextTry ? .announce(card) : .rest("waiting to try again")
        }
        if Self.offer(card) != Self.offer(announced) { return .announce(card) }
        if (card.load >= 15) != (announced.load >= 15), facts.now >= announced.createdAt + Self.loadPause {
            return .announce(card)
        }
        return facts.now >= nextTry ? .announce(card) : .rest("the card is in the network")
    }

    /// An attempt is over: whether any node took the card, and whether any but this one did.
    mutating func attempted(_ card: ProviderCard, stored: Bool, others: Bool, interval: Int64, now: Int64) {
        if stored { announced = card }
        if stored, others {
            lonely = 0
            nextTry = now + interval
        } else {
            lonely = min(lonely + 1, 10)
            nextTry = now + min(Int64(1) << Int64(lonely - 1), 60, max(1, interval))
        }
    }

    /// Why there can be no card.
    static func obstacle(_ facts: Facts) -> String? {
        if !facts.provide { return "this node does not work for others (aggregator.provide is off)" }
        if !facts.takesJobs { return "this node is being drained and takes no new jobs" }
        if facts.endpoint.isEmpty { return "others cannot reach this node (peer.advertise is empty)" }
        if let obstacle = facts.local.obstacle { return obstacle.message }
        if case .failure(let error) = facts.local.entries {
            return "content-d cannot be asked: \(error.message)"
        }
        if offers(facts).isEmpty { return "there is no model in this node's store" }
        return nil
    }

    private static func offers(_ facts: Facts) -> [ModelOffer] {
        guard case .success(let entries) = facts.local.entries else { return [] }
        let models = entries.filter { $0.format == "gguf" }.sorted {
            ($0.addedAt, $0.name) > ($1.addedAt, $1.name)
        }
        return models.prefix(mostModels).map { entry in
            let own = entry.metadata["context_length"].flatMap { Int($0) } ?? facts.context
            return ModelOffer(
                name: entry.name, root: entry.root, context: max(1, min(own, facts.context)),
                price: facts.price)
        }
    }

    private static func compose(_ facts: Facts) -> ProviderCard {
        var (device, memory, slots, load) = ("cpu", 0, 0, 15)
        if case .success(let inventory) = facts.local.inventory {
            let best = inventory.devices.first { $0.kind != "cpu" } ?? inventory.devices.first
            device = best.map(Self.device) ?? "cpu"
            memory = best?.memoryMiB ?? 0
            slots = inventory.slots
            load = slots > 0 ? min(15, (inventory.busy + inventory.queued) * 15 / slots) : 15
        }
        let lifetime = min(max(1, facts.lifetime), ProviderCard.maximumLifetime)
        return ProviderCard(
            provider: facts.own, endpoint: facts.endpoint, models: offers(facts), device: device,
            memoryMiB: memory,
            slots: slots, load: load, createdAt: facts.now, expiresAt: facts.now + lifetime,
            statusAddress: facts.statusAddress.isEmpty ? nil : facts.statusAddress, payTo: facts.payTo)
    }

    /// What a card calls a device: its class, by which it is searched, or its kind alone.
    private static func device(_ device: ExecInterface.Device) -> String {
        guard device.kind != "cpu" else { return "cpu" }
        return DeviceClass(maker: device.kind, name: device.name)?.text ?? device.kind
    }

    /// What a card says, without the time and the load.
    private static func offer(_ card: ProviderCard) -> ProviderCard {
        var card = card
        (card.load, card.createdAt, card.expiresAt) = (0, 0, 0)
        return card
    }
}

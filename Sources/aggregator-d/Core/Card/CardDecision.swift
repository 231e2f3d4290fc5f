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
        var prices: PriceList
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
    /// What of the store the last card that was composed does not offer.
    private(set) var leftOut: [CardOffers.LeftOut] = []
    private var nextTry: Int64 = 0
    /// Whether another node has the card.
    var isSettled: Bool { announced != nil && lonely == 0 }

    static let inNetwork = "the card is in the network"
    static let waiting = "waiting to try again"
    /// Seconds between renewals for a changed load alone.
    static let loadPause: Int64 = 15

    /// Looks at the facts.
    mutating func on(_ facts: Facts) -> Action {
        var offers = CardOffers(facts.local)
        defer { leftOut = offers.leftOut }
        if let reason = Self.obstacle(facts, offers) {
            guard announced != nil else { return .rest(reason) }
            announced = nil
            lonely = 0
            nextTry = 0
            return .withdraw(reason)
        }
        let card = Self.compose(facts, &offers)
        guard let announced else {
            return facts.now >= nextTry ? .announce(card) : .rest(Self.waiting)
        }
        if Self.offer(card) != Self.offer(announced) { return .announce(card) }
        if (card.load >= 15) != (announced.load >= 15), facts.now >= announced.createdAt + Self.loadPause {
            return .announce(card)
        }
        return facts.now >= nextTry ? .announce(card) : .rest(lonely == 0 ? Self.inNetwork : Self.waiting)
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
    private static func obstacle(_ facts: Facts, _ offers: CardOffers) -> String? {
        if !facts.provide { return "this node does not work for others (aggregator.provide is off)" }
        if !facts.takesJobs { return "this node is being drained and takes no new jobs" }
        if facts.endpoint.isEmpty { return "others cannot reach this node (peer.advertise is empty)" }
        if let obstacle = facts.local.obstacle { return obstacle.message }
        if case .failure(let error) = facts.local.entries {
            return "content-d cannot be asked: \(error.message)"
        }
        guard offers.runnable.isEmpty else { return nil }
        guard let first = offers.leftOut.first else { return "there is no model in this node's store" }
        return "no model of this node's store can be offered: \(first)"
    }

    private static func compose(_ facts: Facts, _ offers: inout CardOffers) -> ProviderCard {
        var (devices, slots, load) = (Devices([]), 0, 15)
        if case .success(let inventory) = facts.local.inventory {
            devices = Devices(inventory.computing)
            slots = inventory.slots
            load = slots > 0 ? min(15, (inventory.busy + inventory.queued) * 15 / slots) : 15
        }
        let lifetime = min(max(1, facts.lifetime), ProviderCard.maximumLifetime)
        return offers.fitted(
            ProviderCard(
                provider: facts.own, endpoint: facts.endpoint,
                models: offers.models(facts.prices, context: facts.context), device: devices.name,
                memoryMiB: devices.memoryMiB, slots: slots, load: load, createdAt: facts.now,
                expiresAt: facts.now + lifetime,
                statusAddress: facts.statusAddress.isEmpty ? nil : facts.statusAddress, payTo: facts.payTo,
                deviceCount: devices.count))
    }

    /// What engines compute with, as a card says it: one class, how many of it, and their memory in all. Of several classes
    /// that with the most memory; the rest is in the descriptor.
    private struct Devices {
        var name = "cpu"
        var memoryMiB = 0
        /// Nil for one.
        var count: Int?

        init(_ devices: [ExecInterface.Device]) {
            let gpus = devices.filter { $0.kind != "cpu" }
            let classes = Dictionary(grouping: gpus.isEmpty ? devices : gpus, by: CardDecision.device)
            let sums = classes.map { name, devices in
                (name: name, memory: devices.reduce(0) { $0 + $1.memoryMiB }, count: devices.count)
            }
            guard let best = sums.max(by: { ($0.memory, $1.name) < ($1.memory, $0.name) }) else { return }
            (name, memoryMiB) = (best.name, best.memory)
            count = best.count > 1 ? best.count : nil
        }
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

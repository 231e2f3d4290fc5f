// What one daemon is told of the configuration: the node's section, its own, and who its callers are.
// It must never hold another daemon's section.

import FoundationEssentials
public import Wire

/// A daemon's part of the configuration, as JSON on a descriptor that its parent hands over.
public struct DaemonSlice<Section: Codable & Sendable>: Codable, Sendable {
    public var node: NodeSection
    public var log: LogSection
    /// The uid of each caller by its name; absent when all processes share one uid.
    public var callerUIDs: [String: UInt32]?
    public var section: Section

    enum CodingKeys: String, CodingKey {
        case node, log, section
        case callerUIDs = "caller_uids"
    }

    public init(node: NodeSection, log: LogSection, callerUIDs: [String: UInt32]?, section: Section) {
        self.node = node
        self.log = log
        self.callerUIDs = callerUIDs
        self.section = section
    }
}

/// aggregator-d's slice: its own section, and how others reach the node.
public struct AggregatorConfig: Codable, Sendable, Equatable {
    public var aggregator: AggregatorSection
    public var advertise: String
    /// Where this node's dht-d is asked how the node is, as `a.b.c.d:port` or `[IPv6]:port`; empty when that is not known.
    public var statusAddress: String
    /// Tokens of one slot, for the card.
    public var context: Int
    /// Relays to which the card can be published.
    public var relays: [String]
    /// Whether strangers may buy over HTTP.
    public var sells: Bool

    enum CodingKeys: String, CodingKey {
        case aggregator, advertise, context, relays, sells
        case statusAddress = "status_address"
    }

    public init(
        aggregator: AggregatorSection = AggregatorSection(), advertise: String = "",
        statusAddress: String = "", context: Int = ExecSection().context, relays: [String] = [],
        sells: Bool = false
    ) {
        self.sells = sells
        self.relays = relays
        self.aggregator = aggregator
        self.advertise = advertise
        self.statusAddress = statusAddress
        self.context = context
    }
}

extension NodeConfiguration {
    /// The host of `peer.advertise` with the port of `dht.listen`, or of `dht.listen6` for an IPv6 address; empty when either
    /// is missing, or the host is a name.
    var statusAddress: String {
        let place = peer.advertise.dropFirst("ws://".count).prefix { $0 != "/" }
        guard let host = HostPort(String(place)),
            let port = HostPort(host.isV6 ? dht.listen6 : dht.listen)?.port, port != 0
        else { return "" }
        return HostPort(host: host.host, port: port).description
    }

    /// The JSON that a daemon is given.
    /// - Throws: `EncodingError` never for these types; `config_invalid` for a role that has no slice.
    public func slice(for role: Role, callerUIDs: [String: UInt32]?) throws -> [UInt8] {
        func json(_ section: some Codable & Sendable) throws -> [UInt8] {
            Array(
                try WireCoding.encoder.encode(
                    DaemonSlice(node: node, log: log, callerUIDs: callerUIDs, section: section)))
        }
        switch role {
        case .ledger:
            // ledger-d asks by the chain's name; where that leads is for ws-d alone.
            var section = ledger
            for index in section.chains.indices { section.chains[index].rpc = "" }
            if section.lightning.socketPath == nil { section.lightning.url = "" }
            for index in section.shops.indices { section.shops[index].url = "" }
            if !section.facilitator.isEmpty { section.facilitator = CarryEndpoint.settling }
            return try json(section)
        case .content: return try json(content)
        case .exec: return try json(exec)
        case .dht: return try json(dht)
        case .ws:
            var carry = ledger.chains.map { CarryEndpoint(name: $0.endpoint, url: $0.rpc) }
            if let backend = ledger.lightning.carried { carry.append(backend) }
            if !ledger.facilitator.isEmpty { carry.append(.settling(ledger.facilitator)) }
            carry += ledger.shops.map { CarryEndpoint(name: $0.endpoint, url: $0.url) }
            carry += peer.relays.map(CarryEndpoint.card)
            return try json(WSSection(http: http, peer: peer, carry: carry, sale: sale))
        case .aggregator:
            return try json(
                AggregatorConfig(
                    aggregator: aggregator, advertise: peer.advertise, statusAddress: statusAddress,
                    context: exec.context, relays: peer.relays,
                    sells: !sale.listen.isEmpty))
        case .supervisor, .ctl: throw WireError(.configInvalid, "\(role) has no slice of the configuration.")
        }
    }
}

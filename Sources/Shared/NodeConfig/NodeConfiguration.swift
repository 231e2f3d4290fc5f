// The whole configuration of a node, with every default in the place where the key is declared.
// It must never hold a secret: anybody who may read the file may read all of it.

/// What `infernet.yaml` may say. A key that is not here is an error.
public struct NodeConfiguration: Codable, Sendable, Equatable {
    public var node = NodeSection()
    public var log = LogSection()
    public var http = HTTPSection()
    public var sale = SaleSection()
    public var peer = PeerSection()
    public var dht = DHTSection()
    public var exec = ExecSection()
    public var content = ContentSection()
    public var ledger = LedgerSection()
    public var aggregator = AggregatorSection()

    public init() {}
}

/// The node itself.
public struct NodeSection: Codable, Sendable, Equatable {
    /// Where everything that lasts is kept.
    public var stateDirectory = NodePaths.defaultStateDirectory
    /// Where sockets and engines' folders are; short, because a socket's path has at most 107 bytes.
    public var runDirectory = NodePaths.defaultRunDirectory

    enum CodingKeys: String, CodingKey {
        case stateDirectory = "state_dir"
        case runDirectory = "run_dir"
    }
    public init() {}
}

/// Logging.
public struct LogSection: Codable, Sendable, Equatable {
    /// `trace`, `debug`, `info`, `notice`, `warning`, `error` or `critical`.
    public var level = "info"
    public init() {}
}

/// What ledger-d is told.
public struct LedgerSection: Codable, Sendable, Equatable {
    /// The most that one job may cost this node, in micro-units.
    public var maxPerJob: Int64 = 10_000_000
    /// The most that this node spends in 24 hours, in micro-units.
    public var maxPerDay: Int64 = 1_000_000_000
    /// The most of that which goes to one provider, in micro-units.
    public var maxPerPeer: Int64 = 1_000_000_000
    /// Chains on which this node has money; none by default. `- name: polygon` and its `rpc` are enough.
    public var chains: [ChainSection] = []
    /// The account on Lightning; none by default.
    public var lightning = LightningSection()
    /// How jobs are paid on chains.
    public var channels = ChannelsSection()
    /// How jobs are paid on Lightning.
    public var credit = CreditSection()
    /// Where this node may buy over HTTP; nowhere by default.
    public var shops: [ShopSection] = []
    /// An x402 facilitator that carries strangers' payments to the chain, as an `https` URL; empty: this node does.
    public var facilitator = ""

    enum CodingKeys: String, CodingKey {
        case chains, lightning, channels, credit, facilitator, shops
        case maxPerJob = "max_per_job"
        case maxPerDay = "max_per_day"
        case maxPerPeer = "max_per_peer"
    }
    public init() {}
}

/// What content-d is told.
public struct ContentSection: Codable, Sendable, Equatable {
    /// Bytes of the disk that stay free, whatever is imported.
    public var headroomBytes: Int64 = 1_073_741_824

    enum CodingKeys: String, CodingKey { case headroomBytes = "headroom_bytes" }
    public init() {}
}

/// What dht-d is told.
public struct DHTSection: Codable, Sendable, Equatable {
    /// UDP address of IPv4 to listen on; empty: this node is not in that network.
    public var listen = "127.0.0.1:9200"
    /// UDP address of IPv6 to listen on, as `[::]:9200`; empty: this node is not in that network.
    public var listen6 = ""
    /// Nodes to join through, as `host:port` with a numeric host.
    public var bootstrap: [String] = []
    /// How many nodes of one /24 or /48 may stand in one bucket; 0 lifts the limit, for networks on one machine.
    public var groupLimit = 2
    /// Whether others are asked not to take this node into their tables (BEP 43): `true`, `false`, or `auto`: when no stranger's
    /// packet arrives.
    public var readOnly = "auto"

    enum CodingKeys: String, CodingKey {
        case listen, listen6, bootstrap
        case groupLimit = "group_limit"
        case readOnly = "read_only"
    }
    public init() {}
}

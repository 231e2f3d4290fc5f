// What dht-d answers: putting a card into the network, finding providers, how the network looks from here.
// It must never vouch for a card: the caller verifies signatures again.

public import NodeModel
public import Wire

/// The methods of dht-d.
public enum DHTInterface {
    public static let methods: [MethodSpec] =
        [
            Announce.spec, Withdraw.spec, Find.spec, Probe.spec, Describe.spec, Stats.spec, Testify.spec,
            Testimony.spec,
        ] + mainline

    /// Stores a signed card under all its topics, here and at the nearest nodes.
    public struct Announce: Request {
        public static let spec = MethodSpec(
            "dht.announce", deadlineMs: 15_000, "Stores a signed card in the network.")
        public struct Reply: WireValue, Hashable {
            /// Nodes that took it, this one included, summed over the topics.
            public var stored: Int
            public var topics: [String]
            /// Why nodes refused, as "302 older than stored: 2".
            public var refusals: [String]
            public init(stored: Int, topics: [String], refusals: [String]) {
                self.stored = stored
                self.topics = topics
                self.refusals = refusals
            }
        }
        public var card: SignedEvent
        /// What this node answers to who asks for all of it; it stays here.
        public var descriptor: SignedEvent?
        public init(card: SignedEvent, descriptor: SignedEvent? = nil) {
            self.card = card
            self.descriptor = descriptor
        }
        public static var example: (request: Announce, reply: Reply) {
            (
                Announce(card: LedgerInterface.exampleEvent, descriptor: LedgerInterface.exampleEvent),
                Reply(stored: 8, topics: ["n/smollm2-135m-instruct"], refusals: [])
            )
        }
    }

    /// Stops announcing this node's card.
    public struct Withdraw: Request {
        public static let spec = MethodSpec("dht.withdraw", "Stops announcing this node's card.")
        public typealias Reply = Done
        public init() {}
        public static var example: (request: Withdraw, reply: Done) { (Withdraw(), Done()) }
    }

    /// Finds cards for a model, for a class of accelerators, or for both.
    public struct Find: Request {
        public static let spec = MethodSpec(
            "dht.find", deadlineMs: 10_000, "Finds the cards of providers, by model, device or key.")
        public struct Reply: WireValue, Hashable {
            /// Newest per provider, signature checked, not expired.
            public var cards: [SignedEvent]
            /// Nodes that answered.
            public var asked: Int
            /// Nodes that held at least one of the cards, this one included.
            public var holders: Int
            /// What was left out and why, as "expired: 1".
            public var leftOut: [String]
            enum CodingKeys: String, CodingKey {
                case cards, asked, holders
                case leftOut = "left_out"
            }
            public init(cards: [SignedEvent], asked: Int, holders: Int = 0, leftOut: [String]) {
                self.cards = cards
                self.asked = asked
                self.holders = holders
                self.leftOut = leftOut
            }
        }
        /// More cards are not asked for: two of them take a packet, and each a check of its signature.
        public static let mostCards = 64
        /// A model's name, or its root in hexadecimal; empty when `provider` is given, or `device` alone.
        public var model: String
        /// The class of accelerators that is wanted, as `nvidia-h200`.
        public var device: String?
        /// The card of this provider is wanted, whatever it offers.
        public var provider: PublicKey?
        /// Most cards that are wanted, 1 to `mostCards`; if there are so many, so many come.
        public var limit: Int
        /// Bounds that a card must keep; none when nil.
        public var filter: ProviderFilter?
        public init(
            model: String, device: String? = nil, provider: PublicKey? = nil, limit: Int = 16,
            filter: ProviderFilter? = nil
        ) {
            self.model = model
            self.device = device
            self.provider = provider
            self.limit = limit
            self.filter = filter
        }
        public static var example: (request: Find, reply: Reply) {
            (
                Find(
                    model: "smollm2-135m-instruct", device: "nvidia-h200",
                    filter: ProviderFilter(minimumMemoryMiB: 24_576, maximumLoad: 8, maximumPrice: 20)),
                Reply(
                    cards: [LedgerInterface.exampleEvent], asked: 9, holders: 8,
                    leftOut: ["more load than wanted: 1"])
            )
        }
    }

    /// How the network looks from here.
    public struct Stats: Request {
        public static let spec = MethodSpec("dht.stats", "How the network looks from here.")
        public struct Peer: WireValue, Hashable {
            /// 40 hexadecimal characters.
            public var id: String
            public var address: String
            public var good: Bool
            public var rttMs: Int?
            enum CodingKeys: String, CodingKey {
                case id, address, good
                case rttMs = "rtt_ms"
            }
            public init(id: String, address: String, good: Bool, rttMs: Int?) {
                self.id = id
                self.address = address
                self.good = good
                self.rttMs = rttMs
            }
        }
        /// One of the nodes that are named in the configuration.
        public struct Entrance: WireValue, Hashable {
            public var address: String
            /// Whether it answers at present.
            public var reached: Bool
            public init(address: String, reached: Bool) {
                self.address = address
                self.reached = reached
            }
        }
        /// What travelled since the daemon began.
        public struct Traffic: WireValue, Hashable {
            public var queriesIn: Int
            public var queriesOut: Int
            /// Queries of ours that nobody answered.
            public var timeouts: Int
            /// Packets dropped without a word, for whatever reason.
            public var dropped: Int
            /// UDP payload.
            public var bytesIn: Int
            public var bytesOut: Int
            public var lookups: Int
            enum CodingKeys: String, CodingKey {
                case timeouts, dropped, lookups
                case queriesIn = "queries_in"
                case queriesOut = "queries_out"
                case bytesIn = "bytes_in"
                case bytesOut = "bytes_out"
            }
            public init(
                queriesIn: Int, queriesOut: Int, timeouts: Int, dropped: Int, bytesIn: Int, bytesOut: Int,
                lookups: Int
            ) {
                self.queriesIn = queriesIn
                self.queriesOut = queriesOut
                self.timeouts = timeouts
                self.dropped = dropped
                self.bytesIn = bytesIn
                self.bytesOut = bytesOut
                self.lookups = lookups
            }
        }
        public struct Reply: WireValue, Hashable {
            public var id: String
            public var address: String?
            /// The id and the address among nodes of IPv6; absent without a socket for it.
            public var id6: String?
            public var address6: String?
            /// In both networks.
            public var goodPeers: Int
            /// Those of IPv6 among them; absent without a socket for it.
            public var goodPeers6: Int?
            public var peers: [Peer]
            public var storedCards: Int
            /// Targets that hold a card, and torrents' peers.
            public var storedTargets: Int
            public var storedPeers: Int
            /// Whether others are asked not to take this node into their tables (BEP 43), in any network.
            public var readOnly: Bool
            /// Whether strangers' packets arrive here, as far as that was seen.
            public var reach: String
            public var announced: Bool
            /// Other nodes that are known to hold this node's card.
            public var holders: Int
            public var entrances: [Entrance]
            public var traffic: Traffic
            public var reason: String
            enum CodingKeys: String, CodingKey {
                case id, address, id6, address6, peers, announced, holders, entrances, traffic, reason, reach
                case readOnly = "read_only"
                case goodPeers = "good_peers"
                case goodPeers6 = "good_peers6"
                case storedCards = "stored_cards"
                case storedTargets = "stored_targets"
                case storedPeers = "stored_peers"
            }
            public init(
                id: String, address: String?, id6: String? = nil, address6: String? = nil, goodPeers: Int,
                goodPeers6: Int? = nil, peers: [Peer], storedCards: Int,
                storedTargets: Int, storedPeers: Int, readOnly: Bool, reach: String, announced: Bool,
                holders: Int, entrances: [Entrance],
                traffic: Traffic, reason: String
            ) {
                self.storedTargets = storedTargets
                self.storedPeers = storedPeers
                self.readOnly = readOnly
                self.reach = reach
                self.holders = holders
                self.entrances = entrances
                self.traffic = traffic
                self.id = id
                self.address = address
                self.id6 = id6
                self.address6 = address6
                self.goodPeers = goodPeers
                self.goodPeers6 = goodPeers6
                self.peers = peers
                self.storedCards = storedCards
                self.announced = announced
                self.reason = reason
            }
        }
        public init() {}
        public static var example: (request: Stats, reply: Reply) {
            (
                Stats(),
                Reply(
                    id: "0123456789abcdef0123456789abcdef01234567", address: "127.0.0.2:9202",
                    id6: "0123456789abcdef0123456789abcdef01234567", address6: "[::1]:9202", goodPeers: 1,
                    goodPeers6: 0,
                    peers: [
                        Peer(
                            id: "89abcdef0123456789abcdef0123456789abcdef", address: "127.0.0.3:9203",
                            good: true, rttMs: 1)
                    ], storedCards: 2, storedTargets: 2, storedPeers: 0, readOnly: false,
                    reach: "strangers' packets arrive", announced: true, holders: 1,
                    entrances: [Entrance(address: "127.0.0.3:9203", reached: true)],
                    traffic: Traffic(
                        queriesIn: 12, queriesOut: 9, timeouts: 0, dropped: 0, bytesIn: 3100, bytesOut: 4200,
                        lookups: 3), reason: "1 good peer")
            )
        }
    }
}

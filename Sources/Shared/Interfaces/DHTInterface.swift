// What dht-d answers: putting a card into the network, finding providers, how the network looks from here.
// It must never vouch for a card: the caller verifies signatures again.

public import NodeModel
public import Wire

/// The methods of dht-d.
public enum DHTInterface {
    public static let methods: [MethodSpec] =
        [Announce.spec, Withdraw.spec, Find.spec, Stats.spec] + mainline

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
        public init(card: SignedEvent) { self.card = card }
        public static var example: (request: Announce, reply: Reply) {
            (
                Announce(card: LedgerInterface.exampleEvent),
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

    /// Finds cards for a model.
    public struct Find: Request {
        public static let spec = MethodSpec(
            "dht.find", deadlineMs: 10_000, "Finds the cards of a model's providers.")
        public struct Reply: WireValue, Hashable {
            /// Newest per provider, signature checked, not expired.
            public var cards: [SignedEvent]
            /// Nodes that answered.
            public var asked: Int
            /// What was left out and why, as "expired: 1".
            public var leftOut: [String]
            enum CodingKeys: String, CodingKey {
                case cards, asked
                case leftOut = "left_out"
            }
            public init(cards: [SignedEvent], asked: Int, leftOut: [String]) {
                self.cards = cards
                self.asked = asked
                self.leftOut = leftOut
            }
        }
        /// A model's name, or its root in hexadecimal.
        public var model: String
        public var limit: Int
        public init(model: String, limit: Int = 16) {
            self.model = model
            self.limit = limit
        }
        public static var example: (request: Find, reply: Reply) {
            (
                Find(model: "smollm2-135m-instruct"),
                Reply(cards: [LedgerInterface.exampleEvent], asked: 9, leftOut: [])
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
        public struct Reply: WireValue, Hashable {
            public var id: String
            public var address: String?
            public var goodPeers: Int
            public var peers: [Peer]
            public var storedCards: Int
            public var announced: Bool
            public var reason: String
            enum CodingKeys: String, CodingKey {
                case id, address, peers, announced, reason
                case goodPeers = "good_peers"
                case storedCards = "stored_cards"
            }
            public init(
                id: String, address: String?, goodPeers: Int, peers: [Peer], storedCards: Int,
                announced: Bool,
                reason: String
            ) {
                self.id = id
                self.address = address
                self.goodPeers = goodPeers
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
                    id: "0123456789abcdef0123456789abcdef01234567", address: "127.0.0.2:9202", goodPeers: 1,
                    peers: [
                        Peer(
                            id: "89abcdef0123456789abcdef0123456789abcdef", address: "127.0.0.3:9203",
                            good: true, rttMs: 1)
                    ], storedCards: 2, announced: true, reason: "1 good peer")
            )
        }
    }
}

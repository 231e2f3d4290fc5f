// One KRPC message (BEP 5): a query, a reply to one, or an error, with the transaction it belongs to.
// It must never be built from bytes that are not canonical bencode, nor hold what the protocol does not name.

public import NodeModel

/// A message between two nodes.
public struct KRPCMessage: Equatable, Sendable {
    /// Chosen by the one who asks, echoed by the one who answers; 1...20 bytes.
    public var transaction: [UInt8]
    /// What the message says.
    public var body: Body
    /// The sender's software (`v`); ours starts with `IN`.
    public var version: [UInt8]?
    /// The sender cannot be asked (BEP 43 `ro`).
    public var readOnly: Bool
    /// The address that the sender saw us at (BEP 42 `ip`); in replies only.
    public var observed: Endpoint?

    /// A message from its parts.
    public init(
        transaction: [UInt8], body: Body, version: [UInt8]? = KRPCMessage.ownVersion, readOnly: Bool = false,
        observed: Endpoint? = nil
    ) {
        self.transaction = transaction
        self.body = body
        self.version = version
        self.readOnly = readOnly
        self.observed = observed
    }

    /// `IN` and the protocol's version, two bytes.
    public static let ownVersion: [UInt8] = [UInt8(ascii: "I"), UInt8(ascii: "N"), 0, 1]
    /// The longest transaction id that is echoed, in bytes.
    public static let maximumTransaction = 20
    /// The largest packet that we send, in bytes: it passes every common path unfragmented.
    public static let maximumPacket = 1200
    /// The largest packet with an item of BEP 44, whose value alone may have 1000 bytes. What is larger than a path of
    /// IPv6 must carry (1280 bytes with 48 of headers) is lost there, as no router breaks it up.
    public static func maximumItemPacket(_ family: AddressFamily) -> Int { family == .v4 ? 1400 : 1232 }

    /// The three kinds of message.
    public enum Body: Equatable, Sendable {
        /// A question (`y` = `q`).
        case query(KRPCQuery)
        /// An answer (`y` = `r`).
        case reply(KRPCReply)
        /// A refusal (`y` = `e`).
        case error(KRPCError)
    }
}

/// A question and who asks it.
public struct KRPCQuery: Equatable, Sendable {
    /// The id that the sender claims.
    public var sender: NodeID
    /// What is asked.
    public var call: Call
    /// Nodes of which families are wanted (BEP 32); nil for those of the family that the packet came by.
    public var want: Set<AddressFamily>?

    /// A query from its parts.
    public init(sender: NodeID, call: Call, want: Set<AddressFamily>? = nil) {
        self.sender = sender
        self.call = call
        self.want = want
    }

    /// The methods of BEP 5 and ours (`inf_*`).
    public enum Call: Equatable, Sendable {
        /// Are you there?
        case ping
        /// Whom do you know near this id?
        case findNode(target: NodeID)
        /// Who has this torrent?
        case getPeers(infoHash: NodeID)
        /// I have this torrent. The port is nil when the packet's own is meant (`implied_port`).
        case announcePeer(infoHash: NodeID, port: UInt16?, token: [UInt8])
        /// Which item of BEP 44 lies here? Only one with a higher sequence than this is wanted, if it is given.
        case get(target: NodeID, newerThan: Int64?)
        /// Store this item; `swap` is the sequence that it may replace (`cas`).
        case put(MainlineItem, swap: Int64?, token: [UInt8])
        /// Which torrents do you know (BEP 51)?
        case sampleInfohashes(target: NodeID)
        /// Which cards lie under this target?
        case infFind(InfFind)
        /// Store this card, in its canonical encoding, under this target: a shard of so many bits of a topic of its.
        case infPut(target: NodeID, token: [UInt8], card: [UInt8], depth: Int = 0)
        /// I am leaving, or (`cardsOnly`) withdraw my cards. A token of yours proves that it is me.
        case infBye(token: [UInt8]?, cardsOnly: Bool)
        /// How is this provider now?
        case infStat(InfStat)
        /// About evidence.
        case evidence(EvidenceCall)
        /// What does this provider say of itself?
        case infDesc(InfDesc)
    }

    /// The size that the packet is padded to, in bytes; 0 for none.
    var size: Int {
        switch call {
        case .infFind(let find): find.size
        case .infStat(let stat): stat.size
        case .infDesc(let desc): desc.size
        default: 0
        }
    }

    /// The method's name on the wire.
    public var method: KRPCMethod {
        switch call {
        case .ping: .ping
        case .findNode: .findNode
        case .getPeers: .getPeers
        case .announcePeer: .announcePeer
        case .get: .get
        case .put: .put
        case .sampleInfohashes: .sampleInfohashes
        case .infFind: .infFind
        case .infPut: .infPut
        case .infBye: .infBye
        case .infStat: .infStat
        case .evidence(let call): call.method
        case .infDesc: .infDesc
        }
    }
}

/// The arguments of `inf_find`.
public struct InfFind: Equatable, Sendable {
    /// A place in the key space, see `Topic.key`.
    public var target: NodeID
    /// How many cards are wanted at most; 0 asks for nodes and a token only.
    public var limit: Int
    /// How many cards to pass over, in the order that `seed` gives.
    public var offset: Int
    /// Orders the cards, so that different askers get different ones first.
    public var seed: Int64
    /// Which cards are wanted at all.
    public var filter: ProviderFilter
    /// A token of the asked node; it proves the asker's address and allows a full-size reply.
    public var token: [UInt8]?
    /// Pad the packet to this size; without a token no reply is larger than its request.
    public var size: Int

    /// Arguments from their parts.
    public init(
        target: NodeID, limit: Int, offset: Int = 0, seed: Int64 = 0,
        filter: ProviderFilter = ProviderFilter(), token: [UInt8]? = nil, size: Int = 0
    ) {
        self.target = target
        self.limit = limit
        self.offset = offset
        self.seed = seed
        self.filter = filter
        self.token = token
        self.size = size
    }
}

/// The arguments of `inf_stat`.
public struct InfStat: Equatable, Sendable {
    /// Who is asked: a node may be asked for its own provider only.
    public var provider: PublicKey
    /// Chosen by the asker; the answer is signed over it. `ProviderStatus.challengeBytes` bytes.
    public var challenge: [UInt8]
    /// Pad the packet to this size; no reply is larger than its request.
    public var size: Int

    /// Arguments from their parts.
    public init(provider: PublicKey, challenge: [UInt8], size: Int = 0) {
        self.provider = provider
        self.challenge = challenge
        self.size = size
    }
}

/// The arguments of `inf_desc`.
public struct InfDesc: Equatable, Sendable {
    /// Who is asked: a node may be asked for its own provider only.
    public var provider: PublicKey
    /// From which byte on.
    public var offset: Int
    /// Pad the packet to this size; no reply is larger than its request.
    public var size: Int

    /// Arguments from their parts.
    public init(provider: PublicKey, offset: Int, size: Int = 0) {
        self.provider = provider
        self.offset = offset
        self.size = size
    }
}

/// The methods that nodes call, by their names on the wire.
public enum KRPCMethod: String, CaseIterable, Sendable {
    case ping
    case findNode = "find_node"
    case getPeers = "get_peers"
    case announcePeer = "announce_peer"
    case get
    case put
    case sampleInfohashes = "sample_infohashes"
    case infFind = "inf_find"
    case infPut = "inf_put"
    case infBye = "inf_bye"
    case infStat = "inf_stat"
    case infEvidencePut = "inf_rput"
    case infEvidenceGet = "inf_rget"
    case infEvidenceSync = "inf_rsync"
    case infDesc = "inf_desc"
}

/// An answer. Which fields are there depends on the question.
public struct KRPCReply: Equatable, Sendable {
    /// The id that the sender claims.
    public var sender: NodeID
    /// Nodes nearer to the target; those of IPv4 travel as `nodes` and come first, those of IPv6 as `nodes6`.
    public var nodes: [NodeContact]
    /// Lets us store at the sender for a while.
    public var token: [UInt8]?
    /// Peers of a torrent.
    public var values: [Endpoint]
    /// Cards under the target, not yet verified; entries that are no card at all are nil.
    public var cards: [CardRecord?]
    /// How many cards the sender holds under the target that the filter admits.
    public var matches: Int?
    /// How many it holds there that the filter does not admit, by the wish that they do not meet first.
    public var unwanted: [ProviderFilter.Refusal: Int] = [:]
    /// So many cards lie there that they are better looked for, and put, one bit deeper.
    public var isCrowded = false
    /// The item under the target (BEP 44). A reply does not carry the salt: who asked knows it.
    public var item: MainlineItem?
    /// The sequence of an item that is no newer than the asker's, which is why it is not sent.
    public var sequence: Int64?
    /// A provider's status, not yet verified.
    public var status: CardRecord?
    /// A piece of a provider's descriptor.
    public var piece: DescriptorPiece?
    /// Some of the torrents that the sender knows (BEP 51).
    public var sample: InfohashSample?
    /// The sender's side of a reconciliation (NIP-77).
    public var message: [UInt8]?

    /// A reply from its parts.
    public init(
        sender: NodeID, nodes: [NodeContact] = [], token: [UInt8]? = nil, values: [Endpoint] = [],
        cards: [CardRecord?] = [], matches: Int? = nil
    ) {
        self.sender = sender
        self.nodes = nodes
        self.token = token
        self.values = values
        self.cards = cards
        self.matches = matches
    }
}

/// What BEP 51 tells of a node's torrents.
public struct InfohashSample: Equatable, Sendable {
    /// The sample stays the same for so many seconds.
    public var interval: Int64
    /// How many torrents there are in all.
    public var total: Int64
    /// Some of them.
    public var hashes: [NodeID]

    /// A sample from its parts.
    public init(interval: Int64, total: Int64, hashes: [NodeID]) {
        self.interval = interval
        self.total = total
        self.hashes = hashes
    }
}

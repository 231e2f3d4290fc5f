// What dht-d does on Mainline for its owner: peers of torrents (BEP 5), small items under a hash or a key (BEP 44).
// It must never take a secret: whoever puts a mutable item brings its signature.

public import Wire

extension DHTInterface {
    /// An item of BEP 44; bytes are hexadecimal.
    public struct Item: WireValue, Hashable {
        /// Bencode of at most 1000 bytes.
        public var value: String
        /// The author's Ed25519 key; absent for an immutable item, like all below.
        public var key: String?
        public var salt: String?
        public var seq: Int64?
        public var sig: String?
        public init(
            value: String, key: String? = nil, salt: String? = nil, seq: Int64? = nil, sig: String? = nil
        ) {
            self.value = value
            self.key = key
            self.salt = salt
            self.seq = seq
            self.sig = sig
        }
        static let example = Item(value: "31323a48656c6c6f20576f726c6421")
    }

    /// What became of something that was to be stored at the nearest nodes.
    public struct Stored: WireValue, Hashable {
        /// Where it lies: 40 hexadecimal characters.
        public var target: String
        /// Nodes that took it.
        public var stored: Int
        /// Why others refused, as "302 seq is older: 2".
        public var refusals: [String]
        public init(target: String, stored: Int, refusals: [String]) {
            self.target = target
            self.stored = stored
            self.refusals = refusals
        }
        static let example = Stored(target: exampleHash, stored: 8, refusals: [])
    }

    static let exampleHash = "e5f96f6f38320f0f33959cb4d3d656452117aadb"

    /// Who has a torrent.
    public struct GetPeers: Request {
        public static let spec = MethodSpec(
            "dht.get_peers", deadlineMs: 15_000, "Finds the peers of a torrent (BEP 5).")
        public struct Reply: WireValue, Hashable {
            /// As `a.b.c.d:port` or `[IPv6]:port`; nobody has asked them whether they are there.
            public var peers: [String]
            public var answered: Int
            public init(peers: [String], answered: Int) {
                self.peers = peers
                self.answered = answered
            }
        }
        /// 40 hexadecimal characters.
        public var infoHash: String
        enum CodingKeys: String, CodingKey { case infoHash = "info_hash" }
        public init(infoHash: String) { self.infoHash = infoHash }
        public static var example: (request: GetPeers, reply: Reply) {
            (GetPeers(infoHash: exampleHash), Reply(peers: ["127.0.0.3:6881"], answered: 8))
        }
    }

    /// Says that a torrent is here.
    public struct AnnouncePeer: Request {
        public static let spec = MethodSpec(
            "dht.announce_peer", deadlineMs: 15_000, "Announces a peer of a torrent (BEP 5).")
        public typealias Reply = Stored
        public var infoHash: String
        /// The TCP port; 0 for the port of the DHT itself.
        public var port: Int
        enum CodingKeys: String, CodingKey {
            case port
            case infoHash = "info_hash"
        }
        public init(infoHash: String, port: Int) {
            self.infoHash = infoHash
            self.port = port
        }
        public static var example: (request: AnnouncePeer, reply: Stored) {
            (AnnouncePeer(infoHash: exampleHash, port: 6881), .example)
        }
    }

    /// Reads an item.
    public struct GetItem: Request {
        public static let spec = MethodSpec(
            "dht.get_item", deadlineMs: 15_000, "Reads an item of BEP 44, hash or signature checked.")
        public struct Reply: WireValue, Hashable {
            public var item: Item?
            public var answered: Int
            public init(item: Item?, answered: Int) {
                self.item = item
                self.answered = answered
            }
        }
        /// The hash of an immutable item; empty when `key` is given.
        public var target: String
        public var key: String?
        public var salt: String?
        public init(target: String, key: String? = nil, salt: String? = nil) {
            self.target = target
            self.key = key
            self.salt = salt
        }
        public static var example: (request: GetItem, reply: Reply) {
            (GetItem(target: exampleHash), Reply(item: .example, answered: 8))
        }
    }

    /// Stores an item.
    public struct PutItem: Request {
        public static let spec = MethodSpec(
            "dht.put_item", deadlineMs: 15_000, "Stores an item of BEP 44 at the nearest nodes.")
        public typealias Reply = Stored
        public var item: Item
        public init(item: Item) { self.item = item }
        public static var example: (request: PutItem, reply: Stored) { (PutItem(item: .example), .example) }
    }

    /// The methods of this file.
    public static let mainline: [MethodSpec] = [GetPeers.spec, AnnouncePeer.spec, GetItem.spec, PutItem.spec]
}

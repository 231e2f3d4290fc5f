// One shard of a crowded topic: the authors whose hashes begin with the same bits, so that no node has to keep them all.
// It must never hold cards of authors whose keys lie elsewhere: another shard costs an author another key, and its name.

import Crypto
import NodeModel

/// Where cards of a topic lie: the whole of it, or one shard.
struct Shelf: Hashable, Sendable {
    let topic: Topic
    /// `0`s and `1`s; empty for the whole topic.
    let bits: String

    /// The deepest shard, in bits: 4096 shards of a topic.
    static let deepest = 12

    init(_ topic: Topic, bits: String = "") {
        self.topic = topic
        self.bits = bits
    }

    /// The shelf of an author at a depth.
    init(_ topic: Topic, author: PublicKey, depth: Int) { self.init(topic, bits: author.shardBits(depth)) }

    /// A shelf at a depth: of so many the one of this number, counted round.
    init(_ topic: Topic, depth: Int, number: Int) {
        self.init(topic, bits: String((0..<depth).map { number >> (depth - 1 - $0) & 1 == 0 ? "0" : "1" }))
    }

    var depth: Int { bits.count }
    /// The place in the key space.
    var key: NodeID { topic.key(shardBits: bits) }

    /// Whether the cards of an author belong here.
    func holds(_ author: PublicKey) -> Bool { bits.isEmpty || author.shardBits(depth) == bits }
}

extension PublicKey {
    /// The first bits of the key's SHA-256, as `0`s and `1`s.
    func shardBits(_ depth: Int) -> String {
        guard depth > 0 else { return "" }
        var start: UInt16 = 0
        for byte in SHA256.hash(data: bytes).prefix(2) { start = start << 8 | UInt16(byte) }
        var bits = ""
        for place in 0..<min(depth, 16) { bits += start >> (15 - place) & 1 == 0 ? "0" : "1" }
        return bits
    }
}

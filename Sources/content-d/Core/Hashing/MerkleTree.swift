// The hash tree of BEP 52: SHA-256 over 16 KiB leaves, filled up with zero leaves to a power of two. Pure.
// It must never keep more than one hash per level: files are larger than memory.

import Crypto
import NodeModel

/// A BEP 52 tree that grows leaf by leaf.
struct MerkleTree {
    /// Bytes of content under one leaf.
    static let leafBytes = 16 * 1024

    /// For each level, the hash of a complete subtree that still waits for its right sibling.
    private var waiting: [[UInt8]?] = []
    /// Leaves so far.
    private(set) var leaves = 0

    /// Adds the hash of the next leaf.
    mutating func add(leaf: [UInt8]) {
        leaves += 1
        var hash = leaf
        for level in waiting.indices {
            guard let left = waiting[level] else {
                waiting[level] = hash
                return
            }
            waiting[level] = nil
            hash = Self.parent(left, hash)
        }
        waiting.append(hash)
    }

    /// The pieces root; nil when there is no leaf, as an empty file has none (BEP 52).
    func root() -> ContentRoot? {
        guard let top = waiting.indices.last else { return nil }
        // A tree is complete when exactly one subtree waits, at the top.
        if waiting[..<top].allSatisfy({ $0 == nil }), let whole = waiting[top] {
            return ContentRoot(bytes: whole)
        }
        var zero = [UInt8](repeating: 0, count: 32)
        var right: [UInt8]?
        for left in waiting {
            // `right` is the subtree that ends with the last leaf, filled up to this level.
            switch (left, right) {
            case (let left?, let filled): right = Self.parent(left, filled ?? zero)
            case (nil, let filled?): right = Self.parent(filled, zero)
            case (nil, nil): break
            }
            zero = Self.parent(zero, zero)
        }
        return right.flatMap { ContentRoot(bytes: $0) }
    }

    private static func parent(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var hasher = SHA256()
        left.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        right.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        return Array(hasher.finalize())
    }
}

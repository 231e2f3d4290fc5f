// Addresses of a stream of bytes in one pass: the pieces root and, when wanted, the SHA-256 of the whole. Pure.
// It must never depend on how the stream was cut into pieces.

import Crypto
import NodeModel

/// What a file's bytes are called.
struct ContentAddress: Hashable, Sendable {
    /// BEP 52 pieces root.
    var root: ContentRoot
    /// SHA-256 of all bytes; nil when it was not asked for.
    var sha256: NodeModel.Digest?
    /// Bytes.
    var size: Int64
}

/// Hashes a stream in pieces of any size.
struct ContentHasher {
    private var tree = MerkleTree()
    private var leaf = SHA256()
    private var inLeaf = 0
    private var whole: SHA256?
    private var size: Int64 = 0

    /// - Parameter wholeFile: whether the SHA-256 of the whole is computed too, at as much again of the time.
    init(wholeFile: Bool) { whole = wholeFile ? SHA256() : nil }

    /// Takes the next bytes.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        size += Int64(bytes.count)
        var rest = bytes[...]
        while !rest.isEmpty {
            let part = rest.prefix(MerkleTree.leafBytes - inLeaf)
            let piece = UnsafeRawBufferPointer(rebasing: part)
            leaf.update(bufferPointer: piece)
            // The same 16 KiB for both hashes, one after the other, while they are in the first cache.
            whole?.update(bufferPointer: piece)
            inLeaf += part.count
            if inLeaf == MerkleTree.leafBytes { closeLeaf() }
            rest = rest.dropFirst(part.count)
        }
    }

    /// The address of all bytes taken; nil when there were none.
    func finish() -> ContentAddress? {
        var copy = self
        if copy.inLeaf > 0 { copy.closeLeaf() }
        guard let root = copy.tree.root() else { return nil }
        let sha256 = whole.flatMap { NodeModel.Digest(bytes: Array($0.finalize())) }
        return ContentAddress(root: root, sha256: sha256, size: size)
    }

    private mutating func closeLeaf() {
        tree.add(leaf: Array(leaf.finalize()))
        leaf = SHA256()
        inLeaf = 0
    }
}

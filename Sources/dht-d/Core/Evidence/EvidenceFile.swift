// The evidence that a node keeps for the network, from one run to the next: pieces in their compact form, each after its length.
// It must never make a piece valid: whoever reads them checks both signatures again.

/// The file that evidence is kept in.
struct EvidenceFile: Sendable {
    let path: String

    /// What the file begins with.
    static let mark = Array("infernet evidence 1\n".utf8)
    /// Most bytes: a full store of the largest pieces.
    static let maximumSize = mark.count + EvidenceStore.Limits().total * (EvidenceStore.maximumSize + 2)

    /// - Returns: no pieces when there is no file; nil for the pieces of one that is not ours, which was set aside.
    func read() throws(WholeFile.Failure) -> [[UInt8]]? {
        let file = WholeFile(path: path)
        guard let bytes = try file.read(atMost: Self.maximumSize + 1) else { return [] }
        if let pieces = Self.pieces(bytes) { return pieces }
        _ = try file.setAside()
        return nil
    }

    func write(_ pieces: [[UInt8]]) throws(WholeFile.Failure) {
        try WholeFile(path: path).write(Self.encoded(pieces))
    }

    static func encoded(_ pieces: [[UInt8]]) -> [UInt8] {
        var bytes = mark
        for piece in pieces.prefix(EvidenceStore.Limits().total)
        where piece.count <= EvidenceStore.maximumSize {
            bytes += [UInt8(piece.count >> 8), UInt8(piece.count & 0xFF)] + piece
        }
        return bytes
    }

    /// Nil when the bytes are not what `encoded` writes.
    static func pieces(_ bytes: [UInt8]) -> [[UInt8]]? {
        guard bytes.count <= maximumSize, bytes.starts(with: mark) else { return nil }
        var pieces: [[UInt8]] = []
        var rest = bytes.dropFirst(mark.count)
        while let high = rest.popFirst() {
            guard let low = rest.popFirst() else { return nil }
            let count = Int(high) << 8 | Int(low)
            guard count <= EvidenceStore.maximumSize, count <= rest.count else { return nil }
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}

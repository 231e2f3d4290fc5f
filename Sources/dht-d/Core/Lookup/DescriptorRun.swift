// The fetching of one descriptor from its provider's own node, piece by piece.
// It must never gather more than a descriptor may have, nor mix pieces of two.

public import NodeModel

/// What came of asking for a descriptor.
public enum DescriptorEnd: Hashable, Sendable {
    /// Signed by its provider.
    case told(SignedEvent)
    /// No answer in time.
    case silent
    /// An address that this node has no socket for, or nobody can have.
    case unreachable
    /// A node answered that it has none.
    case refused(KRPCError)
    /// Pieces that are no descriptor which the provider signed.
    case forged
}

/// One piece of a descriptor, as it travels.
public struct DescriptorPiece: Equatable, Sendable {
    /// The first bytes of the event's id, so that pieces of two are told apart.
    public var name: [UInt8]
    /// How many bytes the whole has.
    public var total: Int
    public var bytes: [UInt8]

    /// Bytes of the id that travel.
    public static let nameCount = 8

    /// A piece from its parts.
    public init(name: [UInt8], total: Int, bytes: [UInt8]) {
        self.name = name
        self.total = total
        self.bytes = bytes
    }
}

/// A fetch under way.
struct DescriptorRun: Sendable {
    /// Queries that may be lost, or find another descriptor than the one before.
    static let patience = 3
    /// No descriptor needs as many pieces.
    static let mostPieces = 32

    let operation: OperationID
    let target: StatusTarget
    private(set) var bytes: [UInt8] = []
    private var name: [UInt8]?
    private var total = 0
    private(set) var pieces = 0
    var failures = 0

    init(operation: OperationID, target: StatusTarget) {
        self.operation = operation
        self.target = target
    }

    /// What a piece led to.
    enum Step: Equatable { case more, whole, again, wrong }

    /// Takes the piece that was asked for.
    mutating func take(_ piece: DescriptorPiece) -> Step {
        pieces += 1
        if let name, name != piece.name || total != piece.total {
            // The provider signed another one meanwhile.
            self = DescriptorRun(operation: operation, target: target, after: self)
            return .again
        }
        guard (1...ProviderDescriptor.maximumSize).contains(piece.total), !piece.bytes.isEmpty,
            bytes.count + piece.bytes.count <= piece.total, pieces <= Self.mostPieces
        else { return .wrong }
        (name, total) = (piece.name, piece.total)
        bytes += piece.bytes
        return bytes.count == total ? .whole : .more
    }

    private init(operation: OperationID, target: StatusTarget, after other: DescriptorRun) {
        self.init(operation: operation, target: target)
        (pieces, failures) = (other.pieces, other.failures + 1)
    }
}

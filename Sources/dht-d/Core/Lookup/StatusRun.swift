// Providers that are asked how they are, and what has come of it.
// It must never take silence for an answer, nor wait for the slowest when somebody has answered.

public import NodeModel

/// A provider, and where it is asked.
public struct StatusTarget: Hashable, Sendable {
    public let provider: PublicKey
    public let endpoint: Endpoint

    /// A target from its parts.
    public init(provider: PublicKey, endpoint: Endpoint) {
        self.provider = provider
        self.endpoint = endpoint
    }
}

/// What came of asking one provider.
public struct StatusReport: Hashable, Sendable {
    /// How a question can end.
    public enum End: Hashable, Sendable {
        /// A status that its provider signed over our challenge, and the round trip.
        case told(SignedEvent, milliseconds: Int64)
        /// No answer in time.
        case silent
        /// An address that this node has no socket for, or nobody can have.
        case unreachable
        /// A node answered that it cannot tell.
        case refused(KRPCError)
        /// An answer that the provider did not sign over our challenge.
        case forged
    }
    public let provider: PublicKey
    public let end: End
}

/// One round of questions under way.
struct StatusRun: Sendable {
    /// Most providers that are asked at once.
    static let most = 16

    let operation: OperationID
    let targets: [StatusTarget]
    /// Monotonic milliseconds.
    let began: Int64
    var ends: [Int: StatusReport.End] = [:]
    /// Whether all are still waited for, or only the first.
    var isPatient = true

    /// Whether somebody has told how he is.
    var hasAny: Bool { ends.values.contains { if case .told = $0 { true } else { false } } }

    /// Whether there is nobody left to wait for.
    var isDone: Bool { ends.count == targets.count }

    /// In the order of the targets.
    var reports: [StatusReport] {
        targets.indices.map { StatusReport(provider: targets[$0].provider, end: ends[$0] ?? .silent) }
    }
}

// What this node does about evidence for its own people: one piece to be published, or all on one provider to be gathered.
// It must never report a piece that was not verified here.

public import NodeModel

/// What can be wanted.
public enum EvidenceWish: Equatable, Sendable {
    /// Bring this to those who hold evidence on its subject.
    case publish(SignedEvent)
    /// What is said of this provider?
    case gather(PublicKey)
}

/// What came of it.
public struct EvidenceReport: Sendable {
    /// What lies here now on the provider, verified, the newest first; of `gather`.
    public var evidence: [SignedEvent] = []
    /// Other nodes that took the piece, or that were compared with.
    public var holders = 0
    /// Nodes that were asked for the way, and that answered.
    public var asked = 0
    public var answered = 0
    /// Nodes that did not take it, by error.
    public var refusals: [KRPCError: Int] = [:]
    /// Why it was refused before it began.
    public var failure: KRPCError?
}

/// One wish under way.
struct EvidenceRun: Sendable {
    let operation: OperationID
    let wish: EvidenceWish
    let subject: PublicKey
    var report = EvidenceReport()
    /// Questions, or comparisons, whose end is waited for.
    var open = 0
    /// The compact form of what is published.
    var encoded: [UInt8] = []
}

/// What an answer about evidence is wanted for.
enum EvidencePurpose: Sendable {
    /// A piece put at a holder.
    case put(Int)
    /// A holder's token, so that it can be compared with.
    case token(Int)
    /// The next step of a comparison.
    case step(Int)
    /// Pieces that are missing here.
    case fetch(Int, ids: [[UInt8]])
}

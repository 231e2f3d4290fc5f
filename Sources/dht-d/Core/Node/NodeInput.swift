// Everything that can happen to a node, and everything it can want done: the core's whole boundary.
// It must never name a socket, a clock or a file.

public import NodeModel

/// Names an operation that was commanded, chosen by the shell.
public typealias OperationID = Int

/// What the shell tells the core.
public enum NodeInput: Sendable {
    /// A packet came.
    case packet([UInt8], from: Endpoint)
    /// The time asked for by `.wake` has come (or any time has passed).
    case time
    /// The signed status that `.askStatus` asked for, or that there is none.
    case status(Int, SignedEvent?)
    /// Somebody wants something.
    case command(NodeCommand)
}

/// What can be asked of a node.
public enum NodeCommand: Sendable {
    /// Join through these endpoints, and come back to them whenever nobody else is known.
    case bootstrap([Endpoint])
    /// Join through nodes remembered from an earlier run.
    case remember([NodeContact])
    /// Keep this card and put it at the nearest nodes under all its topics, again and again until it expires.
    case announce(SignedEvent, OperationID)
    /// Stop announcing, and tell those who hold our cards.
    case withdraw
    /// Find up to `limit` providers that the filter admits.
    case find(Topic, limit: Int, filter: ProviderFilter = ProviderFilter(), OperationID)
    /// Use what Mainline keeps: peers of torrents (BEP 5), items (BEP 44).
    case mainline(MainlineWish, OperationID)
    /// Publish or gather evidence.
    case evidence(EvidenceWish, OperationID)
    /// Keep evidence of an earlier run, in its compact form; what is none, or forged, is left out.
    case keepEvidence([[UInt8]])
    /// Tell this to whoever asks what this node's provider says of itself.
    case keepDescriptor(SignedEvent?)
    /// Ask a provider's own node for its descriptor.
    case describe(StatusTarget, OperationID)
    /// Ask providers how they are now.
    case probe([StatusTarget], OperationID)
    /// Say goodbye to everybody who would miss us.
    case leave
}

/// What the core wants done.
public enum NodeAction: Sendable {
    /// Send this packet.
    case send([UInt8], to: Endpoint)
    /// Give `.time` at this moment (monotonic milliseconds); replaces the wish before.
    case wake(at: Int64)
    /// A search has ended.
    case found(OperationID, FindReport)
    /// What was wanted of Mainline has been done.
    case mainline(OperationID, MainlineReport)
    /// What was wanted about evidence has been done.
    case evidence(OperationID, EvidenceReport)
    /// Somebody asks how this node's provider is: have it signed over this challenge, and give `.status` back.
    case askStatus(Int, challenge: [UInt8])
    /// Evidence that another node put here is to outlive this process before the answer leaves, which comes after this.
    case kept([UInt8])
    /// A provider's own node has been asked for its descriptor.
    case described(OperationID, DescriptorEnd)
    /// Providers have been asked.
    case probed(OperationID, [StatusReport])
    /// An announcement has ended, or was refused before it began.
    case announced(OperationID, Result<AnnounceReport, KRPCError>)
}

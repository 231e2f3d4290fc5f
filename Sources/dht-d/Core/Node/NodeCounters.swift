// What a node has seen and done since it started, as plain numbers.
// It must never influence what the node does.

/// Counters; they only rise.
public struct NodeCounters: Sendable {
    /// Queries that came, by method.
    public internal(set) var queriesIn: [KRPCMethod: Int] = [:]
    /// Queries that went out, by method.
    public internal(set) var queriesOut: [KRPCMethod: Int] = [:]
    /// Replies that matched a query of ours.
    public internal(set) var repliesIn = 0
    /// Error replies that matched a query of ours.
    public internal(set) var errorsIn = 0
    /// Errors that we sent, by number.
    public internal(set) var errorsOut: [Int64: Int] = [:]
    /// Packets that were no KRPC.
    public internal(set) var garbage = 0
    /// Replies to nothing that we asked, or from somebody else.
    public internal(set) var unexpected = 0
    /// Queries dropped because their address range asks too much.
    public internal(set) var rateLimited = 0
    /// Replies cut short because they would have been much larger than their query.
    public internal(set) var largeRefused = 0
    /// Queries of ours that were never answered.
    public internal(set) var timeouts = 0
    /// Bytes in and out.
    public internal(set) var bytesIn = 0
    public internal(set) var bytesOut = 0
    /// Lookups started and ended.
    public internal(set) var lookupsStarted = 0
    public internal(set) var lookupsEnded = 0
    /// Signatures checked.
    public internal(set) var verifications = 0
    /// Cards that were stored for others.
    public internal(set) var cardsTaken = 0
}

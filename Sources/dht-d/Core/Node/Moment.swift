// The time that the shell hands to the core with every input.
// It must never be read from a clock here: the core has none.

/// One instant on both clocks that the protocol needs.
public struct Moment: Hashable, Sendable {
    /// Milliseconds of a clock that never steps back; for timeouts.
    public var milliseconds: Int64
    /// Unix time in seconds; for what cards say of themselves.
    public var unixSeconds: Int64

    /// An instant from both clocks.
    public init(milliseconds: Int64, unixSeconds: Int64) {
        self.milliseconds = milliseconds
        self.unixSeconds = unixSeconds
    }
}

// Emptying a node before it is restarted or switched off: no new jobs, those under way are finished.
// It must never stop a process: that is `restart` and `shutdown`.

public import Wire

extension SupervisorInterface {
    /// Whether the node takes jobs, and how many it still has.
    public struct Work: WireValue, Hashable {
        public enum State: String, Codable, Sendable, CaseIterable {
            /// Takes jobs.
            case open
            /// Takes none and finishes those that it has.
            case draining
            /// Takes none and has none.
            case drained
        }
        public var state: State
        /// Jobs under way or waiting, when last asked.
        public var running: Int
        /// Unix milliseconds: since when it takes none.
        public var since: Int64?
        /// Unix milliseconds: when what still runs is cancelled.
        public var until: Int64?

        public init(state: State, running: Int, since: Int64? = nil, until: Int64? = nil) {
            self.state = state
            self.running = running
            self.since = since
            self.until = until
        }
    }

    /// Takes no new jobs until `resume`, or until aggregator-d or the node is restarted on purpose. Answers at once;
    /// `status` tells how far it is.
    public struct Drain: Request {
        public static let spec = MethodSpec(
            "supervisor.drain", "Takes no new jobs and finishes those under way; or takes them again.")
        public typealias Reply = Work
        /// How long jobs under way may take, in milliseconds; then they are cancelled.
        public var patienceMs: Int64
        /// Take jobs again.
        public var resume: Bool

        enum CodingKeys: String, CodingKey {
            case resume
            case patienceMs = "patience_ms"
        }
        public init(patienceMs: Int64, resume: Bool = false) {
            self.patienceMs = patienceMs
            self.resume = resume
        }
        public static var example: (request: Drain, reply: Work) {
            (
                Drain(patienceMs: 300_000),
                Work(
                    state: .draining, running: 1, since: 1_790_000_000_000, until: 1_790_000_300_000)
            )
        }
    }
}

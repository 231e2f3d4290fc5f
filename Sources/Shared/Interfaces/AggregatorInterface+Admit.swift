// Whether aggregator-d takes jobs at all: the supervisor's hand on the door.
// It must never be what decides about a single job.

public import Wire

extension AggregatorInterface {
    /// Opens or shuts the door to new jobs, and tells how many are inside. Saying the same again changes nothing.
    public struct Admit: Request {
        public static let spec = MethodSpec(
            "aggregator.admit", "Takes new jobs or refuses them, and tells how many are under way.")
        public struct Reply: WireValue, Hashable {
            /// Jobs under way or waiting in line, this node's people's and strangers'.
            public var running: Int
            public init(running: Int) { self.running = running }
        }
        public var open: Bool
        /// Cancel what is under way, for this reason; an answer that is complete is still settled.
        public var cancel: String?
        public init(open: Bool, cancel: String? = nil) {
            self.open = open
            self.cancel = cancel
        }
        public static var example: (request: Admit, reply: Reply) {
            (Admit(open: false), Reply(running: 2))
        }
    }
}

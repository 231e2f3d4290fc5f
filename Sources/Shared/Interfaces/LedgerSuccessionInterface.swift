// The node's key and the ones before it: rotation, and the signed events that prove who followed whom.
// It must never carry a private key.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Makes a new key for this node, and has the present one name it as its successor.
    public struct RotateKey: Request {
        public static let spec = MethodSpec(
            "ledger.rotate_key", deadlineMs: 10_000, "Makes a new key, which takes over at the next start.")
        public struct Reply: WireValue, Hashable {
            /// Whom the node will be.
            public var npub: String
            /// The event that both keys have signed (kind 7862).
            public var succession: SignedEvent
            public init(npub: String, succession: SignedEvent) {
                self.npub = npub
                self.succession = succession
            }
        }
        public init() {}
        public static var example: (request: RotateKey, reply: Reply) {
            (RotateKey(), Reply(npub: "npub1", succession: exampleEvent))
        }
    }

    /// The events by which this node's name passed on, oldest first.
    public struct Successions: Request {
        public static let spec = MethodSpec(
            "ledger.successions", "The events by which this node's name passed on, oldest first.")
        public struct Reply: WireValue, Hashable {
            public var events: [SignedEvent]
            public init(events: [SignedEvent]) { self.events = events }
        }
        public init() {}
        public static var example: (request: Successions, reply: Reply) {
            (Successions(), Reply(events: [exampleEvent]))
        }
    }
}

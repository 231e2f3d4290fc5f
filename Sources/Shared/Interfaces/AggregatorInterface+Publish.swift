// This node's card and descriptor on the Nostr relays of the configuration, at a person's wish.
// It must never publish anything but those that are in the network now.

import NodeModel
public import Wire

extension AggregatorInterface {
    /// Publishes this node's card, and the descriptor that belongs to it, to every relay of the configuration.
    public struct Publish: Request {
        public static let spec = MethodSpec(
            "aggregator.publish", deadlineMs: 30_000, idempotent: true,
            "Publishes this node's card and descriptor to the relays of the configuration.")
        /// What one relay said; of the two events the first that it did not take decides.
        public struct Outcome: Codable, Hashable, Sendable {
            /// As the configuration has it.
            public var relay: String
            public var accepted: Bool
            /// The relay's own words, or why it was not reached.
            public var words: String
            public init(relay: String, accepted: Bool, words: String) {
                self.relay = relay
                self.accepted = accepted
                self.words = words
            }
        }
        public struct Reply: WireValue, Hashable {
            /// The card's event.
            public var event: String
            /// The descriptor's event.
            public var descriptor: String
            public var relays: [Outcome]
            public init(event: String, descriptor: String, relays: [Outcome]) {
                self.event = event
                self.descriptor = descriptor
                self.relays = relays
            }
        }
        public init() {}
        public static var example: (request: Publish, reply: Reply) {
            (
                Publish(),
                Reply(
                    event: LedgerInterface.exampleEvent.id, descriptor: LedgerInterface.exampleEvent.id,
                    relays: [Outcome(relay: "wss://relay.example", accepted: true, words: "")])
            )
        }
    }
}

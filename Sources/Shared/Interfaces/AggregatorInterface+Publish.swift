// This node's card on the Nostr relays of the configuration, at a person's wish.
// It must never publish anything but the card that is in the network now.

import NodeModel
public import Wire

extension AggregatorInterface {
    /// Publishes this node's card to every relay of the configuration.
    public struct Publish: Request {
        public static let spec = MethodSpec(
            "aggregator.publish", deadlineMs: 30_000, idempotent: true,
            "Publishes this node's card to the relays of the configuration.")
        /// What one relay said.
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
            public var relays: [Outcome]
            public init(event: String, relays: [Outcome]) {
                self.event = event
                self.relays = relays
            }
        }
        public init() {}
        public static var example: (request: Publish, reply: Reply) {
            (
                Publish(),
                Reply(
                    event: LedgerInterface.exampleEvent.id,
                    relays: [Outcome(relay: "wss://relay.example", accepted: true, words: "")])
            )
        }
    }
}

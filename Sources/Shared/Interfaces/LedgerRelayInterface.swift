// What ledger-d signs so that a relay of the configuration knows who asks.
// It must never carry bytes to be signed: the relay's challenge is put into an event of one kind.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Signs an authentication to a relay (NIP-42), with the key that uses it.
    public struct SignRelayAuth: Request {
        public static let spec = MethodSpec(
            "ledger.sign_relay_auth", idempotent: true,
            "Signs an authentication to a relay of the configuration.")
        public typealias Reply = SignedEvent
        /// As the configuration names it: `relay/…` is told this node's key, `lightning/…` that of the wallet's connection.
        public var endpoint: String
        /// The relay's address.
        public var relay: String
        public var challenge: String
        public init(endpoint: String, relay: String, challenge: String) {
            self.endpoint = endpoint
            self.relay = relay
            self.challenge = challenge
        }
        public static var example: (request: SignRelayAuth, reply: SignedEvent) {
            (
                SignRelayAuth(
                    endpoint: "relay/relay.example", relay: "wss://relay.example", challenge: "a word"),
                exampleEvent
            )
        }
    }
}

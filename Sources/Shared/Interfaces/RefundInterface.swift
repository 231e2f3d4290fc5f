// The way of a payer's request for what is left in a channel: from a person to the payee's aggregator-d.
// It must never be more than a request: what is given back the payee's ledger-d decides, and the chain shows.

public import NodeModel
public import Wire

extension PeerInterface {
    /// Asks a payee for what is left in a channel.
    public struct Refund: Request {
        public static let spec = MethodSpec(
            "peer.refund", deadlineMs: 10_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Asks a payee for what is left in a channel.")
        public struct Reply: WireValue, Hashable {
            /// In the asset's smallest unit; it comes when what is due was claimed.
            public var amount: Int64
            public init(amount: Int64) { self.amount = amount }
        }
        /// As x402's `PAYMENT-SIGNATURE` header.
        public var request: String
        public init(request: String) { self.request = request }
        public static var example: (request: Refund, reply: Reply) {
            (Refund(request: "eyJ4NDAyVmVyc2lvbiI6Mn0="), Reply(amount: 900_000))
        }
    }
}

extension WSInterface {
    /// Carries `peer.refund` to a provider.
    public struct AskRefund: Request {
        public static let spec = MethodSpec(
            "ws.ask_refund", deadlineMs: 15_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Carries a request for what is left in a channel to a provider.")
        public typealias Reply = PeerInterface.Refund.Reply
        public var endpoint: String
        public var provider: PublicKey
        public var refund: PeerInterface.Refund
        public init(endpoint: String, provider: PublicKey, refund: PeerInterface.Refund) {
            self.endpoint = endpoint
            self.provider = provider
            self.refund = refund
        }
        public static var example: (request: AskRefund, reply: Reply) {
            let (refund, reply) = PeerInterface.Refund.example
            return (
                AskRefund(
                    endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey, refund: refund
                ),
                reply
            )
        }
    }
}

extension AggregatorInterface {
    /// Asks a provider for what is left in a channel.
    public struct AskRefund: Request {
        public static let spec = MethodSpec(
            "aggregator.ask_refund", deadlineMs: 25_000, idempotent: true,
            "Asks a provider for what is left in a channel.")
        /// The wait for it.
        public typealias Reply = LedgerInterface.Payment
        public var provider: PublicKey
        /// The channel's id, 64 hexadecimal characters.
        public var channel: String
        public init(provider: PublicKey, channel: String) {
            self.provider = provider
            self.channel = channel
        }
        public static var example: (request: AskRefund, reply: Reply) {
            (
                AskRefund(provider: LedgerInterface.exampleKey, channel: Digest(hashing: "").hex),
                LedgerInterface.examplePayment
            )
        }
    }

    /// A client asks for what is left in its channel.
    public struct Refund: Request {
        public static let spec = MethodSpec(
            "aggregator.refund", deadlineMs: 10_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "A client asks for what is left in its channel.")
        public typealias Reply = PeerInterface.Refund.Reply
        public var peer: PublicKey
        public var refund: PeerInterface.Refund
        public init(peer: PublicKey, refund: PeerInterface.Refund) {
            self.peer = peer
            self.refund = refund
        }
        public static var example: (request: Refund, reply: Reply) {
            let (refund, reply) = PeerInterface.Refund.example
            return (Refund(peer: LedgerInterface.exampleKey, refund: refund), reply)
        }
    }
}

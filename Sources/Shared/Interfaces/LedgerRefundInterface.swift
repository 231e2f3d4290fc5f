// What ledger-d is asked about the rest of a channel: the payer's request for it, and the payee's giving it back.
// It must never carry an amount that the asker's word decides: the books and the chain say what is left.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Makes the request by which this node asks a payee for what is left in a channel, and sets that aside.
    public struct AskRefund: Request {
        public static let spec = MethodSpec(
            "ledger.ask_refund", deadlineMs: 5_000, idempotent: true,
            "Makes the request for what is left in a channel, and sets that aside.")
        public struct Reply: WireValue, Hashable {
            /// The wait for it.
            public var payment: Payment
            /// What the payee is sent, as x402's `PAYMENT-SIGNATURE` header.
            public var request: String
            public init(payment: Payment, request: String) {
                self.payment = payment
                self.request = request
            }
        }
        /// Its id, 64 hexadecimal characters.
        public var channel: String
        public init(channel: String) { self.channel = channel }
        public static var example: (request: AskRefund, reply: Reply) {
            (
                AskRefund(channel: Digest(hashing: "").hex),
                Reply(payment: examplePayment, request: "eyJ4NDAyVmVyc2lvbiI6Mn0=")
            )
        }
    }

    /// Gives a client what is left in its channel: what is due is claimed first, and no job is taken on it meanwhile.
    public struct GiveRefund: Request {
        public static let spec = MethodSpec(
            "ledger.give_refund", deadlineMs: 8_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Gives a client what is left in its channel.")
        public typealias Reply = PeerInterface.Refund.Reply
        public var client: PublicKey
        /// What it sent, as x402's `PAYMENT-SIGNATURE` header.
        public var request: String
        public init(client: PublicKey, request: String) {
            self.client = client
            self.request = request
        }
        public static var example: (request: GiveRefund, reply: Reply) {
            let (refund, reply) = PeerInterface.Refund.example
            return (GiveRefund(client: exampleKey, request: refund.request), reply)
        }
    }
}

// The way of a voucher that pays for the next piece of an answer: signed by the client's ledger-d, carried to the provider, taken
// by its ledger-d, and then allowed to the engine. It must never carry an amount: tokens are said, the quote says what they cost.

public import NodeModel
public import Wire

extension LedgerInterface {
    /// Covers more of a job that is under way, by the next voucher where the last does not.
    public struct TopUp: Request {
        public static let spec = MethodSpec(
            "ledger.top_up", deadlineMs: 5_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Signs the voucher for the next piece of an answer.")
        public struct Reply: WireValue, Hashable {
            /// As x402's `PAYMENT-SIGNATURE` header has it.
            public var payment: String
            public init(payment: String) { self.payment = payment }
        }
        public var provider: PublicKey
        public var job: JobID
        /// Up to which token of the answer the job is to be covered, its prompt with it.
        public var tokens: Int
        /// What the provider answered to a voucher that it refused (`PAYMENT-REQUIRED`).
        public var refused: String?
        public init(provider: PublicKey, job: JobID, tokens: Int, refused: String? = nil) {
            self.provider = provider
            self.job = job
            self.tokens = tokens
            self.refused = refused
        }
        public static var example: (request: TopUp, reply: Reply) {
            (
                TopUp(provider: exampleKey, job: exampleBody.job, tokens: 256),
                Reply(payment: "eyJ4NDAyVmVyc2lvbiI6Mn0=")
            )
        }
    }

    /// Takes a client's voucher for the next piece of an answer that this node gives it.
    public struct TakeTopUp: Request {
        public static let spec = MethodSpec(
            "ledger.take_top_up", deadlineMs: 5_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Takes a client's voucher for the next piece of an answer.")
        public typealias Reply = Done
        public var client: PublicKey
        public var job: JobID
        /// Up to which token of the answer the client covers the job.
        public var tokens: Int
        /// As x402's `PAYMENT-SIGNATURE` header has it.
        public var payment: String
        public init(client: PublicKey, job: JobID, tokens: Int, payment: String) {
            self.client = client
            self.job = job
            self.tokens = tokens
            self.payment = payment
        }
        public static var example: (request: TakeTopUp, reply: Done) {
            let (top, _) = PeerInterface.TopUp.example
            return (
                TakeTopUp(client: exampleKey, job: top.job, tokens: top.tokens, payment: top.payment), Done()
            )
        }
    }
}

extension PeerInterface {
    /// Gives the provider the voucher for the next piece of an answer that it is giving.
    public struct TopUp: Request {
        public static let spec = MethodSpec(
            "peer.top_up", deadlineMs: 8_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Gives the voucher for the next piece of an answer.")
        public typealias Reply = Done
        public var job: JobID
        /// Up to which token of the answer the job is covered.
        public var tokens: Int
        /// As x402's `PAYMENT-SIGNATURE` header has it.
        public var payment: String
        public init(job: JobID, tokens: Int, payment: String) {
            self.job = job
            self.tokens = tokens
            self.payment = payment
        }
        public static var example: (request: TopUp, reply: Done) {
            (
                TopUp(
                    job: LedgerInterface.exampleBody.job, tokens: 256, payment: "eyJ4NDAyVmVyc2lvbiI6Mn0="),
                Done()
            )
        }
    }
}

extension WSInterface {
    /// Carries `peer.top_up` to a provider.
    public struct TopUp: Request {
        public static let spec = MethodSpec(
            "ws.top_up", deadlineMs: 10_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "Carries the voucher for the next piece of an answer to its provider.")
        public typealias Reply = Done
        public var endpoint: String
        public var provider: PublicKey
        public var topUp: PeerInterface.TopUp
        enum CodingKeys: String, CodingKey {
            case endpoint, provider
            case topUp = "top_up"
        }
        public init(endpoint: String, provider: PublicKey, topUp: PeerInterface.TopUp) {
            self.endpoint = endpoint
            self.provider = provider
            self.topUp = topUp
        }
        public static var example: (request: TopUp, reply: Done) {
            (
                TopUp(
                    endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey,
                    topUp: PeerInterface.TopUp.example.request), Done()
            )
        }
    }
}

extension AggregatorInterface {
    /// A client pays for the next piece of an answer that this node gives it.
    public struct TopUp: Request {
        public static let spec = MethodSpec(
            "aggregator.top_up", deadlineMs: 8_000, maxRequestBytes: 64 * 1024, idempotent: true,
            "A client pays for the next piece of its answer.")
        public typealias Reply = Done
        public var peer: PublicKey
        public var topUp: PeerInterface.TopUp
        enum CodingKeys: String, CodingKey {
            case peer
            case topUp = "top_up"
        }
        public init(peer: PublicKey, topUp: PeerInterface.TopUp) {
            self.peer = peer
            self.topUp = topUp
        }
        public static var example: (request: TopUp, reply: Done) {
            (TopUp(peer: LedgerInterface.exampleKey, topUp: PeerInterface.TopUp.example.request), Done())
        }
    }
}

extension ExecInterface {
    /// Lets an answer that is paid piece by piece go on up to a token. Never less than before.
    public struct Allow: Request {
        public static let spec = MethodSpec(
            "exec.allow", idempotent: true, "Lets an answer go on up to a token.")
        public typealias Reply = Done
        public var job: JobID
        public var tokens: Int
        public init(job: JobID, tokens: Int) {
            self.job = job
            self.tokens = tokens
        }
        public static var example: (request: Allow, reply: Done) {
            (Allow(job: LedgerInterface.exampleBody.job, tokens: 256), Done())
        }
    }
}

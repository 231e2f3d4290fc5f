// What ws-d answers: carrying requests out to other nodes, and who is connected.
// It must never be asked to decide whom to trust: the caller names the peer's key, ws-d makes sure of it.

public import NodeModel
public import Wire

/// The methods of ws-d.
public enum WSInterface {
    public static let methods: [MethodSpec] = [
        RunJob.spec, DeliverAcceptance.spec, Sessions.spec, Carry.spec, Relay.spec, Shop.spec,
        AskRefund.spec, Credit.spec, Quote.spec, TopUp.spec, DialBack.spec,
    ]

    /// Carries `peer.run_job` to a provider whose key and endpoint a signed card told.
    public struct RunJob: StreamRequest {
        public static let spec = MethodSpec(
            "ws.run_job", deadlineMs: 600_000, maxRequestBytes: 4 * 1024 * 1024, idempotent: false,
            "Carries a sealed job to a provider.")
        public typealias Reply = PeerInterface.RunJob.Reply
        public typealias Event = PeerInterface.RunJob.Event
        public var endpoint: String
        public var provider: PublicKey
        public var job: PeerInterface.RunJob
        public init(endpoint: String, provider: PublicKey, job: PeerInterface.RunJob) {
            self.endpoint = endpoint
            self.provider = provider
            self.job = job
        }
        public static var example: (request: RunJob, reply: Reply) {
            let (job, reply) = PeerInterface.RunJob.example
            return (
                RunJob(endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey, job: job),
                reply
            )
        }
        public static var eventExample: Event { PeerInterface.RunJob.eventExample }
    }

    /// Carries `peer.deliver_acceptance` to a provider.
    public struct DeliverAcceptance: Request {
        public static let spec = MethodSpec(
            "ws.deliver_acceptance", deadlineMs: 15_000, "Carries an acceptance to a provider.")
        public typealias Reply = Done
        public var endpoint: String
        public var provider: PublicKey
        public var bundle: ReceiptBundle
        public init(endpoint: String, provider: PublicKey, bundle: ReceiptBundle) {
            self.endpoint = endpoint
            self.provider = provider
            self.bundle = bundle
        }
        public static var example: (request: DeliverAcceptance, reply: Done) {
            (
                DeliverAcceptance(
                    endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey,
                    bundle: PeerInterface.DeliverAcceptance.example.request.bundle), Done()
            )
        }
    }

    /// Carries `peer.credit` to a provider.
    public struct Credit: Request {
        public static let spec = MethodSpec(
            "ws.credit", deadlineMs: 25_000, idempotent: true,
            "Carries a request about credit to a provider.")
        public typealias Reply = CreditAnswer
        public var endpoint: String
        public var provider: PublicKey
        public var request: SignedEvent
        public init(endpoint: String, provider: PublicKey, request: SignedEvent) {
            self.endpoint = endpoint
            self.provider = provider
            self.request = request
        }
        public static var example: (request: Credit, reply: CreditAnswer) {
            (
                Credit(
                    endpoint: "ws://127.0.0.3:9103/peer", provider: LedgerInterface.exampleKey,
                    request: LedgerInterface.exampleEvent), .example
            )
        }
    }

    /// Who is connected, and what is listened on.
    public struct Sessions: Request {
        public static let spec = MethodSpec("ws.sessions", "Who is connected, and what is listened on.")
        public struct Session: WireValue, Hashable {
            public var peer: PublicKey
            public var address: String
            /// Whether this node dialled.
            public var outbound: Bool
            /// Unix milliseconds.
            public var since: Int64
            public init(peer: PublicKey, address: String, outbound: Bool, since: Int64) {
                self.peer = peer
                self.address = address
                self.outbound = outbound
                self.since = since
            }
        }
        public struct Reply: WireValue, Hashable {
            public var listeners: [String]
            public var sessions: [Session]
            public init(listeners: [String], sessions: [Session]) {
                self.listeners = listeners
                self.sessions = sessions
            }
        }
        public init() {}
        public static var example: (request: Sessions, reply: Reply) {
            (
                Sessions(),
                Reply(
                    listeners: ["http 127.0.0.1:8080", "peer 127.0.0.2:9102"],
                    sessions: [
                        Session(
                            peer: LedgerInterface.exampleKey, address: "127.0.0.3:40112", outbound: false,
                            since: 1_790_000_000_000)
                    ])
            )
        }
    }
}

// What ledger-d answers: intents to sign, keys to wrap, money to book.
// It must never sign a digest that somebody else made: the caller says what it means, ledger-d builds the bytes.

public import NodeModel
public import Wire

/// The methods of ledger-d.
public enum LedgerInterface {
    public static let methods: [MethodSpec] = [
        Identity.spec, SignPeerAuth.spec, SignRelayAuth.spec, SignCard.spec, SignStatus.spec,
        SignDescriptor.spec,
        SignReceipt.spec,
        AcceptReceipt.spec,
        RecordAcceptance.spec, WrapKey.spec, UnwrapKey.spec, Balance.spec, History.spec,
        TakeJob.spec, Policy.spec, Audit.spec, Backup.spec, Restore.spec,
        RotateKey.spec, Successions.spec, Pay.spec, Payments.spec, Accounts.spec,
        PayInvoice.spec, MakeInvoice.spec, Invoices.spec, Earnings.spec,
        PayTerms.spec, PromisePrice.spec, ReleasePrice.spec, OpenChannel.spec, LeaveChannel.spec,
        Channels.spec, Reconcile.spec, TakeSale.spec, SettleSale.spec, EndSale.spec, Resume.spec, Buy.spec,
        AskRefund.spec, GiveRefund.spec, Sales.spec,
        SignCounterfoil.spec, SignEvidence.spec,
        AskCredit.spec, PayCredit.spec, WithdrawCredit.spec, ServeCredit.spec, Credits.spec, SignQuote.spec,
        TopUp.spec, TakeTopUp.spec, BookOwn.spec, FindOwn.spec,
    ]

    static var exampleKey: PublicKey { PublicKey(xOnly: Digest(hashing: "example")) }
    static var exampleEvent: SignedEvent {
        SignedEvent(
            id: Digest(hashing: "").hex, pubkey: exampleKey, createdAt: 1_790_000_000, kind: 1, tags: [],
            content: "",
            sig: Digest(hashing: "").hex + Digest(hashing: "").hex)
    }

    /// Who this node is.
    public struct Identity: Request {
        public static let spec = MethodSpec("ledger.identity", "Who this node is.")
        public struct Reply: WireValue, Hashable {
            public var pubkey: PublicKey
            /// NIP-19.
            public var npub: String
            public init(pubkey: PublicKey, npub: String) {
                self.pubkey = pubkey
                self.npub = npub
            }
        }
        public init() {}
        public static var example: (request: Identity, reply: Reply) {
            (
                Identity(),
                Reply(pubkey: exampleKey, npub: "npub1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursw")
            )
        }
    }

    /// Signs this node's half of a mutual authentication (NIP-42 shape, bound to both ends).
    public struct SignPeerAuth: Request {
        public static let spec = MethodSpec(
            "ledger.sign_peer_auth", idempotent: true, "Signs this node's half of a mutual authentication.")
        public typealias Reply = SignedEvent
        /// The other side's challenge: 64 hexadecimal characters.
        public var challenge: String
        /// The other side's key.
        public var peer: PublicKey
        /// The endpoint that was dialled, as `ws://host:port/peer`.
        public var endpoint: String
        /// Whether this node is the one that dialled.
        public var dialer: Bool
        public init(challenge: String, peer: PublicKey, endpoint: String, dialer: Bool) {
            self.challenge = challenge
            self.peer = peer
            self.endpoint = endpoint
            self.dialer = dialer
        }
        public static var example: (request: SignPeerAuth, reply: SignedEvent) {
            (
                SignPeerAuth(
                    challenge: Digest(hashing: "").hex, peer: exampleKey,
                    endpoint: "ws://127.0.0.3:9103/peer", dialer: true),
                exampleEvent
            )
        }
    }

    /// Signs this node's card.
    public struct SignCard: Request {
        public static let spec = MethodSpec("ledger.sign_card", "Signs this node's provider card.")
        public typealias Reply = SignedEvent
        public var card: ProviderCard
        public init(card: ProviderCard) { self.card = card }
        public static var example: (request: SignCard, reply: SignedEvent) {
            (
                SignCard(
                    card: ProviderCard(
                        provider: exampleKey, endpoint: "ws://127.0.0.3:9103/peer", models: [], device: "cpu",
                        memoryMiB: 1024, slots: 1, load: 0, createdAt: 1_790_000_000, expiresAt: 1_790_001_200
                    )),
                exampleEvent
            )
        }
    }

    /// Signs all that this node says of itself.
    public struct SignDescriptor: Request {
        public static let spec = MethodSpec("ledger.sign_descriptor", "Signs this node's descriptor.")
        public typealias Reply = SignedEvent
        public var descriptor: ProviderDescriptor
        public init(descriptor: ProviderDescriptor) { self.descriptor = descriptor }
        public static var example: (request: SignDescriptor, reply: SignedEvent) {
            (
                SignDescriptor(
                    descriptor: ProviderDescriptor(
                        provider: exampleKey, endpoints: ["ws://127.0.0.3:9103/peer"],
                        statusAddresses: ["127.0.0.3:9203"],
                        devices: [.init(kind: "cpu", name: "AMD EPYC", memoryMiB: 24_000, driver: nil)],
                        slots: 2,
                        models: [
                            .init(
                                name: "smollm2-135m-instruct", root: exampleBody.modelRoot,
                                sha256: Digest(hashing: ""), size: 98_300_000, format: "gguf", context: 2048,
                                details: ["architecture": "llama"], price: UnitPrice(prompt: 1, completion: 2)
                            )
                        ], image: exampleBody.image, payTo: nil, createdAt: 1_790_000_000)),
                exampleEvent
            )
        }
    }

    /// Signs this node's status as a provider, over the challenge of the one who asks.
    public struct SignStatus: Request {
        public static let spec = MethodSpec(
            "ledger.sign_status", "Signs this node's status over the challenge of the one who asks.")
        public typealias Reply = SignedEvent
        public var status: ProviderStatus
        public init(status: ProviderStatus) { self.status = status }
        public static var example: (request: SignStatus, reply: SignedEvent) {
            (
                SignStatus(
                    status: ProviderStatus(
                        provider: exampleKey, challenge: "0123456789abcdef", accepts: true, slots: 4, busy: 1,
                        queued: 0, loaded: ["0123456789abcdef"], createdAt: 1_790_000_000)),
                exampleEvent
            )
        }
    }

    /// Signs a receipt for work that this node did.
    public struct SignReceipt: Request {
        public static let spec = MethodSpec("ledger.sign_receipt", "Signs a receipt for work this node did.")
        public typealias Reply = SignedEvent
        public var body: ReceiptBody
        public init(body: ReceiptBody) { self.body = body }
        public static var example: (request: SignReceipt, reply: SignedEvent) {
            (SignReceipt(body: exampleBody), exampleEvent)
        }
    }

    static var exampleBody: ReceiptBody {
        var random = SystemRandomNumberGenerator()
        let job = JobID("job_0199d0c2a4b50000000000000000beef") ?? JobID(milliseconds: 0, random: &random)
        let zero = Digest(hashing: "")
        return ReceiptBody(
            job: job, provider: exampleKey, client: exampleKey, model: "smollm2-135m-instruct",
            modelRoot: zero,
            image: "sha256:" + zero.hex, requestHash: zero, resultHash: zero,
            usage: Usage(promptTokens: 30, completionTokens: 12), timings: StageTimings(), finish: .stop,
            unitPrice: UnitPrice(prompt: 1, completion: 2), price: 54, finishedAt: 1_790_000_000)
    }

    /// Signs the acceptance of a receipt made out to this node, and books what it costs. Happens once per job.
    public struct AcceptReceipt: Request {
        public static let spec = MethodSpec(
            "ledger.accept_receipt", deadlineMs: 5_000,
            "Signs the acceptance of a receipt and books the expense.")
        public struct Reply: WireValue, Hashable {
            public var acceptance: SignedEvent
            /// Whether the same receipt had been accepted before.
            public var repeated: Bool
            /// What brings the provider the preimage of a payment that is held, where the job was under one (kind 7868).
            public var reveal: SignedEvent?
            public init(acceptance: SignedEvent, repeated: Bool, reveal: SignedEvent? = nil) {
                self.reveal = reveal
                self.acceptance = acceptance
                self.repeated = repeated
            }
        }
        public var receipt: SignedEvent
        public init(receipt: SignedEvent) { self.receipt = receipt }
        public static var example: (request: AcceptReceipt, reply: Reply) {
            (AcceptReceipt(receipt: exampleEvent), Reply(acceptance: exampleEvent, repeated: false))
        }
    }

    /// Books what this node earned, on a client's signed acceptance of its receipt. Happens once per job.
    public struct RecordAcceptance: Request {
        public static let spec = MethodSpec(
            "ledger.record_acceptance", deadlineMs: 5_000, "Books an earning on a client's signed acceptance."
        )
        public struct Reply: WireValue, Hashable {
            public var repeated: Bool
            public init(repeated: Bool) { self.repeated = repeated }
        }
        public var bundle: ReceiptBundle
        public init(bundle: ReceiptBundle) { self.bundle = bundle }
        public static var example: (request: RecordAcceptance, reply: Reply) {
            (
                RecordAcceptance(bundle: ReceiptBundle(receipt: exampleEvent, acceptance: exampleEvent)),
                Reply(repeated: false)
            )
        }
    }

    /// Encrypts a job's content key to a provider (NIP-44 v2).
    public struct WrapKey: Request {
        public static let spec = MethodSpec("ledger.wrap_key", "Encrypts a job's content key to a provider.")
        public struct Reply: WireValue, Hashable {
            public var wrapped: String
            enum CodingKeys: String, CodingKey { case wrapped }
            public init(wrapped: String) { self.wrapped = wrapped }
        }
        public var job: JobID
        public var recipient: PublicKey
        /// 64 hexadecimal characters.
        public var contentKey: String
        enum CodingKeys: String, CodingKey {
            case job, recipient
            case contentKey = "content_key"
        }
        public init(job: JobID, recipient: PublicKey, contentKey: String) {
            self.job = job
            self.recipient = recipient
            self.contentKey = contentKey
        }
        public static var example: (request: WrapKey, reply: Reply) {
            (
                WrapKey(job: exampleBody.job, recipient: exampleKey, contentKey: Digest(hashing: "").hex),
                Reply(wrapped: "AgAAAA==")
            )
        }
    }

    /// Decrypts the content key of a job that a client sent to this node.
    public struct UnwrapKey: Request {
        public static let spec = MethodSpec(
            "ledger.unwrap_key", "Decrypts the content key of a job sent to this node.")
        public struct Reply: WireValue, Hashable {
            /// 64 hexadecimal characters.
            public var contentKey: String
            enum CodingKeys: String, CodingKey { case contentKey = "content_key" }
            public init(contentKey: String) { self.contentKey = contentKey }
        }
        public var job: JobID
        public var sender: PublicKey
        public var wrapped: String
        public init(job: JobID, sender: PublicKey, wrapped: String) {
            self.job = job
            self.sender = sender
            self.wrapped = wrapped
        }
        public static var example: (request: UnwrapKey, reply: Reply) {
            (
                UnwrapKey(job: exampleBody.job, sender: exampleKey, wrapped: "AgAAAA=="),
                Reply(contentKey: Digest(hashing: "").hex)
            )
        }
    }

    /// What this node owns, earned and spent.
    public struct Balance: Request {
        public static let spec = MethodSpec("ledger.balance", "What this node earned and spent.")

        /// What receipts moved in one asset, in its smallest unit.
        public struct Total: WireValue, Hashable {
            public var asset: Asset
            public var earned: Int64
            public var spent: Int64
            public init(asset: Asset, earned: Int64, spent: Int64) {
                self.asset = asset
                self.earned = earned
                self.spent = spent
            }
        }

        public struct Reply: WireValue, Hashable {
            /// Test credits first, then the assets in which anything was earned or spent, by name.
            public var totals: [Total]
            /// How many transfers the chain holds, and its head.
            public var transfers: Int64
            public var chainHead: String
            enum CodingKeys: String, CodingKey {
                case totals, transfers
                case chainHead = "chain_head"
            }
            public init(totals: [Total], transfers: Int64, chainHead: String) {
                self.totals = totals
                self.transfers = transfers
                self.chainHead = chainHead
            }
        }
        public init() {}
        public static var example: (request: Balance, reply: Reply) {
            (
                Balance(),
                Reply(
                    totals: [Total(asset: .testCredit, earned: 54, spent: 0)], transfers: 1,
                    chainHead: Digest(hashing: "").hex)
            )
        }
    }

    /// Transfers: the last ones, newest first; or those that follow a place in the chain, oldest first.
    public struct History: Request {
        public static let spec = MethodSpec(
            "ledger.history", "The last transfers, newest first, or those after a place, oldest first.")
        public struct Transfer: WireValue, Hashable {
            public var sequence: Int64
            /// Unix milliseconds.
            public var at: Int64
            public var operation: String
            public var job: JobID?
            public var debit: String
            public var credit: String
            public var asset: Asset
            public var amount: Int64
            public init(
                sequence: Int64, at: Int64, operation: String, job: JobID?, debit: String, credit: String,
                asset: Asset,
                amount: Int64
            ) {
                self.sequence = sequence
                self.at = at
                self.operation = operation
                self.job = job
                self.debit = debit
                self.credit = credit
                self.asset = asset
                self.amount = amount
            }
        }
        public struct Reply: WireValue, Hashable {
            public var transfers: [Transfer]
            public init(transfers: [Transfer]) { self.transfers = transfers }
        }
        /// 1 to 1,000.
        public var limit: Int
        /// Absent for the last transfers; else the transfers whose sequence is greater, oldest first.
        public var after: Int64?
        public init(limit: Int = 50, after: Int64? = nil) {
            self.limit = limit
            self.after = after
        }
        public static var example: (request: History, reply: Reply) {
            (
                History(),
                Reply(transfers: [
                    Transfer(
                        sequence: 1, at: 1_790_000_000_000, operation: "earn", job: exampleBody.job,
                        debit: "clients",
                        credit: "earned", asset: .testCredit, amount: 54)
                ])
            )
        }
    }
}

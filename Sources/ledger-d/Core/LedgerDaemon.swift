// The composition root of ledger-d: key, policy, ledger, and the methods that its siblings may call.
// It must never answer a request that policy has not passed, nor speak to any network.
//
// Security: the only process with the node's key. It has no network, believes nothing that is unsigned, and
// signs only bytes that it built itself from a typed intent. What it acknowledges is on disk.

public import DaemonKit
import EVM
import FoundationEssentials
import Glibc
public import IPC
public import Interfaces
import Logging
import NIOConcurrencyHelpers
public import NodeConfig
import NodeModel
import NodeSystem
import Nostr
public import Wire

/// ledger-d.
public struct LedgerDaemon: Daemon {
    public typealias Config = LedgerSection
    public static let role = Role.ledger
    /// Below this many free bytes the node is told before SQLite fails.
    static let headroom: UInt64 = 64 * 1024 * 1024

    let key: SecretKey
    let policy: SigningPolicy
    let limit: SpendingLimit
    let channels: ChannelsSection
    let credit: CreditSection
    /// Where this node may buy, and the way there.
    let shops: [ShopSection]
    let shopper: any ShopCarrier
    let table: SigningTable
    let ledger: Ledger
    let wrapping: KeyWrapping
    let metrics: MetricsRegistry
    /// One for each chain of the configuration.
    let rails: [EVMRail]
    /// The account on Lightning, when there is one.
    let lightning: LightningRail?
    /// Rung when a payment was asked for.
    let bell = Bell()
    let lightningBell = Bell()
    let keyFile: NodeKeyFile
    let stateDirectory: String
    /// Set when another key takes over at the next start.
    let isLeaving = NIOLockedValueBox(false)
    /// Draws preimages: 32 bytes that nobody can guess.
    let drawPreimage: @Sendable () -> [UInt8]
    /// Unix milliseconds.
    let clock: @Sendable () -> Int64

    public init(_ environment: DaemonEnvironment<LedgerSection>) async throws {
        try self.init(environment, clock: { Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)) })
    }

    /// - Parameters:
    ///   - chains: the way to chains; ws-d when nil.
    ///   - keyed: the way to the Lightning backend; ws-d when nil.
    init(
        _ environment: DaemonEnvironment<LedgerSection>, chains: (any Carrier)? = nil,
        shopper: (any ShopCarrier)? = nil, keyed: (any KeyedCarrier & RelayCarrier)? = nil,
        drawPreimage: @escaping @Sendable () -> [UInt8] = { LedgerDaemon.randomBytes() },
        clock: @escaping @Sendable () -> Int64
    ) throws {
        stateDirectory = environment.stateDirectory
        metrics = environment.metrics
        self.clock = clock
        self.drawPreimage = drawPreimage
        limit = SpendingLimit(
            perJob: environment.config.maxPerJob, perDay: environment.config.maxPerDay,
            perPeer: environment.config.maxPerPeer)
        table = SigningTable(limit)
        let path = stateDirectory + "/" + Ledger.fileName
        keyFile = NodeKeyFile(
            stateDirectory: stateDirectory, credentialsDirectory: environment.credentialsDirectory)
        try keyFile.adoptStaged(ledger: path)
        try keyFile.adoptSuccessor { try Ledger.owner(ofLedgerAt: path) }
        let (key, created) = try keyFile.load(mayCreate: access(path, F_OK) != 0)
        self.key = key
        ledger = try Ledger(path: path, key: key)
        wrapping = KeyWrapping(key: key)
        let carrier = LinkCarrier(link: environment.link(to: .ws))
        let chains = chains ?? carrier
        self.shopper = shopper ?? carrier
        shops = environment.config.shops
        guard let signer = PaymentSigner(key.derived(.evm(0))) else {
            throw StartFailure(.config, "No account can be derived from the node's key.")
        }
        let ledger = ledger
        let facilitator =
            environment.config.facilitator.isEmpty
            ? nil : Facilitator(endpoint: environment.config.facilitator, carrier: chains)
        do {
            rails = try environment.config.chains.map { section in
                EVMRail(
                    try EVMChain(section), signer: signer, ledger: ledger, carrier: chains,
                    log: environment.log,
                    rule: ClaimRule(
                        amount: environment.config.channels.claimAt,
                        after: environment.config.channels.claimAfterSeconds), facilitator: facilitator,
                    clock: clock)
            }
            lightning = try .configured(
                environment.config.lightning,
                key: AccountKey(
                    stateDirectory: stateDirectory, credentialsDirectory: environment.credentialsDirectory),
                carrier: keyed ?? carrier, group: environment.group,
                holdSeconds: environment.config.credit.holdSeconds, ledger: ledger, log: environment.log,
                clock: clock
            )
        } catch let error as WireError {
            throw StartFailure(.config, error.message, fix: "See ledger in infernet.yaml.")
        }
        channels = environment.config.channels
        credit = environment.config.credit
        policy = SigningPolicy(
            node: key.publicKey, former: try ledger.formerOwners(),
            assets: Set(
                rails.flatMap { $0.chain.tokens.map(\.asset) } + [lightning?.account.asset].compactMap { $0 }),
            payTo: PayTo(
                address: signer.address.checksummed,
                withdrawDelay: environment.config.channels.withdrawDelaySeconds))
        environment.log.notice(
            created ? "node key made" : "node key loaded", metadata: ["npub": "\(key.publicKey.npub)"])
    }

    public func routes(_ router: inout Router) {
        bind(LedgerInterface.Identity.self, &router) { daemon, _ in
            LedgerInterface.Identity.Reply(pubkey: daemon.key.publicKey, npub: daemon.key.publicKey.npub)
        }
        bind(LedgerInterface.SignPeerAuth.self, &router) { daemon, request in
            try daemon.key.sign(
                try daemon.policy.peerAuthentication(
                    challenge: request.challenge, peer: request.peer, endpoint: request.endpoint,
                    dialer: request.dialer, now: daemon.now))
        }
        bind(LedgerInterface.SignRelayAuth.self, &router) { try await $0.authenticate($1) }
        bind(LedgerInterface.SignCard.self, &router) { daemon, request in
            try daemon.key.sign(try daemon.policy.card(request.card, now: daemon.now))
        }
        bind(LedgerInterface.SignDescriptor.self, &router) { daemon, request in
            try daemon.key.sign(try daemon.policy.descriptor(request.descriptor, now: daemon.now))
        }
        bind(LedgerInterface.SignStatus.self, &router) { daemon, request in
            try daemon.key.sign(try daemon.policy.status(request.status, now: daemon.now))
        }
        bind(LedgerInterface.SignReceipt.self, &router) { try await $0.signReceipt($1.body) }
        bind(LedgerInterface.SignCounterfoil.self, &router) { try $0.signCounterfoil($1.receipt) }
        bind(LedgerInterface.SignEvidence.self, &router) { try await $0.signEvidence($1) }
        bind(LedgerInterface.AcceptReceipt.self, &router) { try await $0.accept($1.receipt) }
        bind(LedgerInterface.RecordAcceptance.self, &router) { try await $0.record($1.bundle) }
        bind(LedgerInterface.BookOwn.self, &router) { try await $0.bookOwn($1.body) }
        bind(LedgerInterface.FindOwn.self, &router) { try await $0.findOwn($1.jobs) }
        bind(LedgerInterface.WrapKey.self, &router) { daemon, request in
            LedgerInterface.WrapKey.Reply(
                wrapped: try daemon.wrapping.wrap(
                    request.contentKey, job: request.job, recipient: request.recipient))
        }
        bind(LedgerInterface.TakeJob.self, &router) { daemon, request in
            try await daemon.take(
                TakenJob(
                    job: request.job, client: request.client, modelRoot: request.modelRoot,
                    unitPrice: request.unitPrice, maxTokens: request.maxTokens), payment: request.payment,
                ceiling: request.ceiling, process: request.process, quoted: request.quoted)
        }
        bind(LedgerInterface.UnwrapKey.self, &router) { try await $0.unwrap($1) }
        bind(LedgerInterface.Balance.self, &router) { daemon, _ in try await daemon.ledger.balance() }
        bind(LedgerInterface.History.self, &router) { daemon, request in
            LedgerInterface.History.Reply(
                transfers: try await daemon.ledger.history(limit: request.limit, after: request.after))
        }
        bind(LedgerInterface.Earnings.self, &router) { try await $0.earnings($1) }
        bind(LedgerInterface.Sales.self, &router) { try await $0.sales(limit: $1.limit) }
        bind(LedgerInterface.Policy.self, &router) { daemon, _ in
            LedgerInterface.Policy.Reply(rows: daemon.table.shown, ceilings: daemon.ceilings)
        }
        bind(LedgerInterface.Audit.self, &router) { daemon, _ in try await daemon.audit() }
        bind(LedgerInterface.Backup.self, &router) { try await $0.backUp($1.passphrase) }
        bind(LedgerInterface.Restore.self, &router) { try await $0.restore($1.ncryptsec, $1.passphrase) }
        bind(LedgerInterface.RotateKey.self, &router) { daemon, _ in try await daemon.rotateKey() }
        bind(LedgerInterface.Pay.self, &router) { try await $0.pay($1) }
        bind(LedgerInterface.Buy.self, &router) { try await $0.buy($1) }
        bind(LedgerInterface.Payments.self, &router) { try await $0.payments(limit: $1.limit) }
        bind(LedgerInterface.PayInvoice.self, &router) { try await $0.payInvoice($1) }
        bind(LedgerInterface.MakeInvoice.self, &router) { try await $0.makeInvoice($1) }
        bind(LedgerInterface.PayTerms.self, &router) { try $0.payTerms($1.asset) }
        bind(LedgerInterface.SignQuote.self, &router) { try $0.signQuote($1) }
        bind(LedgerInterface.PromisePrice.self, &router) { try await $0.promise($1) }
        bind(LedgerInterface.TopUp.self, &router) { try await $0.topUp($1) }
        bind(LedgerInterface.TakeTopUp.self, &router) { try await $0.takeTopUp($1) }
        bind(LedgerInterface.ReleasePrice.self, &router) { try await $0.release($1) }
        bind(LedgerInterface.OpenChannel.self, &router) { try await $0.openChannel($1) }
        bind(LedgerInterface.Reconcile.self, &router) { try await $0.reconcile($1) }
        bind(LedgerInterface.LeaveChannel.self, &router) { try await $0.leaveChannel($1.channel) }
        bind(LedgerInterface.AskRefund.self, &router) { try await $0.askRefund($1.channel) }
        bind(LedgerInterface.GiveRefund.self, &router) { try await $0.giveRefund($1) }
        bind(LedgerInterface.TakeSale.self, &router) { try await $0.takeSale($1) }
        bind(LedgerInterface.SettleSale.self, &router) { try await $0.settleSale($1.job) }
        bind(LedgerInterface.EndSale.self, &router) { try await $0.endSale($1) }
        bind(LedgerInterface.Resume.self, &router) { daemon, request in
            LedgerInterface.Resume.Reply(
                ended: try await daemon.ledger.resume(
                    process: request.process, keep: Set(request.keep), at: daemon.clock()))
        }
        bind(LedgerInterface.AskCredit.self, &router) { try await $0.askCredit($1) }
        bind(LedgerInterface.PayCredit.self, &router) { try await $0.payCredit($1) }
        bind(LedgerInterface.WithdrawCredit.self, &router) { try await $0.withdrawCredit($1) }
        bind(LedgerInterface.ServeCredit.self, &router) { try await $0.serveCredit($1.request) }
        bind(LedgerInterface.Credits.self, &router) { daemon, _ in try await daemon.shownCredits() }
        bind(LedgerInterface.Channels.self, &router) { daemon, _ in try await daemon.shownChannels() }
        bind(LedgerInterface.Invoices.self, &router) { try await $0.invoices(limit: $1.limit) }
        bind(LedgerInterface.Accounts.self, &router) { daemon, _ in try await daemon.accounts() }
        bind(LedgerInterface.Successions.self, &router) { daemon, _ in
            LedgerInterface.Successions.Reply(events: try await daemon.ledger.successions())
        }
    }

    public func checks() async -> [ControlInterface.Check] {
        [checkKey(), await checkLedger(), checkDisk()] + (await checkRails())
    }

    public func rest() async { await ledger.rest() }

    /// Binds one intent, and counts its answers and refusals.
    private func bind<R: Request>(
        _ type: R.Type, _ router: inout Router,
        _ handler: @escaping @Sendable (LedgerDaemon, R) async throws -> R.Reply
    ) {
        let daemon = self
        let intent = String(R.spec.name.dropFirst("ledger.".count))
        router.on(type) { request, context in
            do {
                try daemon.table.check(R.spec.name, by: context.caller)
                let reply = try await handler(daemon, request)
                daemon.metrics.count(
                    "infernet_ledger_intents_total", labels: ["intent", intent],
                    help: "Intents that were carried out.")
                // A job's story has a line from here; reads that belong to no job have none.
                if context.trace != nil {
                    context.log.info("intent carried out", metadata: ["intent": "\(intent)"])
                }
                return reply
            } catch {
                let wire = WireError.wrapping(error)
                daemon.metrics.count(
                    "infernet_ledger_refusals_total",
                    labels: ["intent", intent, "reason", wire.code.rawValue],
                    help: "Intents that were refused.")
                // A caller that went away is no refusal worth a person's look.
                context.log.log(
                    level: wire.code == .cancelled ? .info : .warning, "intent refused",
                    metadata: [
                        "intent": "\(intent)", "caller": "\(context.caller)", "reason": "\(wire.message)",
                    ])
                throw wire
            }
        }
    }

    /// Unix seconds.
    var now: Int64 { clock() / 1000 }
}

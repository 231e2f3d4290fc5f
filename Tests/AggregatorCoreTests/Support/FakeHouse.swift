// One node's other daemons as scripts behind real sockets, and a real aggregator-d among them.
// It must never be lenient: the signatures are real, so that what aggregator-d accepts is right.

import DaemonKit
import FoundationEssentials
import IPC
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import Nostr
import Synchronization
import TestKit
import Wire

@testable import AggregatorCore

/// What the fakes do, and what they saw.
struct HouseScript: Sendable {
    var entries: [ContentInterface.Entry] = [PlannerTests.entry]
    var inventory = PlannerTests.inventory()
    var engine = EngineScript()
    var cards: [SignedEvent] = []
    /// What each provider, by endpoint, does with a job.
    var providers: [String: ProviderScript] = [:]
    var deliveryError: WireError?
    var acceptError: WireError?
    /// Own jobs that are booked, what is asked of them, and what refuses that.
    var booked: [JobID: ReceiptBundle] = [:]
    var foundOwn: [[JobID]] = []
    var findOwnError: WireError?
    /// Jobs that were written down before they ran, and what refuses the next.
    var taken: Set<JobID> = []
    var takeError: WireError?
    /// What was promised for jobs, and taken back; and what refuses the next promise.
    var promises: [LedgerInterface.PromisePrice] = []
    /// Providers that were asked for a price, and prices that this node was asked for.
    var asked: [WSInterface.Quote] = []
    var quoted: [LedgerInterface.SignQuote] = []
    var takes: [LedgerInterface.TakeJob] = []
    var releases: [LedgerInterface.ReleasePrice] = []
    /// What refuses a promise's end first, the last one first.
    var releaseErrors: [WireError] = []
    var promiseError: WireError?
    /// What was covered of jobs while they ran, what refuses it first, the last one first, and what engines were allowed.
    var topUps: [LedgerInterface.TopUp] = []
    var topUpErrors: [WireError] = []
    var takenTopUps: [LedgerInterface.TakeTopUp] = []
    var takeTopUpErrors: [WireError] = []
    var allowed: [JobID: Int] = [:]
    /// Requests about credit that came to the ledger.
    var creditRequests: [SignedEvent] = []

    var runs: [ExecInterface.Run] = []
    var dialled: [String] = []
    var sealed: [PeerInterface.RunJob] = []
    var delivered: [ReceiptBundle] = []
    /// Channels that were to be asked back, and what was asked of this node.
    var askedBack: [String] = []
    var refunds: [LedgerInterface.GiveRefund] = []
    var recorded: [ReceiptBundle] = []
    var acceptedReceipts: [String] = []
    var announced: [SignedEvent] = []
    var withdrawals = 0
    var traces: Set<String> = []
    var finds = 0
    /// Evidence that was given, and what is said of each provider.
    var testified: [SignedEvent] = []
    var testimony: [PublicKey: [SignedEvent]] = [:]
    /// Answers that the engine was asked to read, and what it makes of them.
    var scored: [ExecInterface.Score] = []
    var reader = ReaderScript()
}

/// What the engine makes of an answer that it reads.
struct ReaderScript: Sendable {
    var image = "sha256:" + PlannerTests.root.hex
    var gaps: [Double] = [Double](repeating: 0, count: 24) + [0.5]
    /// What it fails with first, the last one first.
    var errors: [WireError] = []
    var pauseMs = 0
}

/// What the engine does with a job.
struct EngineScript: Sendable {
    var pieces = ["Hello", ",", " world"]
    /// Fails before the piece of this number.
    var failAt: Int?
    var error = WireError(.engineUnavailable, "the engine died")
    /// Waits for ever before the piece of this number.
    var hangAt: Int?
    var pauseMs = 0
    /// How often it looks whether it may go on, where a job is paid piece by piece.
    var patience = 2_500
    var tamper: @Sendable (inout ExecInterface.Run.Reply) -> Void = { _ in }
}

/// A house: fakes, and the daemon under test.
final class FakeHouse: Sendable {
    let key: SecretKey
    let directory: TemporaryDirectory
    let script: Mutex<HouseScript>
    private let servers: Mutex<[LoopbackServer]> = Mutex([])
    private let running:
        Mutex<(daemon: AggregatorDaemon, server: LoopbackServer, work: Task<Void, any Error>)?> = Mutex(
            nil)
    /// Where `ws.run_job` goes when no script stands for the endpoint.
    let network: Mutex<[String: FakeHouse]> = Mutex([:])

    init(key: SecretKey = .generate(), _ script: HouseScript = HouseScript()) async throws {
        self.key = key
        directory = try TemporaryDirectory()
        self.script = Mutex(script)
        _ = try directory.directory("s")
        let servers = [
            try await server(.ledger) { FakeLedger(house: self).routes(&$0) },
            try await server(.content) { router in
                router.on(ContentInterface.List.self) { _, _ in
                    ContentInterface.List.Reply(
                        entries: self.script.withLock { $0.entries }, usedBytes: 1, freeBytes: 1)
                }
            },
            try await server(.exec) { FakeEngine(house: self).routes(&$0) },
            try await server(.dht) { self.routeDHT(&$0) },
            try await server(.ws) { FakeWire(house: self).routes(&$0) },
        ]
        self.servers.withLock { $0 = servers }
    }

    func server(_ role: Role, _ routes: (inout Router) -> Void) async throws -> LoopbackServer {
        try await LoopbackServer(role, runDirectory: directory.path, routes: routes)
    }

    /// Starts aggregator-d, as often as a test wants to.
    func start(clock: WallClock = .system, _ change: (inout AggregatorConfig) -> Void = { _ in }) async throws
    {
        var config = AggregatorConfig(advertise: "", context: 1024)
        config.aggregator.provide = true
        change(&config)
        var node = NodeSection()
        node.runDirectory = directory.path
        let environment = DaemonEnvironment(
            role: .aggregator, config: config, node: node,
            log: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() },
            group: MultiThreadedEventLoopGroup.singleton, sockets: [:],
            stateDirectory: directory.appending("s"),
            runtimeDirectory: directory.path, metrics: MetricsRegistry())
        let daemon = try await AggregatorDaemon(environment, clock: clock)
        let server = try await server(.aggregator) { daemon.routes(&$0) }
        let work = Task { try await daemon.run() }
        running.withLock { $0 = (daemon, server, work) }
    }

    /// Ends aggregator-d without letting it finish anything.
    func kill() async {
        let was = running.withLock { running in
            defer { running = nil }
            return running
        }
        was?.work.cancel()
        await was?.server.close()
        await was?.daemon.house.journal.close()
    }

    func stop() async {
        await kill()
        for server in servers.withLock({ $0 }) { await server.close() }
    }

    var daemon: AggregatorDaemon? { running.withLock { $0?.daemon } }

    func link(as caller: Role) throws -> PeerLink {
        guard let server = running.withLock({ $0?.server }) else {
            throw WireError(.unavailable, "not started")
        }
        return server.link(as: caller)
    }

    /// A signed card of this node.
    func card(
        endpoint: String, price: UnitPrice = UnitPrice(prompt: 1, completion: 2), status: String? = nil,
        payTo: PayTo? = nil
    ) throws -> SignedEvent {
        let now = WallClock.system.seconds
        return try key.sign(
            ProviderCard(
                provider: key.publicKey, endpoint: endpoint,
                models: [ModelOffer(name: "tiny", root: PlannerTests.root, context: 1024, price: price)],
                device: "cpu",
                memoryMiB: 100, slots: 2, load: 0, createdAt: now, expiresAt: now + 1200,
                statusAddress: status, payTo: payTo
            ).template)
    }

    private func routeDHT(_ router: inout Router) {
        router.on(DHTInterface.Find.self) { _, _ in
            self.script.withLock {
                $0.finds += 1
                return DHTInterface.Find.Reply(cards: $0.cards, asked: 1, leftOut: [])
            }
        }
        router.on(DHTInterface.Probe.self) { request, _ in
            var answers: [DHTInterface.Probe.Answer] = []
            for target in request.targets {
                let house = self.network.withLock { network in
                    network.values.first { $0.key.publicKey == target.provider }
                }
                let status = try await house?.link(as: .dht).call(
                    AggregatorInterface.Status(challenge: "0123456789abcdef"))
                answers.append(
                    DHTInterface.Probe.Answer(
                        provider: target.provider, status: status, milliseconds: 1,
                        problem: status == nil ? "no answer" : nil))
            }
            return DHTInterface.Probe.Reply(answers: answers)
        }
        router.on(DHTInterface.Testify.self) { request, _ in
            self.script.withLock { $0.testified.append(request.evidence) }
            return DHTInterface.Testify.Reply(holders: 8, refusals: [])
        }
        router.on(DHTInterface.Testimony.self) { request, _ in
            self.script.withLock {
                DHTInterface.Testimony.Reply(evidence: $0.testimony[request.provider] ?? [], holders: 8)
            }
        }
        router.on(DHTInterface.Announce.self) { request, _ in
            self.script.withLock { $0.announced.append(request.card) }
            return DHTInterface.Announce.Reply(stored: 2, topics: ["n/tiny"], refusals: [])
        }
        router.on(DHTInterface.Withdraw.self) { _, _ in
            self.script.withLock { $0.withdrawals += 1 }
            return Done()
        }
    }
}

/// What a submitted job gave.
struct Submitted: Sendable {
    var events: [AggregatorInterface.Submit.Event] = []
    var text: String { events.filter { $0.stage == .token }.map(\.text).joined() }
    var job: JobID? { events.first { $0.stage == .accepted }.flatMap { JobID($0.text) } }
}

/// A box for it that tasks can share.
final class Seen: Sendable {
    private let box = Mutex(Submitted())
    func withLock<T: Sendable>(_ body: (inout Submitted) throws -> T) rethrows -> T {
        try box.withLock { try body(&$0) }
    }
}

extension FakeHouse {
    static func request(_ model: String = "tiny", maxTokens: Int? = 64) -> InferenceRequest {
        InferenceRequest(
            model: model, messages: [ChatMessage(role: "user", content: "Say hello to the world.")],
            sampling: Sampling(maxTokens: maxTokens))
    }

    /// Asks as ws-d would.
    func submit(
        _ request: InferenceRequest = request(), provider: PublicKey? = nil, seen: Seen
    ) async throws -> AggregatorInterface.Submit.Reply {
        try await link(as: .ws).stream(AggregatorInterface.Submit(request: request, provider: provider)) {
            event in
            seen.withLock { $0.events.append(event) }
        }
    }

    /// Asks for what must fail, and gives the error.
    func refused(_ request: InferenceRequest = request(), seen: Seen) async -> WireError? {
        do {
            _ = try await submit(request, seen: seen)
            return nil
        } catch { return error as? WireError }
    }

    func job(_ id: JobID) async throws -> AggregatorInterface.Job.Reply {
        try await link(as: .ctl).call(AggregatorInterface.Job(job: id))
    }

    /// Waits until something is so, at most five seconds.
    func eventually(_ condition: @Sendable (HouseScript) -> Bool) async throws -> Bool {
        for _ in 0..<500 {
            if script.withLock({ condition($0) }) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }
}

// What all handlers of this daemon share: links, journal, memory of providers, places for jobs.
// It must never hold anything of one job.

import DaemonKit
import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import NodeModel
import Synchronization
import Wire

/// The lines to the other daemons.
struct Links: Sendable {
    let ledger: PeerLink
    let content: PeerLink
    let exec: PeerLink
    let dht: PeerLink
    let ws: PeerLink
}

/// The shared parts of the daemon.
final class Workplace: Sendable {
    let config: AggregatorConfig
    let links: Links
    let journal: JobJournal
    let metrics: AggregatorMetrics
    let clock: WallClock
    let loop: any EventLoop
    let log: Logger
    let surroundings: Surroundings
    let ownGate: Gate
    let servedGate: Gate
    let outbox: Outbox
    /// By what ledger-d tells this process's jobs from those of one that died: no clock has a part in it.
    let process: Digest
    private let book: Mutex<CardBook>
    private let searches = Mutex(Searches())
    private let loadWords = Mutex(LoadWords())
    private let experience: Mutex<ExperienceBook>
    private let hearsay: Mutex<Hearsay>
    private let rates: Mutex<VerificationBook>
    /// Set once, when the daemon is put together.
    private let listener = Mutex<Witness?>(nil)
    private let checker = Mutex<Verifier?>(nil)
    private let serving = Mutex<Set<JobID>>([])
    private let served = Mutex<[JobID: ServedJob]>([:])
    private let quotes = Mutex(QuoteAllowance())
    private let sold = Mutex<[JobID: Usage]>([:])
    private let drivers = Mutex<[ObjectIdentifier: JobDriver]>([:])

    init(
        config: AggregatorConfig, links: Links, journal: JobJournal, metrics: AggregatorMetrics,
        clock: WallClock,
        loop: any EventLoop, log: Logger, experience: ExperienceBook = ExperienceBook(),
        rates: VerificationBook = VerificationBook()
    ) {
        process = Digest(hashing: (0..<32).map { _ in UInt8.random(in: .min ... .max) })
        self.config = config
        self.links = links
        self.journal = journal
        self.metrics = metrics
        self.clock = clock
        self.loop = loop
        self.log = log
        let section = config.aggregator
        prices = PriceList(section)
        surroundings = Surroundings(links: links)
        ownGate = Gate(places: section.maxConcurrent, line: section.maxConcurrent, what: "jobs")
        // Strangers do not wait here: their own node finds another provider faster.
        servedGate = Gate(places: section.serveConcurrent, line: 0, what: "other nodes' jobs")
        book = Mutex(CardBook(penalty: Int64(section.penaltySeconds)))
        self.experience = Mutex(experience)
        self.rates = Mutex(rates)
        hearsay = Mutex(Hearsay(validators: Set(section.validators.compactMap { PublicKey(hex: $0) })))
        outbox = Outbox(links: links, journal: journal, clock: clock, log: log)
    }

    /// What this node asks for one token.
    let prices: PriceList

    /// In what this node pays others, the first it likes best.
    var payment: [Asset] { config.aggregator.pay.map(Asset.init(rawValue:)) }

    /// How long each part of a job may take.
    var limits: JobLimits {
        let deadlines = config.aggregator.deadlines
        return JobLimits(
            planMs: deadlines.planMs, connectMs: deadlines.connectMs, firstPieceMs: deadlines.firstPieceMs,
            nextPieceMs: deadlines.nextPieceMs, settleMs: deadlines.verifyMs, totalMs: deadlines.totalMs,
            maximumAttempts: max(1, config.aggregator.maxAttempts))
    }

    /// Tokens of an answer when the request names no number.
    func maxTokens(_ request: InferenceRequest) -> Int {
        request.sampling.maxTokens ?? config.aggregator.maxTokens
    }

    func withBook<T>(_ body: (inout CardBook) -> T) -> T { book.withLock { body(&$0) } }

    func withSearches<T>(_ body: (inout Searches) -> T) -> T { searches.withLock { body(&$0) } }

    func withLoadWords<T>(_ body: (inout LoadWords) -> T) -> T { loadWords.withLock { body(&$0) } }

    func withExperience<T>(_ body: (inout ExperienceBook) -> T) -> T { experience.withLock { body(&$0) } }

    func withRates<T>(_ body: (inout VerificationBook) -> T) -> T { rates.withLock { body(&$0) } }

    func withHearsay<T>(_ body: (inout Hearsay) -> T) -> T { hearsay.withLock { body(&$0) } }

    /// The score of a provider by own jobs and others' words; nil when nothing is known of it.
    func score(_ provider: PublicKey, now: Int64) -> Double? {
        let others = withHearsay { $0[provider] }
        return withExperience { $0.score(provider, with: others, now: now) }
    }

    /// Works out anew whom to trust.
    func weigh(_ now: Int64) {
        let known = withExperience { $0.all(now: now) }
        withHearsay { $0.weigh(known, now: now) }
    }

    /// Who tells others of jobs.
    var witness: Witness? {
        get { listener.withLock { $0 } }
        set { listener.withLock { $0 = newValue } }
    }

    /// Who checks answers.
    var verifier: Verifier? {
        get { checker.withLock { $0 } }
        set { checker.withLock { $0 = newValue } }
    }

    /// A job that had gone well at another node turned out wrong; gives what is known of it now.
    func correct(_ provider: PublicKey) -> Experience {
        withExperience { $0.corrected(provider, now: clock.seconds) }
    }

    /// A job at another node has gone well, or failed there.
    func learn(_ provider: PublicKey, success: Bool) {
        let known = withExperience { $0.saw(provider, success: success, now: clock.seconds) }
        journal.append(.experienced(provider, known))
    }

    /// Takes one of a stranger's quotes.
    /// - Throws: `too_many_requests` when there is none.
    func allowQuote(_ client: PublicKey) throws {
        let now = Int64(NIODeadline.now().uptimeNanoseconds / 1_000_000)
        guard let wait = quotes.withLock({ $0.take(client, at: now) }) else { return }
        throw WireError(.tooManyRequests, "This node gives no more quotes now.", retryAfterMs: wait)
    }

    /// Marks a stranger's job as under way; false when it is already.
    func beginServing(_ job: JobID) -> Bool { serving.withLock { $0.insert(job).inserted } }
    func endServing(_ job: JobID) { serving.withLock { _ = $0.remove(job) } }

    /// Runs a stranger's job so that its vouchers find it.
    func serving<T: Sendable>(_ job: ServedJob, _ work: () async throws -> T) async rethrows -> T {
        served.withLock { $0[job.job.job] = job }
        defer { served.withLock { $0[job.job.job] = nil } }
        return try await work()
    }

    /// The job that a stranger's voucher is for.
    func served(_ job: JobID, for peer: PublicKey) -> ServedJob? {
        served.withLock { $0[job] }.flatMap { $0.peer == peer ? $0 : nil }
    }

    /// What an answer that strangers bought took, until it is known to have left: looked up at once, and lost without harm.
    func remember(_ usage: Usage?, ofSold job: JobID) {
        sold.withLock { sold in
            if sold.count >= 256 { sold.removeAll() }
            sold[job] = usage
        }
    }
    func usage(ofSold job: JobID) -> Usage? { sold.withLock { $0.removeValue(forKey: job) } }

    /// Runs a job so that it can be cancelled from here.
    func attending<T: Sendable>(_ driver: JobDriver, _ work: () async throws -> T) async rethrows -> T {
        drivers.withLock { $0[ObjectIdentifier(driver)] = driver }
        defer { drivers.withLock { $0[ObjectIdentifier(driver)] = nil } }
        return try await work()
    }

    /// Takes new jobs or refuses them, this node's people's and strangers'.
    ///
    /// - Parameter cancel: why what is under way is cancelled; nil leaves it alone.
    /// - Returns: how many jobs are inside.
    func admit(_ open: Bool, cancel: String?) -> Int {
        ownGate.shut(!open)
        servedGate.shut(!open)
        if let cancel {
            for driver in drivers.withLock({ Array($0.values) }) { driver.feed(.cancel(cancel)) }
        }
        return ownGate.active + ownGate.queued + servedGate.active
    }

    /// Refuses work when nothing can be written down.
    func requireJournal() async throws {
        if journal.failure != nil, let still = await journal.probe() { throw still }
    }
}

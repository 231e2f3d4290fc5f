// aggregator-d: plans jobs, has them run here or elsewhere, checks what comes back, and keeps the story of each.
// Security: it sees the prompts of this node's own people and of those who buy over HTTP, and of other nodes only ciphertext. It holds no key but a
// job's content key while that job runs. It must never believe a card, a piece or a receipt that it has not checked.

public import DaemonKit
public import IPC
public import Interfaces
import Logging
public import NodeConfig
public import Wire

/// The daemon.
public final class AggregatorDaemon: Daemon {
    public typealias Config = AggregatorConfig
    public static let role = Role.aggregator

    let house: Workplace
    private let keeper: CardKeeper
    private let resumption: Resumption
    private let witness: Witness
    private let verifier: Verifier

    public convenience init(_ environment: DaemonEnvironment<AggregatorConfig>) async throws {
        try await self.init(environment, clock: .system)
    }

    init(_ environment: DaemonEnvironment<AggregatorConfig>, clock: WallClock) async throws {
        let log = environment.log
        let journal = try JobJournal(
            path: "\(environment.stateDirectory)/jobs.sqlite",
            keep: environment.config.aggregator.journalJobs, log: log)
        let links = Links(
            ledger: environment.link(to: .ledger), content: environment.link(to: .content),
            exec: environment.link(to: .exec), dht: environment.link(to: .dht), ws: environment.link(to: .ws))
        house = Workplace(
            config: environment.config, links: links, journal: journal,
            metrics: AggregatorMetrics(registry: environment.metrics), clock: clock, loop: environment.loop,
            log: log, experience: ExperienceBook(try await journal.experiences()),
            rates: VerificationBook(try await journal.verifications()))
        keeper = CardKeeper(house: house)
        resumption = Resumption(keep: try await journal.owed())
        witness = Witness(house: house)
        house.witness = witness
        verifier = Verifier(house: house)
        house.verifier = verifier
        let unfinished = try await journal.unfinishedOwn()
        let own = await OwnBookings.find(unfinished, at: links.ledger, log)
        let ended = try await journal.recover(at: clock.milliseconds(), own: own)
        if ended > 0 {
            log.warning("jobs ended with the last process", metadata: ["count": "\(ended)"])
        }
    }

    public func routes(_ router: inout Router) {
        Handlers(house: house).routes(&router)
        let keeper = keeper
        router.on(AggregatorInterface.Publish.self) { _, _ in try await keeper.publish() }
    }

    public func checks() async -> [ControlInterface.Check] {
        house.metrics.load(
            own: house.ownGate.active, served: house.servedGate.active, queued: house.ownGate.queued)
        let journal: ControlInterface.Check
        if let failure = await house.journal.check() {
            journal = ControlInterface.Check(
                name: "journal", ok: false, reason: failure.message, fix: failure.fix)
        } else {
            journal = ControlInterface.Check(
                name: "journal", ok: true, reason: "writable, every commit synced")
        }
        return [
            journal, ControlInterface.Check(name: "card", ok: true, reason: keeper.reason),
            await keeper.models(),
        ]
    }

    public func run() async throws {
        await withTaskGroup { group in
            group.addTask { await self.resumption.tell(self.house) }
            group.addTask { await self.keeper.run() }
            group.addTask { await self.witness.run() }
            group.addTask { await self.verifier.run() }
            group.addTask {
                await self.house.outbox.run { provider in self.house.withBook { $0.endpoint(provider) } }
            }
            // The keeper may have nothing to do; the outbox works for as long as the daemon.
            await group.waitForAll()
        }
    }

    public func rest() async { await house.journal.rest() }

    public func drain() async {
        await keeper.withdraw()
        await house.journal.close()
    }
}

// Tells the network how jobs at other nodes went, and asks it what others say of the providers that this node meets.
// It must never delay a job, nor tell of one whose provider did not sign for it, nor when its owner does not want that.

import IPC
import Interfaces
import Logging
import NodeConfig
import NodeModel
import Synchronization
import Wire

/// A job at another node that can be told of.
struct ToldJob: Sendable {
    let receipt: SignedEvent
    let counterfoil: String
    let provider: PublicKey
    let outcome: Evidence.Outcome
}

/// The shell around `EvidenceSchedule` and `Hearsay`.
final class Witness: Sendable {
    private let house: Workplace
    private let schedule = Mutex(EvidenceSchedule())
    private let queue = AsyncStream<ToldJob>.makeStream(bufferingPolicy: .bufferingNewest(64))
    private let pause: Duration

    /// What is said of a provider is asked again after so many seconds.
    static let freshness: Int64 = 1_800
    /// Trust is worked out anew at least this often, in seconds: own jobs change it too.
    static let reweigh: Int64 = 300

    init(house: Workplace, pause: Duration = .seconds(5)) {
        self.house = house
        self.pause = pause
    }

    /// Notes how a job went; returns at once.
    func saw(_ job: ToldJob) {
        guard house.config.aggregator.testify else { return }
        guard schedule.withLock({ $0.tells(job.outcome, of: job.provider, now: house.clock.seconds) })
        else { return }
        queue.continuation.yield(job)
    }

    /// Works until the task is cancelled.
    func run() async {
        await withTaskGroup { group in
            group.addTask { for await job in self.queue.stream { await self.tell(job) } }
            group.addTask {
                while !Task.isCancelled {
                    await self.listen()
                    try? await Task.sleep(for: self.pause)
                }
            }
            await group.waitForAll()
        }
    }

    private func tell(_ job: ToldJob) async {
        do {
            let evidence = try await house.links.ledger.call(
                LedgerInterface.SignEvidence(
                    receipt: job.receipt, counterfoil: job.counterfoil, outcome: job.outcome))
            let reply = try await house.links.dht.call(DHTInterface.Testify(evidence: evidence))
            house.log.info(
                "evidence given",
                metadata: [
                    "provider": "\(job.provider)", "outcome": "\(job.outcome.rawValue)",
                    "holders": "\(reply.holders)",
                ])
        } catch {
            house.log.warning(
                "evidence not given",
                metadata: ["provider": "\(job.provider)", "error": "\(WireError.wrapping(error).message)"])
        }
    }

    /// Asks what is said of the provider that was not asked about for longest; one at a time, so that it stays cheap.
    func listen() async {
        let now = house.clock.seconds
        let known = house.withBook { $0.providers(now: now) }
        let due = house.withHearsay { hearsay in
            known.filter { now - (hearsay.testimony.heardAt($0) ?? .min / 2) >= Self.freshness }
                .min { hearsay.testimony.heardAt($0) ?? 0 < hearsay.testimony.heardAt($1) ?? 0 }
        }
        guard let due else {
            if now - house.withHearsay({ $0.weighedAt }) >= Self.reweigh { house.weigh(now) }
            return
        }
        do {
            let own = try await house.surroundings.identity(trace: nil)
            let reply = try await house.links.dht.call(DHTInterface.Testimony(provider: due))
            let evidence = reply.evidence.prefix(Testimony.mostPieces).compactMap { Evidence($0) }.filter {
                // What this node said itself is its experience already.
                $0.rater != own
            }
            house.withHearsay { $0.heard(evidence, on: due, now: now) }
        } catch {
            // Asked again in its turn, and not at once.
            house.withHearsay { $0.heard([], on: due, now: now) }
        }
        house.weigh(now)
    }
}

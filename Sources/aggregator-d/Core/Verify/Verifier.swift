// Checks answers of other nodes after their jobs have ended, and says what came of it to everybody whom it concerns.
// It must never delay a job, take a slot that one could have, nor blame for what could not be decided.

import IPC
import Interfaces
import Logging
import NodeConfig
import NodeModel
import Wire

/// The shell around `VerificationBook` and `AnswerJudgement`.
final class Verifier: Sendable {
    private let house: Workplace
    private let queue = AsyncStream<CheckedJob>.makeStream(bufferingPolicy: .bufferingOldest(32))
    /// Between two looks for an idle slot.
    private let pause: Duration

    init(house: Workplace, pause: Duration = .seconds(2)) {
        self.house = house
        self.pause = pause
    }

    private var settings: VerifySection { house.config.aggregator.verify }

    /// Draws whether an answer of this offer will be checked.
    func draws(_ offer: Offer) -> Bool {
        guard settings.local else { return false }
        let now = house.clock.seconds
        let key = VerificationBook.Key(provider: offer.card.provider, model: offer.model.root)
        let score = house.score(key.provider, now: now)
        return house.withRates { $0.checks(key, drawn: .random(in: 0..<1), score: score, now: now) }
    }

    /// Takes a job in line; returns at once.
    func takes(_ job: CheckedJob) {
        // Of too many at once the later ones count as not checked, which leaves the rate as it is.
        if case .dropped(let left) = queue.continuation.yield(job) { tell(left, .ok) }
    }

    /// Works until the task is cancelled.
    func run() async { for await job in queue.stream { await conclude(job, await check(job)) } }

    /// Reads the answer with this node's own engine, when it has a slot to spare.
    private func check(_ job: CheckedJob) async -> Verdict {
        guard job.request.format == nil else {
            return .undecided("its words were held to a form, which takes others than the likeliest")
        }
        guard job.request.tools == nil else {
            return .undecided("it was held to the form of calls, which takes others than the likeliest words")
        }
        guard job.request.sampling.logitBias == nil else {
            return .undecided("some of its words were made likelier, or less likely, than they are")
        }
        let end = ContinuousClock.now + .seconds(settings.waitSeconds)
        var reason = "no slot was idle for \(settings.waitSeconds) s"
        repeat {
            let local = await house.surroundings.local()
            guard local.entry(job.offer.model.root.hex) != nil else {
                return .undecided("this node does not have the model")
            }
            if let obstacle = local.obstacle { return .undecided(obstacle.message) }
            if local.hasRoom {
                do { return try await score(job) } catch {
                    let error = WireError.wrapping(error)
                    guard Patience.isPassing(error) else { return .undecided(error.message) }
                    reason = error.message
                }
            }
            try? await Task.sleep(for: pause)
        } while ContinuousClock.now < end && !Task.isCancelled
        return .undecided(reason)
    }

    private func score(_ job: CheckedJob) async throws -> Verdict {
        let reply = try await house.links.exec.call(
            ExecInterface.Score(
                job: job.job, model: job.offer.model.root.hex, request: job.request, answer: job.answer,
                ended: job.endedByItself, places: settings.places), trace: job.job.text)
        return AnswerJudgement.verdict(
            reply, job.request.sampling, isOurEngine: job.body.image == reply.image)
    }

    private func conclude(_ job: CheckedJob, _ verdict: Verdict) async {
        let (provider, now) = (job.offer.card.provider, house.clock.seconds)
        house.metrics.checked(verdict)
        var entries: [JournalEntry] = [
            .noted(
                JobKey(job: job.job, served: false), "answered and accepted; \(verdict.words)",
                at: house.clock.milliseconds())
        ]
        if let isRight = verdict.isRight {
            let changed = house.withRates { $0.saw(job.key, right: isRight, now: now) }
            entries += changed.map { .verified($0.key, $0.value) }
        }
        if case .wrong(let words) = verdict {
            house.withBook { $0.blame(provider, reason: "its answer was found wrong", now: now) }
            entries.append(.experienced(provider, house.correct(provider)))
            house.log.warning(
                "an answer was found wrong",
                metadata: ["job": "\(job.job)", "provider": "\(provider)", "why": "\(words)"])
        }
        tell(job, verdict.isRight == false ? .wrong : .ok)
        // Durable before the next is looked at; should the disk take nothing, memory still knows.
        try? await house.journal.commit(entries)
    }

    private func tell(_ job: CheckedJob, _ outcome: Evidence.Outcome) {
        guard let counterfoil = job.counterfoil else { return }
        house.witness?.saw(
            ToldJob(
                receipt: job.receipt, counterfoil: counterfoil, provider: job.offer.card.provider,
                outcome: outcome))
    }
}

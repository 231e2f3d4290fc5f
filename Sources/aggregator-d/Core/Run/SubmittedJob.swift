// A job of this node's people, from the request to the accepted receipt: here or at a provider.
// It must never send the request anywhere but to the local engine or sealed to the chosen provider.

import IPC
import Interfaces
import Logging
import NodeModel
import Synchronization
import Wire

/// One job under way on the side that asked.
final class SubmittedJob: Sendable {
    typealias Submit = AggregatorInterface.Submit

    /// What an attempt brought home, to be settled.
    enum Answer: Sendable {
        case here(ExecInterface.Run.Reply, ContentInterface.Entry, AnswerTally.Sum)
        /// With a copy when it will be checked.
        case remote(PeerInterface.RunJob.Reply, Offer, AnswerTally.Sum, AnswerCopy?)
    }

    private struct Progress: Sendable {
        var answer: Answer?
        var settled: (finish: FinishReason, root: ContentRoot, bundle: ReceiptBundle)?
        var checked: CheckedJob?
    }

    let house: Workplace
    let request: InferenceRequest
    let pin: PublicKey?
    let job: JobID
    let driver: JobDriver
    let sink: EventSink<Submit.Event>
    /// What ledger-d is being told of promises that ended, by provider.
    let endings = Mutex<[PublicKey: Task<Void, Never>]>([:])
    private let gate: Gate
    private let ticket: Gate.Ticket
    private let progress: Mutex<Progress>
    private let metrics: JobStopwatch

    /// Takes the job: from here on it is in the journal.
    init(
        _ submit: Submit, house: Workplace, gate: Gate, ticket: Gate.Ticket, sink: EventSink<Submit.Event>,
        job known: JobID? = nil, reason: String = "taken from this node's people"
    ) {
        self.house = house
        self.gate = gate
        request = submit.request
        pin = submit.provider
        self.ticket = ticket
        self.sink = sink
        let progress = Mutex(Progress())
        let now = house.clock.milliseconds()
        var random = SystemRandomNumberGenerator()
        let job = known ?? JobID(milliseconds: UInt64(max(0, now)), random: &random)
        self.job = job
        metrics = JobStopwatch(house.metrics)
        let blamed = CandidateList()
        candidateList = blamed
        driver = JobDriver(
            record: AggregatorInterface.Record(
                job: job, side: .local, state: .received, reason: reason,
                model: submit.request.model, createdAt: now, updatedAt: now),
            limits: house.limits, journal: house.journal, clock: house.clock, loop: house.loop,
            hooks: JobDriver.Hooks(
                blame: { number, reason in
                    guard let provider = blamed.provider(number) else { return }
                    house.withBook { $0.blame(provider, reason: reason, now: house.clock.seconds) }
                    house.withSearches { $0.forget(provider) }
                    house.learn(provider, success: false)
                    house.log.warning(
                        "a provider failed", metadata: ["job": "\(job)", "provider": "\(provider)"])
                },
                lost: { number in
                    guard let provider = blamed.provider(number) else { return }
                    house.withSearches { $0.forget(provider) }
                },
                praise: { number in
                    guard let provider = blamed.provider(number) else { return }
                    house.withBook { $0.praise(provider) }
                    house.withLoadWords { $0.took(provider, now: house.clock.seconds) }
                    house.learn(provider, success: true)
                },
                announce: { words in try? await sink.send(Submit.Event(stage: .state, text: words)) }))
        self.progress = progress
    }

    private let candidateList: CandidateList

    /// Runs the job to its end.
    /// - Throws: `WireError` with the reason that the journal keeps too.
    func run() async throws -> Submit.Reply {
        try? await sink.send(Submit.Event(stage: .accepted, text: job.text))
        let outcome = await driver.run { await self.perform($0) }
        metrics.ended(side: driver.record.side, outcome)
        house.log.info(
            "job ended",
            metadata: [
                "job": "\(driver.record.job)", "side": "\(driver.record.side.rawValue)",
                "state": "\(driver.record.state.rawValue)", "reason": "\(driver.record.reason)",
            ])
        switch outcome {
        case .failed(let error), .cancelled(let error): throw error
        case .done: break
        }
        guard let settled = progress.withLock({ $0.settled }) else {
            throw WireError(.internalError, "The job is done, but its receipt is missing.")
        }
        if let checked = progress.withLock({ $0.checked }) { house.verifier?.takes(checked) }
        return Submit.Reply(
            record: driver.record, finish: settled.finish, modelRoot: settled.root, receipt: settled.bundle)
    }

    private func perform(_ work: JobWork) async -> JobEvent {
        switch work {
        case .plan:
            do { return try await plan() } catch { return .planFailed(WireError.wrapping(error)) }
        case .pause: return .paused
        case .attempt(let number):
            do {
                try await attempt(number)
                return .answered(number)
            } catch { return .attemptFailed(number, WireError.wrapping(error)) }
        case .settle:
            do { return .settled(try await settle()) } catch {
                return .settleFailed(WireError.wrapping(error))
            }
        }
    }

    private func plan() async throws -> JobEvent {
        try await gate.wait(ticket)
        let seed = UInt64(job.text.suffix(16), radix: 16) ?? 0
        let isFirst = candidateList.isEmpty
        let plan = try await house.plan(
            model: request.model, pin: pin, trace: job.text, seed: seed,
            asking: isFirst ? .whenUnknown : .whenNeeded)
        house.metrics.planned(plan)
        if let failure = plan.failure { throw failure }
        candidateList.add(plan.candidates)
        let here = plan.candidates.firstIndex { if case .here = $0 { true } else { false } }
        return .planned(
            candidates: plan.candidates.map(\.words), here: here, summary: plan.summary,
            remembered: plan.isRemembered)
    }

    private func attempt(_ number: Int) async throws {
        guard let candidate = candidateList[number] else {
            throw WireError(.internalError, "There is no candidate \(number).")
        }
        let answer: Answer
        switch candidate {
        case .here(let entry):
            driver.place(.local, nil, model: entry.name)
            answer = try await runHere(entry, number)
        case .provider(let offer):
            driver.place(.client, offer.card.provider, model: offer.model.name)
            answer = try await runThere(offer, number)
        }
        progress.withLock { $0.answer = answer }
    }

    /// Notes that a piece came; the hot path.
    func notePiece(_ attempt: Int) {
        driver.piece(attempt)
        metrics.piece()
    }

    private func settle() async throws -> String {
        let own = try await house.surroundings.identity(trace: job.text)
        guard let answer = progress.withLock({ $0.answer }) else {
            throw WireError(.internalError, "There is no answer to settle.")
        }
        let (body, bundle): (ReceiptBody, ReceiptBundle)
        let calls: Int
        switch answer {
        case .here(let reply, let entry, let sum):
            calls = sum.calls
            (body, bundle) = try await OwnSettlement(
                house: house, record: driver.record, request: request, own: own, reply: reply, entry: entry,
                answer: sum
            ).book()
        case .remote(let reply, let offer, let sum, _):
            calls = sum.calls
            (body, bundle) = try await accept(reply, offer, sum, answer, own)
        }
        driver.bill(body)
        let checked = checkable(answer, body)
        if checked == nil { tell(answer, .ok) }
        progress.withLock {
            $0.settled = (body.finish, body.modelRoot, bundle)
            $0.checked = checked
        }
        if calls > 0 {
            return "answered and accepted; it asks for \(calls) call\(calls == 1 ? "" : "s") of functions"
        }
        guard body.finish == .length, case .remote(_, let offer, _, _) = answer,
            body.usage.completionTokens < Int64(agreedTokens(offer.model.context))
        else { return "answered and accepted" }
        return "answered and accepted; it ended early, after \(body.usage.completionTokens) tokens"
    }

    /// Accepts what another node did.
    private func accept(
        _ reply: PeerInterface.RunJob.Reply, _ offer: Offer, _ sum: AnswerTally.Sum, _ answer: Answer,
        _ own: PublicKey
    ) async throws -> (body: ReceiptBody, bundle: ReceiptBundle) {
        let settlement = Settlement(
            house: house, record: driver.record, receipt: reply.receipt,
            check: ReceiptCheck(
                job: job, provider: offer.card.provider, client: own, modelRoot: offer.model.root,
                request: request, requestHash: try request.hash(), unitPrice: offer.model.price,
                maxTokens: agreedTokens(offer.model.context), answer: sum), endpoint: offer.card.endpoint)
        do { return try await settlement.accept() } catch let error as WireError
            where error.code == .verificationFailed
        {
            tell(answer, .wrong)
            // A receipt that does not hold is never accepted, so that nothing will be charged.
            if offer.model.price.asset != .testCredit { release(offer.card.provider) }
            throw error
        }
    }

    /// What is checked when the job has ended; nil when it is not.
    private func checkable(_ answer: Answer, _ body: ReceiptBody) -> CheckedJob? {
        guard case .remote(let reply, let offer, _, let copy) = answer, let text = copy?.text else {
            return nil
        }
        return CheckedJob(
            job: job, request: request, answer: text, offer: offer, receipt: reply.receipt, body: body,
            counterfoil: reply.counterfoil, agreed: agreedTokens(offer.model.context))
    }

    /// Lets others hear how the job went, when its provider signed for it.
    private func tell(_ answer: Answer, _ outcome: Evidence.Outcome) {
        guard case .remote(let reply, let offer, _, _) = answer, let counterfoil = reply.counterfoil else {
            return
        }
        house.witness?.saw(
            ToldJob(
                receipt: reply.receipt, counterfoil: counterfoil, provider: offer.card.provider,
                outcome: outcome))
    }

    /// The longest answer that this job may have, in tokens, with a model of such a context.
    func agreedTokens(_ context: Int) -> Int { max(1, min(house.maxTokens(request), context)) }
}

/// The candidates of a job, for those who only know their numbers.
final class CandidateList: Sendable {
    private let list = Mutex<[Candidate]>([])
    /// Adds those of one more plan; the numbers of the earlier ones stay theirs.
    func add(_ candidates: [Candidate]) { list.withLock { $0 += candidates } }

    var isEmpty: Bool { list.withLock { $0.isEmpty } }

    /// The other node at this place; nil for this node.
    func provider(_ number: Int) -> PublicKey? {
        list.withLock { list in
            guard list.indices.contains(number), case .provider(let offer) = list[number] else { return nil }
            return offer.card.provider
        }
    }

    subscript(_ number: Int) -> Candidate? {
        list.withLock { $0.indices.contains(number) ? $0[number] : nil }
    }
}

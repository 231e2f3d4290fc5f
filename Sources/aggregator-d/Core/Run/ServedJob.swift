// A stranger's job: taken when model, price and room are right, run sealed, and signed for.
// It must never see the prompt or the answer: pieces pass through as they are.

import IPC
import Interfaces
import Logging
import NodeConfig
import NodeModel
import Synchronization
import Wire

/// One job under way on the side that serves.
final class ServedJob: Sendable {
    typealias Serve = AggregatorInterface.Serve

    let house: Workplace
    let peer: PublicKey
    let job: PeerInterface.RunJob
    let entry: ContentInterface.Entry
    let driver: JobDriver
    private let sink: EventSink<Serve.Event>
    /// Nil for an answer that is paid at once, or not at all.
    private let cover: Mutex<ServedCover?>
    private let stopwatch: JobStopwatch
    private let answer = Mutex<ExecInterface.Run.Reply?>(nil)
    private let signed = Mutex<Serve.Reply?>(nil)

    init(_ serve: Serve, entry: ContentInterface.Entry, house: Workplace, sink: EventSink<Serve.Event>) {
        self.house = house
        peer = serve.peer
        job = serve.job
        let quote = serve.job.quote.flatMap { Quote(unproven: $0) }
        cover = Mutex(quote.flatMap { $0.chunk.map(ServedCover.init(first:)) })
        self.entry = entry
        self.sink = sink
        stopwatch = JobStopwatch(house.metrics)
        let now = house.clock.milliseconds()
        driver = JobDriver(
            record: AggregatorInterface.Record(
                job: serve.job.job, side: .provider, state: .received, reason: "asked for by another node",
                model: entry.name, peer: serve.peer, createdAt: now, updatedAt: now),
            limits: house.limits, journal: house.journal, clock: house.clock, loop: house.loop,
            hooks: JobDriver.Hooks())
    }

    /// Runs the job to its signed receipt.
    func run() async throws -> Serve.Reply {
        let outcome = await driver.run { await self.perform($0) }
        stopwatch.ended(side: .provider, outcome)
        switch outcome {
        case .failed(let error), .cancelled(let error):
            release()
            throw error
        case .done: break
        }
        guard let signed = signed.withLock({ $0 }) else {
            throw WireError(.internalError, "The job is done, but its receipt is missing.")
        }
        return signed
    }

    private func perform(_ work: JobWork) async -> JobEvent {
        switch work {
        case .plan:
            // All that could speak against it was checked before it entered the journal; now the ledger is told,
            // which opens no key and signs no receipt of a job that it does not know.
            do {
                try await take()
                if let quote = job.quote { driver.quoted(quote.id) }
                return .planned(
                    candidates: ["running here"], here: 0, summary: "model, price and room are right")
            } catch { return .planFailed(WireError.wrapping(error)) }
        case .pause: return .paused
        case .attempt(let number):
            do {
                try await attempt(number)
                return .answered(number)
            } catch { return .attemptFailed(number, WireError.wrapping(error)) }
        case .settle:
            do {
                try await sign()
                return .settled("answered; the receipt is signed")
            } catch { return .settleFailed(WireError.wrapping(error)) }
        }
    }

    /// Where money was promised for it, the promise ends with a job that failed.
    private func release() {
        guard job.unitPrice.asset != .testCredit else { return }
        house.endPromise(job.job, with: peer, served: true)
    }

    private func take() async throws { try await Self.take(job, from: peer, house) }

    /// Tells the ledger that a job is taken, on which terms and with which payment. Again is the same.
    static func take(_ job: PeerInterface.RunJob, from peer: PublicKey, _ house: Workplace) async throws {
        let costs = job.unitPrice.asset != .testCredit
        let terms = LedgerInterface.TakeJob(
            job: job.job, client: peer, modelRoot: job.modelRoot, unitPrice: job.unitPrice,
            maxTokens: job.maxTokens,
            ceiling: costs
                ? job.unitPrice.ceiling(sealed: job.payload.ciphertext, maxTokens: job.maxTokens) : nil,
            payment: costs ? job.payment : nil, process: house.process,
            quoted: costs ? quoted(job) : nil)
        _ = try await Patience.call(until: .now + .milliseconds(house.limits.planMs)) {
            try await house.links.ledger.call(terms, trace: terms.job.text)
        }
    }

    /// The quote that came with a job, and what it must be for: what came, and not what is said of it.
    private static func quoted(_ job: PeerInterface.RunJob) -> LedgerInterface.TakeJob.Quoted? {
        job.quote.map {
            LedgerInterface.TakeJob.Quoted(
                event: $0, payload: Digest(hashing: job.payload.ciphertext),
                size: job.payload.ciphertext.utf8.count)
        }
    }

    private func attempt(_ number: Int) async throws {
        driver.feed(.contact(number))
        // The client waits for a word before it waits for an answer.
        try await sink.send(Serve.Event(stage: .queued))
        let run = ExecInterface.Run(
            job: job.job, model: entry.root.hex, payload: .sealed(job.payload),
            // Who asks for more than this node gives gets the beginning, and a receipt that says so.
            maxTokens: min(job.maxTokens, house.config.aggregator.maxTokens),
            allowance: cover.withLock { $0?.tokens })
        do {
            let reply = try await house.links.exec.stream(run, trace: job.job.text) { event in
                if event.stage == .token {
                    self.driver.piece(number)
                    self.stopwatch.piece()
                } else if event.stage == .prompt {
                    try await self.allow(self.cover.withLock { $0?.begin() })
                }
                try await self.sink.send(event)
            }
            answer.withLock { $0 = reply }
        } catch {
            await house.surroundings.forget()
            throw error
        }
    }

    /// The client has paid up to a token: the engine may go so far.
    ///
    /// - Throws: what the ledger says of its voucher.
    func takeTopUp(_ topUp: PeerInterface.TopUp) async throws {
        guard cover.withLock({ $0 != nil }) else {
            throw WireError(.policyRefused, "\(topUp.job) is not paid piece by piece.")
        }
        _ = try await house.links.ledger.call(
            LedgerInterface.TakeTopUp(
                client: peer, job: topUp.job, tokens: topUp.tokens, payment: topUp.payment),
            trace: topUp.job.text)
        try await allow(cover.withLock { $0?.raise(to: topUp.tokens) })
    }

    private func allow(_ tokens: Int?) async throws {
        guard let tokens else { return }
        do {
            _ = try await house.links.exec.call(
                ExecInterface.Allow(job: job.job, tokens: tokens), trace: job.job.text)
        } catch let error as WireError where error.code == .notFound { return }  // The answer has ended.
    }

    private func sign() async throws {
        guard let reply = answer.withLock({ $0 }) else {
            throw WireError(.internalError, "There is no answer to sign for.")
        }
        guard reply.modelRoot == job.modelRoot else {
            throw WireError(.internalError, "exec-d ran \(reply.modelRoot), not \(job.modelRoot).")
        }
        let own = try await house.surroundings.identity(trace: job.job.text)
        let body = try ReceiptBody.make(
            reply, job: job.job, provider: own, client: peer, model: job.model, unitPrice: job.unitPrice,
            finishedAt: house.clock.seconds)
        let event = try await Patience.call(until: .now + .milliseconds(house.limits.settleMs)) {
            try await house.links.ledger.call(LedgerInterface.SignReceipt(body: body), trace: job.job.text)
        }
        async let counterfoil = counterfoil(of: event)
        // Durable before it leaves: the acceptance will be looked up here.
        try await house.journal.commit([
            .opened(driver.record), .receipt(driver.key, event, body, at: house.clock.milliseconds()),
        ])
        driver.bill(body)
        let whole = Serve.Reply(receipt: event, counterfoil: await counterfoil)
        signed.withLock { $0 = whole }
    }

    /// With it the client can tell others how the job went; a job without it is as good, but nobody hears of it.
    private func counterfoil(of receipt: SignedEvent) async -> String? {
        do {
            return try await Patience.call(until: .now + .milliseconds(house.limits.settleMs)) {
                try await self.house.links.ledger.call(
                    LedgerInterface.SignCounterfoil(receipt: receipt), trace: self.job.job.text
                ).signature
            }
        } catch {
            house.log.warning("no counterfoil", metadata: ["job": "\(job.job)", "error": "\(error)"])
            return nil
        }
    }
}

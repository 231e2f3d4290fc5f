// One job from its payload to its reply: opens, checks, waits for a slot, streams, counts, records.
// It must never log or store a word of prompt or answer, nor leave without giving its slot back.

import IPC
import Interfaces
import Logging
import NIOCore
import NodeModel
import Wire

/// Runs jobs.
struct JobRunner: Sendable {
    typealias Run = ExecInterface.Run
    typealias Emit = @Sendable (Run.Event) async throws -> Void

    let house: EngineHouse
    let store: RunStore
    let limits: RequestLimits
    let watch: AnswerWatch.Limits
    let image: String
    let metrics: ExecMetrics
    /// How far the answers may go that are paid piece by piece.
    let allowances: Allowances
    /// Where jobs run.
    let loop: any EventLoop
    private let words = FreshWords()
    /// `content.resolve`: a model's name or root, and the job's id.
    let resolve: @Sendable (String, String) async throws -> ContentInterface.Resolve.Reply
    /// `ledger.unwrap_key`.
    let unwrap: @Sendable (LedgerInterface.UnwrapKey) async throws -> LedgerInterface.UnwrapKey.Reply

    /// - Throws: `WireError`: `invalid_request`, `too_large`, `model_not_found`, `corrupt`, `context_length_exceeded`,
    ///   `too_many_requests`, `engine_unavailable`, `conflict`, `draining`, `disk_full`; `CancellationError`.
    func run(_ job: Run, log: Logger, emit: @escaping Emit) async throws -> Run.Reply {
        let began = ContinuousClock.now
        let allowance = try job.allowance.map { try allowances.begin(job.job, $0) }
        defer { if allowance != nil { allowances.end(job.job) } }
        do {
            let reply = try await attempt(job, allowance, log, emit)
            metrics.ended("done", tokens: reply.usage)
            log.info(
                "job done",
                metadata: [
                    "model": "\(reply.model)", "tokens": "\(reply.usage.completionTokens)",
                    "first_token_ms": "\(reply.timings.firstTokenMs)",
                    "took": "\(ContinuousClock.now - began)",
                ])
            return reply
        } catch {
            let wire = WireError.wrapping(error)
            metrics.ended(wire.code == .cancelled ? "cancelled" : wire.code.rawValue, tokens: nil)
            log.notice("job ended early", metadata: ["code": "\(wire.code)", "reason": "\(wire.message)"])
            throw wire
        }
    }

    private func attempt(
        _ job: Run, _ allowance: AnswerAllowance?, _ log: Logger, _ emit: @escaping Emit
    ) async throws -> Run.Reply {
        let payload = try await open(job)
        let answerTokens = try limits.check(payload.request, agreed: job.maxTokens)
        // A model whose engine stands need not be waited for: content-d answers while the engine thinks.
        let resolved = resolving(job)
        let standing = await house.standing(job.model)
        let model = if let standing { standing } else { try await resolved.value }
        let ticket = await house.submit(model)
        do {
            let lease = try await slot(ticket, emit)
            try await emit(Run.Event(stage: .prompt))
            let record = RunRecord(store, job: job.job, model: model.root, seal: payload.seal)
            do {
                let reply = try await stream(job, payload, model, lease, answerTokens, allowance) { event in
                    _ = try await resolved.value
                    try await record.piece()
                    try await emit(event)
                }
                _ = try await resolved.value
                await house.finish(ticket.run)
                try await record.done(reply.usage)
                return reply
            } catch {
                let wire = WireError.wrapping(error)
                await record.failed(wire.code == .cancelled ? .cancelled : .failed, wire.message)
                throw error
            }
        } catch {
            await house.finish(ticket.run)
            throw error
        }
    }

    /// What content-d says of the job's model.
    private func resolving(_ job: Run) -> FreshWords.Answer {
        words.answer(on: job.model) {
            // On the loop, where the answer comes in: a task of its own would have it told to another thread.
            Task(executorPreference: LoopExecutor.of(loop)) {
                do { return try EngineModel(try await resolve(job.model, job.job.text)) } catch {
                    words.forget(job.model)
                    throw error
                }
            }
        }
    }

    private func open(_ job: Run) async throws -> JobPayload {
        switch job.payload {
        case .plain(let request): return JobPayload(plain: request)
        case .sealed(let sealed):
            let key = try await unwrap(
                LedgerInterface.UnwrapKey(job: job.job, sender: sealed.sender, wrapped: sealed.wrappedKey))
            return try JobPayload(sealed, job: job.job, contentKey: key.contentKey)
        }
    }

    private func slot(_ ticket: EngineHouse.Ticket, _ emit: Emit) async throws -> EngineHouse.Lease {
        for try await step in ticket.steps {
            switch step {
            case .queued: try await emit(Run.Event(stage: .queued))
            case .loading: try await emit(Run.Event(stage: .loading))
            case .granted(let lease): return lease
            }
        }
        // The steps end without a slot only when this task is cancelled.
        throw CancellationError()
    }

    private func stream(
        _ job: Run, _ payload: JobPayload, _ model: EngineModel, _ lease: EngineHouse.Lease,
        _ answerTokens: Int, _ allowance: AnswerAllowance?, _ emit: @escaping Emit
    ) async throws -> Run.Reply {
        let body = EngineRequest(
            payload.request, maxTokens: answerTokens, stranger: payload.isSealed, counted: allowance != nil)
        let stopwatch = AnswerStopwatch(metrics)
        let (hash, end) = try await guarded(lease) { watch in
            var (payload, sum) = (payload, AnswerSum(of: payload.request))
            let end = try await lease.client.answer(
                body, reading: EngineAnswer(payload.request), answerTokens: answerTokens, watch: watch,
                engine: lease.progress
            ) { piece, counted in
                var tokens: UInt64 = 0
                if let allowance {
                    guard let counted else { throw EngineAnswer.broken("does not count its tokens") }
                    guard try await allowance.covers(counted.completionTokens) else { return false }
                    tokens = UInt64(clamping: counted.completionTokens)
                }
                do throws(AnswerFault) { _ = try sum.add(piece) } catch {
                    throw EngineAnswer.broken(error.what)
                }
                stopwatch.piece()
                try await emit(try payload.event(piece, tokens: tokens))
                return true
            }
            return (sum.hash, end)
        }
        // The last tokens may have left no text, and so have waited for nobody.
        var usage = end.usage
        if let allowance { usage.completionTokens = min(usage.completionTokens, allowance.tokens) }
        let (firstTokenMs, generateMs) = stopwatch.end()
        return Run.Reply(
            model: model.name, modelRoot: model.root, image: image, requestHash: try payload.request.hash(),
            resultHash: hash, usage: usage,
            timings: StageTimings(
                queueMs: lease.queueMs, loadMs: lease.loadMs, firstTokenMs: firstTokenMs,
                generateMs: generateMs),
            finish: end.finish)
    }

    /// Runs `work` beside its watchdog, and says in the end what became of the engine if that was the reason.
    private func guarded<Value: Sendable>(
        _ lease: EngineHouse.Lease, _ work: @escaping @Sendable (AnswerWatch) async throws -> Value
    ) async throws -> Value {
        let watch = AnswerWatch(self.watch)
        do {
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { try await work(watch) }
                group.addTask { [loop] in try await watch.run(sleep: LoopTimer(loop: loop).sleep) }
                defer { group.cancelAll() }
                guard let first = try await group.next(), let value = first else { throw CancellationError() }
                return value
            }
        } catch let stalled as AnswerWatch.Stalled {
            throw await blame(stalled, lease)
        } catch let error as WireError where error.code != .engineUnavailable {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            try Task.checkCancellation()
            // The connection broke, or the answer did. If the engine died of it, its end says more.
            if let reason = await house.reasonOfDeath(lease.engine) { throw reason }
            if let wire = error as? WireError { throw wire }
            throw WireError(
                .engineUnavailable, "The connection to the engine broke.", fix: "Ask again.",
                retryAfterMs: 1_000,
                cause: "\(error)")
        }
    }

    private func blame(_ stalled: AnswerWatch.Stalled, _ lease: EngineHouse.Lease) async -> WireError {
        let what: String
        switch stalled.awaited {
        case .caller:
            return WireError(.cancelled, "The caller took nothing of the answer for \(stalled.limit).")
        case .firstToken: what = "gave no first token within \(stalled.limit)"
        case .nextToken: what = "gave no further token within \(stalled.limit)"
        }
        let error = WireError(
            .engineUnavailable, "The engine \(what).", fix: "Ask again.", retryAfterMs: 1_000)
        // Where other jobs still get tokens the engine is alive, and only this answer is stuck.
        if lease.progress.age >= stalled.limit { await house.report(frozen: lease.engine, error) }
        return error
    }
}

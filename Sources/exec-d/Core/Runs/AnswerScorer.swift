// Has an idle engine read an answer that came from elsewhere, and notes at some places how far it is from its own words.
// It must never take a slot that a job could have, nor say whether the answer is right: that is for who asked.

import Interfaces
import NodeModel
import Wire

/// Scores answers.
struct AnswerScorer: Sendable {
    typealias Score = ExecInterface.Score

    let house: EngineHouse
    let limits: RequestLimits
    let image: String
    /// `content.resolve`: a model's name or root, and the job's id.
    let resolve: @Sendable (String, String) async throws -> ContentInterface.Resolve.Reply

    /// Most places of one answer.
    static let mostPlaces = 512

    /// - Throws: `WireError`: `invalid_request`, `too_large`, `model_not_found`, `corrupt`, `context_length_exceeded`,
    ///   `engine_unavailable`; `too_many_requests` when no slot is idle, or a job wanted it meanwhile.
    func score(_ score: Score) async throws -> Score.Reply {
        _ = try limits.check(score.request, agreed: 1)
        guard score.answer.utf8.count <= limits.requestBytes else {
            throw WireError(.tooLarge, "The answer is longer than requests may be here.")
        }
        let model = try EngineModel(try await resolve(score.model, score.job.text))
        guard await house.isIdle(for: model.root) else { throw Self.busy }
        let ticket = await house.submit(model)
        do {
            let reply = try await read(score, try await slot(ticket))
            await house.finish(ticket.run)
            return reply
        } catch {
            await house.finish(ticket.run)
            throw error
        }
    }

    private func slot(_ ticket: EngineHouse.Ticket) async throws -> EngineHouse.Lease {
        for try await step in ticket.steps {
            switch step {
            case .queued: throw Self.busy
            case .loading: continue
            case .granted(let lease): return lease
            }
        }
        throw CancellationError()
    }

    private func read(_ score: Score, _ lease: EngineHouse.Lease) async throws -> Score.Reply {
        let engine = lease.client
        let prompt = try await engine.tokens(of: ToolSheet.messages(of: score.request))
        let pieces = try await engine.pieces(of: score.answer)
        let answer = pieces.map(\.id)
        guard prompt.count + answer.count < limits.context else {
            throw WireError(
                .contextLengthExceeded, "Question and answer are longer than this node's context.")
        }
        var random = SystemRandomNumberGenerator()
        let places = Self.places(
            min(max(1, score.places), Self.mostPlaces), of: answer.count, using: &random)
        var marks: [Score.Mark] = []
        for place in places {
            let guess = try await ask(lease, prompt + answer[..<place])
            let rest = pieces[place...].lazy.flatMap(\.bytes)
            if let gap = guess.gap(of: rest) { marks.append(Score.Mark(place: place, gap: gap)) }
        }
        if score.ended, let end = try await engine.endToken() {
            let guess = try await ask(lease, prompt + answer)
            if let gap = guess.ends ? 0 : guess.gap(of: end) {
                marks.append(Score.Mark(place: answer.count, gap: gap))
            }
        }
        return Score.Reply(image: image, tokens: answer.count, marks: marks)
    }

    private func ask(_ lease: EngineHouse.Lease, _ tokens: [UInt32]) async throws -> TokenGuess {
        // Whoever waits is somebody's job; this is not.
        guard await house.waiting == 0 else { throw Self.busy }
        let guess = try await lease.client.guess(after: tokens)
        lease.progress.touch()
        return guess
    }

    /// Some places of an answer of so many tokens, in order, each as likely as any other.
    static func places(
        _ count: Int, of tokens: Int, using random: inout some RandomNumberGenerator
    ) -> [Int] {
        guard tokens > count else { return Array(0..<tokens) }
        return Array((0..<tokens).shuffled(using: &random).prefix(count)).sorted()
    }

    private static let busy = WireError(
        .tooManyRequests, "No slot is idle, and an answer is only read by one that is.",
        retryAfterMs: 5_000)
}

// What content-d is asked of models, so that jobs that come together ask it together.
// It must never be older than a moment: a file that is found damaged serves no job after that.

import Synchronization

/// The last question on each model that was asked for, with its answer.
final class FreshWords: Sendable {
    /// How long a question counts. A job that came so much earlier would have been told the same.
    static let life = Duration.milliseconds(20)

    typealias Answer = Task<EngineModel, any Error>

    private struct Question {
        let asked: ContinuousClock.Instant
        let answer: Answer
    }
    private let questions = Mutex<[String: Question]>([:])

    /// The answer on a model of this name or root: to what was asked a moment ago, or to what `ask` asks now.
    func answer(
        on reference: String, at now: ContinuousClock.Instant = .now, ask: () -> Answer
    ) -> Answer {
        questions.withLock { questions in
            if let known = questions[reference], now - known.asked < Self.life { return known.answer }
            // A few names are asked for again and again; whoever asks for many does not fill memory with them.
            if questions.count >= 64 { questions.removeAll() }
            let answer = ask()
            questions[reference] = Question(asked: now, answer: answer)
            return answer
        }
    }

    /// Has the next job ask again: a model that was missing may be there by then.
    func forget(_ reference: String) { questions.withLock { _ = $0.removeValue(forKey: reference) } }
}

// What came of an answer so far: how many pieces, what they weigh, and their hash. One per attempt.
// It must never keep the answer itself, nor take a piece that does not belong to what was asked for.

import NodeModel
import Synchronization
import Wire

/// A running count of an answer in the clear.
final class AnswerTally: Sendable {
    /// The sum of an answer.
    struct Sum: Hashable, Sendable {
        var pieces: Int
        /// At least its tokens but the silent ones; see `AnswerSum`.
        var weight: Int
        var calls = 0
        var hash: Digest
    }

    private struct State: Sendable {
        var pieces = 0
        var weight = 0
        var sum: AnswerSum
    }

    private let state: Mutex<State>
    private let hasParts: Bool

    init(_ request: InferenceRequest) {
        state = Mutex(State(sum: AnswerSum(of: request)))
        hasParts = request.hasParts
    }

    /// Takes the next piece, as it travels.
    ///
    /// - Returns: what it weighs.
    /// - Throws: `verification_failed` when its number is not the next one, or it is none that was asked for.
    @discardableResult
    func add(_ text: String, sequence: UInt64) throws -> Int {
        try state.withLock { state in
            guard sequence == UInt64(state.pieces) else {
                throw WireError(
                    .verificationFailed,
                    "Piece \(sequence) of the answer came where piece \(state.pieces) was due: one was lost or repeated.",
                    fix: "Ask again.")
            }
            state.pieces += 1
            let weight: Int
            do throws(AnswerFault) {
                weight = try hasParts ? state.sum.add(Self.read(text)) : state.sum.add(text: text)
            } catch {
                throw WireError(.verificationFailed, "The answer \(error.what).", fix: "Ask again.")
            }
            state.weight += weight
            return weight
        }
    }

    private static func read(_ text: String) throws(AnswerFault) -> AnswerPiece {
        do { return try AnswerPiece(written: text) } catch {
            throw AnswerFault(what: "has a piece that cannot be read")
        }
    }

    /// The count so far.
    func sum() -> Sum {
        state.withLock { state in
            Sum(
                pieces: state.pieces, weight: state.weight, calls: state.sum.calls, hash: state.sum.hash)
        }
    }
}

// What came of an answer so far: how many pieces, how many bytes, and their hash. One per attempt.
// It must never keep the answer itself.

import Crypto
import FoundationEssentials
import NodeModel
import Synchronization
import Wire

/// A running count of an answer in the clear.
final class AnswerTally: Sendable {
    /// The sum of an answer.
    struct Sum: Hashable, Sendable {
        var pieces: Int
        var bytes: Int
        var hash: NodeModel.Digest
    }

    private struct State: Sendable {
        var pieces = 0
        var bytes = 0
        var hasher = SHA256()
    }

    private let state = Mutex(State())

    /// Takes the next piece.
    /// - Throws: `verification_failed` when its number is not the next one.
    func add(_ text: String, sequence: UInt64) throws {
        try state.withLock { state in
            guard sequence == UInt64(state.pieces) else {
                throw WireError(
                    .verificationFailed,
                    "Piece \(sequence) of the answer came where piece \(state.pieces) was due: one was lost or repeated.",
                    fix: "Ask again.")
            }
            var text = text
            state.pieces += 1
            text.withUTF8 { utf8 in
                state.bytes += utf8.count
                state.hasher.update(bufferPointer: UnsafeRawBufferPointer(utf8))
            }
        }
    }

    /// The count so far.
    func sum() -> Sum {
        state.withLock { state in
            let hash = NodeModel.Digest(bytes: Array(state.hasher.finalize()))
            return Sum(
                pieces: state.pieces, bytes: state.bytes, hash: hash ?? NodeModel.Digest(hashing: Data()))
        }
    }
}

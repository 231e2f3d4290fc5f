// Opens a sealed answer piece by piece, in order, each once, as only the client of the job can.
// It must never let a piece through that was not sealed for this job at this place.

import FoundationEssentials
import NodeModel
import Synchronization
import Wire

/// The reading end of a provider's sealed answer.
final class SealedAnswer: Sendable {
    private let stream: Mutex<SealedStream>

    init(key: ContentKey, job: JobID) {
        stream = Mutex(SealedStream(key: key, jobID: job, direction: .response))
    }

    /// The text of a piece.
    /// - Throws: `verification_failed` for a gap, a repetition, a change, or bytes that are not text.
    func open(_ base64: String, sequence: UInt64) throws -> String {
        guard let sealed = Data(base64Encoded: base64) else {
            throw Self.failed("piece \(sequence) is not base64")
        }
        do {
            let plain = try stream.withLock { try $0.open(Array(sealed), sequence: sequence) }
            guard let text = String(validating: plain, as: UTF8.self) else {
                throw Self.failed("piece \(sequence) is not text")
            }
            return text
        } catch SealError.outOfOrder(let expected, let got) {
            throw Self.failed("piece \(got) came where piece \(expected) was due")
        } catch let error as SealError {
            throw Self.failed("piece \(sequence) cannot be opened: \(error)")
        }
    }

    private static func failed(_ what: String) -> WireError {
        WireError(
            .verificationFailed, "The provider's answer does not hold: \(what).",
            fix: "Ask again; this provider is used last for a while.")
    }
}

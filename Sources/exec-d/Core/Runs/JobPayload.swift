// Opens what a job brings, and closes what it gives back: in the clear for this node's own, sealed for a stranger's.
// It must never keep the content key beyond the job, nor let text of a sealed job out unsealed.

import FoundationEssentials
import Interfaces
import NodeModel
import Wire

/// A job's request, and the way its answer goes back.
struct JobPayload: Sendable {
    let request: InferenceRequest
    /// Names a sealed payload, so that it is run once; nil for one in the clear.
    let seal: Digest?
    private var answers: SealedStream?
    private var next: UInt64 = 0

    var isSealed: Bool { seal != nil }

    /// The node's own request.
    init(plain request: InferenceRequest) {
        self.request = request
        seal = nil
    }

    /// Opens a stranger's request.
    /// - Parameter contentKey: 64 hexadecimal characters, from ledger-d.
    /// - Throws: `invalid_request` when the payload does not fit the key and the job, or holds no request.
    init(_ sealed: SealedPayload, job: JobID, contentKey: String) throws(WireError) {
        guard let bytes = Hex.decode(contentKey, count: ContentKey.length), let key = ContentKey(bytes: bytes)
        else {
            throw WireError(.internalError, "ledger-d gave a content key of the wrong form.")
        }
        guard let ciphertext = Data(base64Encoded: sealed.ciphertext) else {
            throw WireError(.invalidRequest, "The sealed request is not base64.")
        }
        var requests = SealedStream(key: key, jobID: job, direction: .request)
        let plaintext: [UInt8]
        do { plaintext = try requests.open(Array(ciphertext), sequence: 0) } catch {
            throw WireError(
                .invalidRequest,
                "The sealed request cannot be opened: it was changed, or sealed for another job.",
                fix: "Seal the request again, for this job and this provider.")
        }
        // What is wrong with the inside is not said: the words could hold some of it.
        guard let request = try? InferenceRequest.fromJSON(plaintext) else {
            throw WireError(.invalidRequest, "The sealed request holds no inference request.")
        }
        self.request = request
        answers = SealedStream(key: key, jobID: job, direction: .response)
        seal = Digest(hashing: "infernet/run/1 \(job.text) \(contentKey)")
    }

    /// The event for a piece of the answer, numbered from zero.
    ///
    /// - Parameter tokens: of the answer so far, where they are told.
    mutating func event(_ piece: AnswerPiece, tokens: UInt64 = 0) throws(WireError) -> ExecInterface.Run.Event
    {
        guard let text = request.hasParts ? try? piece.written() : piece.text else {
            throw WireError(.internalError, "A piece of the answer could not be written.")
        }
        guard answers != nil else {
            defer { next += 1 }
            return ExecInterface.Run.Event(stage: .token, sequence: next, text: text, tokens: tokens)
        }
        do {
            guard let (sequence, sealed) = try answers?.seal(Array(text.utf8)) else {
                throw SealError.exhausted
            }
            return ExecInterface.Run.Event(
                stage: .token, sequence: sequence, text: Data(sealed).base64EncodedString(), tokens: tokens)
        } catch { throw WireError(.internalError, "A piece of the answer could not be sealed.") }
    }
}

// A counted sequence of sealed payloads: what one side sends, or what the other receives, in order and once.
// It must never skip or repeat a number: a gap means loss or an attack, and ends the job.

/// One end of one direction of a job's sealed payloads.
public struct SealedStream: Sendable {
    private let seal: PayloadSeal
    /// The sequence number of the next payload.
    public private(set) var next: UInt64 = 0

    /// A stream whose first payload has sequence number 0.
    public init(_ seal: PayloadSeal) {
        self.seal = seal
    }

    /// A stream of one direction of a job.
    public init(key: ContentKey, jobID: JobID, direction: PayloadSeal.Direction) {
        self.init(PayloadSeal(key: key, jobID: jobID, direction: direction))
    }

    /// Seals the next payload and returns it with its sequence number.
    public mutating func seal(_ plaintext: [UInt8]) throws(SealError) -> (sequence: UInt64, sealed: [UInt8]) {
        guard next < .max else { throw .exhausted }
        let sequence = next
        let sealed = try seal.seal(plaintext, sequence: sequence)
        next += 1
        return (sequence, sealed)
    }

    /// Opens a payload that must be the next one; the stream does not move on when it is not.
    public mutating func open(_ sealed: [UInt8], sequence: UInt64) throws(SealError) -> [UInt8] {
        guard sequence == next else { throw .outOfOrder(expected: next, got: sequence) }
        guard next < .max else { throw .exhausted }
        let plaintext = try seal.open(sealed, sequence: sequence)
        next += 1
        return plaintext
    }
}

// Seals and opens one direction of a job's payload (ChaCha20-Poly1305, RFC 8439), bound to job, direction and place.
// It must never seal two plaintexts under one key, direction and sequence number: `SealedStream` counts.

import Crypto

/// Why a payload could not be sealed or opened.
public enum SealError: Error, Hashable, Sendable {
    /// Too short to hold the authentication tag.
    case truncated
    /// Changed, or sealed for another job, direction or place, or with another key.
    case notAuthentic
    /// Not the sequence number that comes next: lost, repeated or reordered.
    case outOfOrder(expected: UInt64, got: UInt64)
    /// All sequence numbers are used.
    case exhausted
}

/// One direction of one job under its content key.
public struct PayloadSeal: Sendable {
    /// Which way a payload travels. Each has its own nonces.
    public enum Direction: UInt8, Sendable {
        /// Client to provider.
        case request = 1
        /// Provider to client.
        case response = 2
    }

    /// Bytes that sealing adds to every payload.
    public static let overhead = 16

    private let key: ContentKey
    private let jobID: JobID
    private let direction: Direction

    /// The seal of one direction of one job. `key` must be fresh for every attempt at a job.
    public init(key: ContentKey, jobID: JobID, direction: Direction) {
        self.key = key
        self.jobID = jobID
        self.direction = direction
    }

    /// Ciphertext and 16-byte tag of `plaintext` at place `sequence`.
    public func seal(_ plaintext: [UInt8], sequence: UInt64) throws(SealError) -> [UInt8] {
        do {
            let nonce = try ChaChaPoly.Nonce(data: nonceBytes(sequence))
            let box = try ChaChaPoly.seal(
                plaintext, using: key.key, nonce: nonce, authenticating: associatedData(sequence))
            return Array(box.ciphertext) + Array(box.tag)
        } catch {
            // A 12-byte nonce and a 32-byte key are always accepted; the cipher has no other failure.
            throw .notAuthentic
        }
    }

    /// The plaintext that `seal(_:sequence:)` was given.
    public func open(_ sealed: [UInt8], sequence: UInt64) throws(SealError) -> [UInt8] {
        guard sealed.count >= Self.overhead else { throw .truncated }
        let split = sealed.count - Self.overhead
        do {
            let box = try ChaChaPoly.SealedBox(
                nonce: ChaChaPoly.Nonce(data: nonceBytes(sequence)), ciphertext: sealed[..<split],
                tag: sealed[split...])
            return Array(try ChaChaPoly.open(box, using: key.key, authenticating: associatedData(sequence)))
        } catch {
            throw .notAuthentic
        }
    }

    /// Direction, three zero bytes, big-endian sequence number: never the same twice under one key.
    private func nonceBytes(_ sequence: UInt64) -> [UInt8] {
        [direction.rawValue, 0, 0, 0] + Self.bigEndian(sequence)
    }

    private func associatedData(_ sequence: UInt64) -> [UInt8] {
        let job = Array(jobID.description.utf8)
        return Array("infernet/seal/1".utf8) + Self.bigEndian(UInt64(job.count)) + job + [direction.rawValue]
            + Self.bigEndian(sequence)
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }
}

// The secret of one job: a fresh 32-byte key that seals its request and its answer.
// It must never be printed, logged, or used for a second job or a second attempt.

import Crypto

/// A symmetric key that seals the payload of one attempt at one job.
public struct ContentKey: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// Key length in bytes.
    public static let length = 32

    let key: SymmetricKey

    /// A fresh key from the system's random source.
    public init() {
        key = SymmetricKey(size: .bits256)
    }

    /// A key that was unwrapped; nil unless it has 32 bytes.
    public init?(bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        key = SymmetricKey(data: bytes)
    }

    /// The secret bytes, for wrapping only.
    public var bytes: [UInt8] {
        key.withUnsafeBytes { Array($0) }
    }

    /// Never the key.
    public var description: String { "ContentKey(redacted)" }

    /// Never the key.
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

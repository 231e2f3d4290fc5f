// Tokens that prove an address: only who receives at it can know one (BEP 5).
// It must never hand the same token to two addresses, nor honour one for longer than two lifetimes.

import Crypto

/// Makes and checks tokens with a secret that changes.
public struct TokenJar: Sendable {
    private var current: [UInt8]
    private var previous: [UInt8]

    /// The number of bytes in a token.
    public static let byteCount = 8

    /// A jar with a fresh secret.
    public init(random: inout DHTRandom) {
        current = random.bytes(16)
        previous = random.bytes(16)
    }

    /// Takes a new secret; tokens of the one before the last stop being valid.
    public mutating func rotate(random: inout DHTRandom) {
        previous = current
        current = random.bytes(16)
    }

    /// The token for `endpoint`, address and port.
    public func token(for endpoint: Endpoint) -> [UInt8] { Self.token(current, endpoint) }

    /// Whether `token` was given to `endpoint` under the present or the last secret.
    public func isValid(_ token: [UInt8], for endpoint: Endpoint) -> Bool {
        token == Self.token(current, endpoint) || token == Self.token(previous, endpoint)
    }

    private static func token(_ secret: [UInt8], _ endpoint: Endpoint) -> [UInt8] {
        Array(SHA256.hash(data: secret + endpoint.compact).prefix(byteCount))
    }
}

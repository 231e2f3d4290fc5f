// Cards with real signatures.
// It must never hold a key that means anything outside tests.

import DHTSimulation
import NodeModel
import Nostr
import Testing

extension TestCards {
    /// A key that follows from a number.
    static func key(_ number: UInt8) throws -> SecretKey {
        var bytes = [UInt8](repeating: 0x11, count: 32)
        bytes[31] = number
        return try #require(SecretKey(bytes: bytes))
    }

    static func signed(
        _ number: UInt8, model: String = "smollm2", created: Int64, lifetime: Int64 = 1200,
        extra: [[String]] = []
    ) throws -> SignedEvent {
        let key = try key(number)
        return try key.sign(
            template(key.publicKey, model: model, created: created, lifetime: lifetime, extra: extra))
    }
}

// Evidence with real signatures.
// It must never hold a key that means anything outside tests.

import DHTCore
import DHTSimulation
import NodeModel
import Nostr
import Testing

enum TestEvidence {
    static let provider: UInt8 = 200

    /// A word of client `rater` on provider 200, or another one.
    static func signed(
        by rater: UInt8, on subject: UInt8 = provider, job: Int = 0, _ outcome: Evidence.Outcome = .ok,
        created: Int64, change: (inout Evidence) -> Void = { _ in }
    ) throws -> SignedEvent {
        let (client, provider) = (try TestCards.key(rater), try TestCards.key(subject))
        let foil = Counterfoil(
            provider: provider.publicKey, client: client.publicKey,
            receipt: Digest(hashing: "\(rater) \(subject) \(job)"),
            usage: Usage(promptTokens: 30, completionTokens: 12), price: 54, asset: .testCredit,
            finishedAt: created)
        let signature = try #require(Hex.decode(try provider.sign(foil.template).sig, count: 64))
        var evidence = Evidence(
            counterfoil: foil, signature: signature, outcome: outcome, createdAt: created)
        change(&evidence)
        return try client.sign(evidence.template)
    }

    static func bytes(_ event: SignedEvent) throws -> [UInt8] { try #require(CardRecord(event)).encoded }
}

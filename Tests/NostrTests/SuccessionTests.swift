// Proves that a name passes on only when both keys have signed for it, in the one form.

import NodeModel
import Testing

@testable import Nostr

@Suite struct SuccessionTests {
    let old = SecretKey.generate()
    let new = SecretKey.generate()

    private func event(
        _ succession: Succession, by author: SecretKey, agreedBy successor: SecretKey,
        change: (inout EventTemplate) -> Void = { _ in }
    ) throws -> SignedEvent {
        let consent = try successor.signature(of: succession.consentMessage)
        var template = try succession.template(consent: consent)
        change(&template)
        return try author.sign(template)
    }

    private var right: Succession {
        Succession(predecessor: old.publicKey, successor: new.publicKey, at: 1_790_000_000)
    }

    @Test func bothKeysSignForIt() throws {
        let event = try event(right, by: old, agreedBy: new)
        #expect(try Succession(event) == right)
        #expect(event.kind == 7862 && event.tags == [["p", new.publicKey.hex]])
    }

    @Test func withoutConsentItIsNone() throws {
        let stolen = try event(right, by: old, agreedBy: old)
        #expect(throws: SuccessionError.noConsent) { try Succession(stolen) }
        // A consent given at another time, or to another key, is none for this one.
        let other = Succession(predecessor: old.publicKey, successor: new.publicKey, at: 1_790_000_001)
        let consent = try new.signature(of: other.consentMessage)
        let moved = try old.sign(try right.template(consent: consent))
        #expect(throws: SuccessionError.noConsent) { try Succession(moved) }
    }

    @Test func otherFormsAreRefused() throws {
        let changes: [(inout EventTemplate) -> Void] = [
            { $0.kind = 7863 }, { $0.tags = [] }, { $0.tags.append(["t", "x"]) },
            { $0.tags = [["p", $0.pubkey.hex]] }, { $0.content += " " }, { $0.content = "{}" },
        ]
        for change in changes {
            let wrong = try event(right, by: old, agreedBy: new, change: change)
            #expect(throws: SuccessionError.wrongForm) { try Succession(wrong) }
        }
        let own = Succession(predecessor: old.publicKey, successor: old.publicKey, at: 1)
        #expect(throws: SuccessionError.sameKey) { try own.template(consent: []) }
        let good = try event(right, by: old, agreedBy: new)
        let forged = SignedEvent(good.template, signature: [UInt8](repeating: 1, count: 64))
        #expect(throws: SuccessionError.event(.wrongSignature)) { try Succession(forged) }
    }
}

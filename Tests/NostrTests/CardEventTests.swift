// Proves that a signed card is read back as it was written, and that any other form of it is refused.

import NodeModel
import Nostr
import Testing

@Suite struct CardEventTests {
    let key = SecretKey.generate()

    private var card: ProviderCard {
        ProviderCard(
            provider: key.publicKey, endpoint: "ws://127.0.0.3:9103/peer",
            models: [
                ModelOffer(
                    name: "smollm2-135m-instruct", root: Digest(hashing: "model"), context: 2048,
                    price: UnitPrice(prompt: 1, completion: 2))
            ], device: "cpu", memoryMiB: 1024, slots: 2, load: 3, createdAt: 1_790_000_000,
            expiresAt: 1_790_001_200)
    }

    @Test func aCardSurvives() throws {
        let event = try key.sign(card.template)
        try event.verify()
        #expect(ProviderCard(event) == card)
    }

    @Test func severalDevicesSurviveAndOneIsNotCounted() throws {
        var several = card
        several.deviceCount = 8
        #expect(ProviderCard(try key.sign(several.template)) == several)
        for count in [-1, 0, 1, 5_000] {
            several.deviceCount = count
            #expect(ProviderCard(try key.sign(several.template)) == nil)
        }
    }

    @Test func anAddedOrChangedTagIsRefused() throws {
        for index in card.template.tags.indices {
            var template = card.template
            template.tags.append(template.tags[index])
            // A second offer of the same model is a card of its own; every other repetition is ambiguous.
            if template.tags[index].first != "model" { #expect(ProviderCard(try key.sign(template)) == nil) }
            template = card.template
            template.tags[index].append("more")
            #expect(ProviderCard(try key.sign(template)) == nil)
        }
    }
}

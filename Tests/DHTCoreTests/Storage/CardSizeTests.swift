// Proves that whoever composes a card knows its size to the byte before it is signed.

import NodeModel
import Nostr
import Testing

@testable import DHTCore

@Suite struct CardSizeTests {
    @Test(arguments: [0, 1, 3, 8]) func theSizeIsThatOfTheRecord(models: Int) throws {
        let key = SecretKey.generate()
        let offers = (0..<models).map { number in
            ModelOffer(
                name: String(repeating: "m", count: 1 + number * 9), root: Digest(hashing: "\(number)"),
                context: 1 << number,
                price: UnitPrice(
                    asset: number == 3 ? Asset(rawValue: "eip155:137/erc20:0x3c49") : .testCredit,
                    prompt: 10, completion: 1_000_000))
        }
        var card = ProviderCard(
            provider: key.publicKey, endpoint: "ws://127.0.0.3:9103/peer", models: offers, device: "cpu",
            memoryMiB: 768, slots: 2, load: 3, createdAt: 1_790_000_000, expiresAt: 1_790_001_200)
        #expect(try #require(CardRecord(key.sign(card.template))).encoded.count == card.size)
        card.deviceCount = 16
        card.device = "nvidia-h200"
        card.statusAddress = "127.0.0.3:9203"
        card.payTo = PayTo(address: "0x" + String(repeating: "a", count: 40), withdrawDelay: 86_400)
        #expect(try #require(CardRecord(key.sign(card.template))).encoded.count == card.size)
    }
}

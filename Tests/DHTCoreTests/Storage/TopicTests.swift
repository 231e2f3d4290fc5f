// Proves where topics live and which topics a card may claim.

import DHTCore
import DHTSimulation
import NodeModel
import Testing

@Suite struct TopicTests {
    @Test func keysAreTheDocumentedHash() throws {
        // sha256("infernet/1/n/smollm2-135m-instruct/"), first 20 bytes, by coreutils' sha256sum.
        let topic = try #require(Topic("n/smollm2-135m-instruct"))
        #expect(topic.key().description == "e03e3dac30a53ce0f3636a6393a15bf024fffc9e")
        #expect(topic.key(shardBits: "0") != topic.key())
    }

    @Test func textIsReadStrictlyAndNamesAreLowered() throws {
        let hex = String(repeating: "ab", count: 32)
        #expect(Topic("p/\(hex)")?.description == "p/\(hex)")
        #expect(Topic("m/\(hex)")?.description == "m/\(hex)")
        #expect(Topic("n/SmolLM2")?.description == "n/smollm2")
        #expect(Topic("g/nvidia-h200")?.description == "g/nvidia-h200")
        #expect(Topic("mg/nvidia-h200/Smol/LM2")?.description == "mg/nvidia-h200/smol/lm2")
        for text in [
            "g/", "g/cpu", "g/NVIDIA-H200", "mg/nvidia-h200", "mg/nvidia-h200/", "mg/cpu/smollm2", "mg//x",
            "", "n", "n/", "x/abc", "p/abc", "p/\(hex.uppercased())",
            "n/" + String(repeating: "a", count: 65),
        ] {
            #expect(Topic(text) == nil)
        }
    }

    @Test func aCardClaimsItsAuthorItsModelsAndItsDeviceOnly() throws {
        let event = TestCards.fake(1, model: "smollm2", created: 1)
        #expect(
            Topic.topics(of: event) == [
                .provider(event.pubkey), .name("smollm2"), .model(TestCards.root("smollm2")),
            ])
        var card = TestCards.card(1, created: 1)
        card.device = "nvidia-h200"
        let device = try #require(DeviceClass("nvidia-h200"))
        #expect(
            Topic.topics(of: TestCards.fakeSigned(card)).dropFirst(3) == [
                .nameOnDevice("smollm2", device), .device(device),
            ])
        // Its maker alone is no class, nor is a CPU.
        for plain in ["nvidia", "cpu", "NVIDIA H200"] {
            card.device = plain
            #expect(Topic.topics(of: TestCards.fakeSigned(card)).count == 3)
        }
        let note = SignedEvent(
            EventTemplate(pubkey: event.pubkey, createdAt: 1, kind: 1, tags: event.tags),
            signature: [UInt8](repeating: 0, count: 64))
        #expect(Topic.topics(of: note).isEmpty)
    }
}

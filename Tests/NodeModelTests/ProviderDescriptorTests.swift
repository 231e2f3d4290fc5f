// Proves that a descriptor has one form, survives being an event, and cannot hold what cannot be.

import NodeModel
import Testing

@Suite struct ProviderDescriptorTests {
    private func descriptor() throws -> ProviderDescriptor {
        ProviderDescriptor(
            provider: PublicKey(xOnly: Digest(hashing: "key")), endpoints: ["ws://203.0.113.7:9103/peer"],
            statusAddresses: ["[2001:db8::7]:9203"],
            devices: [.init(kind: "cpu", name: "AMD EPYC", memoryMiB: 24_000, driver: nil)], slots: 2,
            models: [
                .init(
                    name: "m", root: try #require(ContentRoot(hex: Digest(hashing: "m").hex)),
                    sha256: Digest(hashing: "f"), size: 1, format: "gguf", context: 2048,
                    details: ["architecture": "llama"], price: UnitPrice(prompt: 1, completion: 2))
            ], image: nil, payTo: nil, createdAt: 1_800_000_000)
    }

    private func event(_ template: EventTemplate) -> SignedEvent {
        SignedEvent(template, signature: [UInt8](repeating: 0, count: 64))
    }

    @Test func whatIsWrittenIsRead() throws {
        let descriptor = try descriptor()
        let template = try descriptor.template()
        #expect(template.kind == 31861 && template.tags == [["d", "infernet"]])
        #expect(try ProviderDescriptor(unproven: event(template)) == descriptor)
        // What is not known is absent, not empty.
        for field in ["interconnect", "attestation", "driver", "pay_to", "image"] {
            #expect(!template.content.contains("\"\(field)\""), "\(field)")
        }
    }

    @Test func anotherFormIsNone() throws {
        let good = try descriptor().template()
        var changes: [EventTemplate] = [good, good, good, good, good]
        changes[0].kind = 31860
        changes[1].tags = []
        changes[2].content += " "
        changes[3].createdAt += 1
        changes[4].pubkey = PublicKey(xOnly: Digest(hashing: "other"))
        for template in changes {
            #expect(throws: DescriptorError.self) { try ProviderDescriptor(unproven: event(template)) }
        }
    }

    @Test func whatCannotBeIsRefused() throws {
        let changes: [(inout ProviderDescriptor) -> Void] = [
            { $0.version = 2 }, { $0.endpoints = [] },
            { $0.endpoints = Array(repeating: "ws://a", count: 9) },
            { $0.statusAddresses = [String(repeating: "1", count: 48)] },
            { $0.devices = Array(repeating: $0.devices[0], count: 17) }, { $0.devices[0].memoryMiB = -1 },
            { $0.devices[0].name = String(repeating: "x", count: 129) }, { $0.slots = -1 },
            { $0.models = Array(repeating: $0.models[0], count: 33) }, { $0.models[0].name = "Upper" },
            { $0.models[0].size = -1 }, { $0.models[0].context = 0 },
            { $0.models[0].details = ["": "x"] }, { $0.models[0].price.prompt = -1 },
            { $0.interconnect = "" }, { $0.attestation = .init(kind: "tpm", evidence: "xyz") },
            { $0.createdAt = -1 },
        ]
        for (number, change) in changes.enumerated() {
            var descriptor = try descriptor()
            change(&descriptor)
            #expect(throws: DescriptorError.self, "\(number)") { try descriptor.template() }
        }
    }
}

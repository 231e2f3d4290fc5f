// Proves that a node says of itself what its daemons report and nothing else, and that it fits into the network whatever they do.

import Interfaces
import NodeModel
import Testing
import Wire

@testable import AggregatorCore

@Suite struct DescriptorMakingTests {
    private let card = PlannerTests.card("provider", price: 3)

    private func entry(
        _ number: Int, name: String? = nil, format: String = "gguf", metadata: [String: String] = [:]
    ) -> ContentInterface.Entry {
        let root = Digest(hashing: "model \(number)")
        return ContentInterface.Entry(
            name: name ?? "model-\(number)", root: root, sha256: Digest(hashing: "file \(number)"),
            manifest: "m",
            size: Int64(number), format: format, metadata: metadata, addedAt: Int64(number))
    }

    private func made(
        _ entries: [ContentInterface.Entry], context: Int = 1024,
        _ change: (inout ExecInterface.Inventory.Reply) -> Void = { _ in }
    ) -> ProviderDescriptor {
        var inventory = PlannerTests.inventory()
        change(&inventory)
        return ProviderDescriptor(
            of: card, LocalView(entries: .success(entries), inventory: .success(inventory)),
            prices: PriceList(card.models[0].price), context: context)
    }

    @Test func whatIsReportedIsTold() throws {
        let told = made([entry(1, metadata: ["context_length": "512", "architecture": "llama"]), entry(2)]) {
            $0.engineDevices = [
                ExecInterface.Device(kind: "nvidia", name: "H200", memoryMiB: 143_000, driver: "575.1")
            ]
        }
        #expect(told.provider == card.provider && told.endpoints == [card.endpoint])
        #expect(told.slots == card.slots && told.image == "sha256:x" && told.createdAt == card.createdAt)
        let device = try #require(told.devices.first)
        #expect(told.devices.count == 1 && device.kind == "nvidia" && device.name == "H200")
        #expect(device.memoryMiB == 143_000 && device.driver == "575.1")
        #expect(told.models.map(\.name) == ["model-2", "model-1"], "the newest first")
        let old = told.models[1]
        #expect(old.root == Digest(hashing: "model 1") && old.sha256 == Digest(hashing: "file 1"))
        #expect(old.size == 1 && old.format == "gguf" && old.price == card.models[0].price)
        #expect(old.context == 512 && told.models[0].context == 1024)
        #expect(old.details == ["context_length": "512", "architecture": "llama"])
        #expect(told.interconnect == nil && told.attestation == nil && told.statusAddresses.isEmpty)
    }

    @Test func whatNobodyReportedIsAbsent() {
        let silent = WireError(.unavailable, "silent")
        let told = ProviderDescriptor(
            of: card, LocalView(entries: .failure(silent), inventory: .failure(silent)),
            prices: PriceList(card.models[0].price), context: 1024)
        #expect(told.devices.isEmpty && told.image == nil && told.models.isEmpty)
        #expect(made([entry(1, format: "safetensors")]).models.isEmpty, "nothing here runs that")
        var free = card
        free.models = []
        let local = LocalView(entries: .success([entry(1)]), inventory: .success(PlannerTests.inventory()))
        #expect(
            ProviderDescriptor(
                of: free, local, prices: PriceList(card.models[0].price), context: 1024
            ).models.isEmpty, "nothing is without a price")
    }

    @Test func aSlotsContextIsTheMost() {
        for (own, context, told) in [
            ("512", 1024, 512), ("4096", 1024, 1024), ("x", 1024, 1024), ("0", 1024, 1),
        ] {
            #expect(
                made([entry(1, metadata: ["context_length": own])], context: context).models[0].context
                    == told)
        }
    }

    @Test func muchIsCutToWhatFits() throws {
        let long = String(repeating: "ä", count: 100)
        let metadata = Dictionary(
            uniqueKeysWithValues: (0..<20).map { ("key\($0)", String(repeating: "v", count: 60)) })
        let told = made((0..<100).map { entry($0, name: "\(long)\($0)".prefixed(64), metadata: metadata) }) {
            $0.engineDevices = (0..<40).map {
                ExecInterface.Device(kind: "cpu", name: long + "\($0)", memoryMiB: 1)
            }
        }
        #expect(told.devices.count == 16)
        #expect(told.devices.allSatisfy { $0.name.utf8.count == 128 && $0.name.allSatisfy { $0 == "ä" } })
        #expect(told.models.allSatisfy { $0.details.count == 8 })
        #expect(told.models.count > 1 && told.models.count < ProviderDescriptor.mostModels)
        let newest: [Int64] = (0..<told.models.count).map { Int64(99 - $0) }
        #expect(told.models.map(\.size) == newest, "the oldest are left out")
        let template = try told.template()
        #expect(template.content.utf8.count <= ProviderDescriptor.maximumSize)
        #expect(template.content.utf8.count > ProviderDescriptor.maximumSize / 2)
        // Small ones are bounded by their number.
        #expect(
            made((0..<100).map { entry($0, name: "m\($0)") }).models.count <= ProviderDescriptor.mostModels)
    }

    @Test func theTimeAloneIsNoReasonForANewOne() {
        var (one, two) = (made([entry(1)]), made([entry(1)]))
        two.createdAt += 100
        #expect(one != two && one.contents == two.contents)
        two.slots += 1
        #expect(one.contents != two.contents)
        one.createdAt = 0
        #expect(one == one.contents)
    }

    /// Content may be called by up to 128 letters: such a model is left out, and the rest is as valid as ever.
    @Test func aLongNameKeepsNothingElseOut() throws {
        let (long, most) = (String(repeating: "n", count: 65), String(repeating: "n", count: 64))
        let told = made([entry(1, name: long), entry(2, name: most), entry(3)])
        #expect(told.models.map(\.name) == ["model-3", most])
        try told.check()
    }

    @Test func emptyAndOversizedDetailsAreLeftOut() {
        let told = made([
            entry(
                1,
                metadata: [
                    "": "x", "empty": "", "long": String(repeating: "x", count: 65),
                    String(repeating: "k", count: 33): "x", "kept": String(repeating: "x", count: 64),
                ])
        ])
        #expect(Array(told.models[0].details.keys) == ["kept"])
    }
}

extension String {
    /// At most so many bytes.
    fileprivate func prefixed(_ most: Int) -> String {
        var text = self
        while text.utf8.count > most { text.removeLast() }
        return text
    }
}

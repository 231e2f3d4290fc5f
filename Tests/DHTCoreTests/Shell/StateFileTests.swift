// Proves that what is remembered comes back whole, and that a damaged file is set aside, not believed.

import DHTSimulation
import FoundationEssentials
import NodeModel
import Testing

@testable import DHTCore

@Suite struct StateFileTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/dht-state-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func state() throws -> RememberedState {
        var random = DHTRandom(seed: 3)
        let nodes = (0..<20).map { number in
            NodeContact(
                id: NodeID.random(using: &random),
                endpoint: Endpoint(address: 0x1400_0001 + UInt32(number), port: 1))
        }
        return RememberedState(
            id: NodeID.random(using: &random), nodes: nodes,
            cards: [try #require(CardRecord(TestCards.fake(1, created: 1_800_000_000)))])
    }

    @Test func nothingIsThereAtFirst() throws {
        #expect(try StateFile(path: folder + "/dht.state").read() == .nothing)
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func whatIsWrittenComesBackAndIsReplacedWhole() throws {
        let file = StateFile(path: folder + "/dht.state")
        var written = try state()
        try file.write(written)
        #expect(try file.read() == .state(written))
        written.nodes = []
        try file.write(written)
        #expect(try file.read() == .state(written))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["dht.state"])
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func aDamagedFileIsSetAside() throws {
        let file = StateFile(path: folder + "/dht.state")
        let good = try state().encoded()
        for cut in stride(from: 0, to: good.count, by: 37) {
            try Data(good.prefix(cut)).write(to: URL(fileURLWithPath: file.path))
            #expect(try file.read() == .damaged(movedTo: file.path + ".damaged"))
            #expect(try file.read() == .nothing)
        }
        try FileManager.default.removeItem(atPath: folder)
    }

    @Test func anUnwritableFolderIsAReasonNotACrash() {
        let file = StateFile(path: folder + "/missing/dht.state")
        #expect(throws: StateFile.Failure.self) { try file.write(try state()) }
    }
}

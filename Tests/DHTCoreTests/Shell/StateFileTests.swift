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
        let six = (0..<5).compactMap { IPAddress(v6: 0x2001_0DB8_0000_0000, $0) }.map { address in
            NodeContact(id: NodeID.random(using: &random), endpoint: Endpoint(address, port: 2))
        }
        return RememberedState(
            id: NodeID.random(using: &random), idV6: NodeID.random(using: &random), nodes: nodes + six,
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

    /// What dht-d wrote before it knew IPv6 is worth as much as before.
    @Test func aFileWithoutIPv6IsRead() throws {
        let state = try state()
        let now = String(decoding: state.encoded().map { $0 < 128 ? $0 : 63 }, as: UTF8.self)
        #expect(now.contains("6:nodes6190:"))
        var writer = BencodeWriter()
        writer.beginDictionary()
        writer.key("cards")
        writer.beginList()
        writer.end()
        writer.key("id")
        writer.bytes(state.id.bytes)
        writer.key("nodes")
        writer.bytes(NodeContact.compact(state.nodes, .v4))
        writer.key("version")
        writer.integer(1)
        writer.end()
        let old = try #require(RememberedState(decoding: writer.output))
        #expect(old.id == state.id && old.idV6 == state.id)
        #expect(old.nodes == Array(state.nodes.prefix(20)))
    }

    @Test func whatIsKnownOfOneNetworkIsReplacedAlone() throws {
        let before = try state()
        var after = before
        after.replace(.v6, id: before.id, nodes: [])
        #expect(after.nodes == Array(before.nodes.prefix(20)) && after.idV6 == before.id)
        after = before
        after.replace(.v4, id: before.idV6, nodes: [])
        #expect(after.nodes == Array(before.nodes.dropFirst(20)) && after.id == before.idV6)
        #expect(RememberedState(decoding: after.encoded()) == after)
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

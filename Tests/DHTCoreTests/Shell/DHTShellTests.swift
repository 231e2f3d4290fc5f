// Proves that the core lives under real UDP: nodes on loopback addresses join, announce, find, and leave.

import DHTSimulation
import NIOCore
import NIOPosix
import NodeModel
import NodeSystem
import TestKit
import Testing

@testable import DHTCore

@Suite(.timeLimit(.minutes(1))) struct DHTShellTests {
    /// A node on a socket of its own at `host`, at a port that the kernel chooses.
    private func start(
        _ host: String, _ group: MultiThreadedEventLoopGroup, _ family: AddressFamily = .v4
    ) async throws -> (DHTShell, Endpoint) {
        let descriptor = try UDPSocket.bind(host: host, port: 0)
        let address = try InternetSocket.localAddress(of: descriptor)
        var random = SystemRandomNumberGenerator()
        let seed = (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }
        let shell = try await DHTShell.start(
            sockets: [family: descriptor], id: NodeID.random(using: &random),
            configuration: DHTConfiguration(),
            seed: seed,
            loop: group.next())
        return (shell, try #require(IPAddress(host).map { Endpoint($0, port: address.port) }))
    }

    private func now() -> Int64 { DHTShell.moment().unixSeconds }

    @Test func twoNodesFindEachOthersCards() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (provider, door) = try await start("127.0.0.2", group)
        let (client, _) = try await start("127.0.0.3", group)
        try await client.join(remembered: [], bootstrap: [door])
        let one = try TestCards.signed(1, model: "alpha", created: now())
        let two = try TestCards.signed(2, model: "beta", created: now())
        #expect(try await provider.announce(one).get().topics.count == 3)
        #expect(try await client.announce(two).get().stored == 3)
        let alpha = try await client.find(.name("alpha"), limit: 4)
        #expect(alpha.cards == [one], "\(alpha.summary)")
        let beta = try await provider.find(.model(TestCards.root("beta")), limit: 4)
        #expect(beta.cards == [two], "\(beta.summary)")
        let nobody = try await client.find(.name("gamma"), limit: 4)
        #expect(nobody.cards.isEmpty)
        #expect(nobody.summary == "1 of 1 nodes answered, and none had an acceptable card")
        await client.leave()
        await provider.leave()
        try await group.shutdownGracefully()
    }

    @Test(.enabled(if: Machine.hasIPv6, "this machine has no IPv6"))
    func nodesOfIPv6FindEachOther() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (provider, door) = try await start("::1", group, .v6)
        let (client, _) = try await start("::1", group, .v6)
        try await client.join(remembered: [], bootstrap: [door])
        let card = try TestCards.signed(1, model: "alpha", created: now())
        #expect(try await provider.announce(card).get().topics.count == 3)
        #expect(try await client.find(.name("alpha"), limit: 4).cards == [card])
        let node = try await client.snapshot().node
        #expect(node.presences.map(\.family) == [.v6])
        #expect(node.count(.good, .v6) == 1 && node.count(.good, .v4) == 0)
        await client.leave()
        await provider.leave()
        try await group.shutdownGracefully()
    }

    /// One has both; the others can reach it, and each other not at all.
    @Test(.enabled(if: Machine.hasIPv6, "this machine has no IPv6"))
    func whoHasBothIsFoundByBoth() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var random = SystemRandomNumberGenerator()
        let sockets = [
            AddressFamily.v4: try UDPSocket.bind(host: "127.0.0.2", port: 0),
            .v6: try UDPSocket.bind(host: "::1", port: 0),
        ]
        let ports = try sockets.mapValues { try InternetSocket.localAddress(of: $0).port }
        let provider = try await DHTShell.start(
            sockets: sockets, id: NodeID.random(using: &random), configuration: DHTConfiguration(),
            seed: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }, loop: group.next())
        let (four, _) = try await start("127.0.0.3", group)
        let (six, _) = try await start("::1", group, .v6)
        let places = [(four, AddressFamily.v4, "127.0.0.2"), (six, .v6, "::1")]
        for (shell, family, host) in places {
            let door = try #require(IPAddress(host).map { Endpoint($0, port: ports[family] ?? 0) })
            try await shell.join(remembered: [], bootstrap: [door])
        }
        let card = try TestCards.signed(1, model: "alpha", created: now())
        try await eventually("both are known") {
            try await provider.snapshot().node.count(.good) == 2
        }
        #expect(try await provider.announce(card).get().topics.map(\.stored) == [2, 2, 2])
        for shell in [four, six] { #expect(try await shell.find(.name("alpha"), limit: 1).cards == [card]) }
        for shell in [provider, four, six] { await shell.leave() }
        try await group.shutdownGracefully()
    }

    @Test func aDozenNodesSurviveTheDeathOfAThird() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        var nodes: [DHTShell] = []
        var door: [Endpoint] = []
        for number in 2..<14 {
            let (shell, endpoint) = try await start("127.0.0.\(number)", group)
            try await shell.join(remembered: [], bootstrap: door)
            if door.isEmpty { door = [endpoint] }
            nodes.append(shell)
        }
        try await Task.sleep(for: .milliseconds(700))
        let card = try TestCards.signed(1, created: now())
        let report = try await nodes[5].announce(card).get()
        #expect(report.stored >= 12, "\(report)")
        for index in [0, 5, 8, 10] { await nodes[index].abandon() }
        let found = try await nodes[11].find(.name("smollm2"), limit: 1)
        #expect(found.cards == [card], "\(found.summary)")
        for node in nodes { await node.leave() }
        try await group.shutdownGracefully()
    }

    /// Strangers say whom a node sends to. No address that they name may end its life.
    @Test(arguments: ["8.8.8.8:6881", "0.1.2.3:1", "255.255.255.255:1", "127.255.255.255:1", "192.0.2.255:1"])
    func anAddressThatNobodyCanSendToChangesNothing(_ nowhere: String) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (shell, door) = try await start("127.0.0.2", group)
        let (other, _) = try await start("127.0.0.3", group)
        let unreachable = try #require(Endpoint(nowhere))
        let lost = NodeContact(
            id: NodeID(truncating: [UInt8](repeating: 9, count: 20)), endpoint: unreachable)
        try await shell.join(remembered: [lost], bootstrap: [unreachable, unreachable])
        try await other.join(remembered: [], bootstrap: [door])
        let card = try TestCards.signed(1, created: now())
        #expect(try await shell.announce(card).get().topics.count == 3)
        #expect(try await other.find(.name("smollm2"), limit: 1).cards == [card])
        #expect(await shell.isCutOff() == false)
        await other.leave()
        await shell.leave()
        #expect(await shell.isCutOff() == false)
        try await group.shutdownGracefully()
    }

    @Test func whoHasLeftAnswersNobodyAndSaysSo() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let (shell, _) = try await start("127.0.0.2", group)
        await shell.leave()
        await #expect(throws: (any Error).self) { try await shell.find(.name("x"), limit: 1) }
        await shell.leave()
        try await group.shutdownGracefully()
    }
}

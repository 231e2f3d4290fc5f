// Proves dht-d as its callers see it: over its real socket, with real grants, with and without a network.

import DHTSimulation
import IPC
import Interfaces
import Logging
import NIOCore
import NIOPosix
import NodeConfig
import NodeModel
import NodeSystem
import Nostr
import TestKit
import Testing
import Wire

@testable import DHTCore
@testable import DaemonKit

@Suite(.timeLimit(.minutes(1))) struct DHTDaemonTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private struct Running {
        let daemon: DHTDaemon
        let server: LoopbackServer
        let address: String?
        let metrics: MetricsRegistry
    }

    /// Starts the daemon as the skeleton would, in a state directory called `name`.
    private func start(
        _ name: String, host: String?, bootstrap: [String] = [], listen: String = "127.0.0.1:9200",
        listen6: String = "", hasSix: Bool = false
    ) async throws -> Running {
        var config = DHTSection()
        config.listen = listen
        config.listen6 = listen6
        config.bootstrap = bootstrap
        let descriptor = try host.map { try UDPSocket.bind(host: $0, port: 0) }
        let port = try descriptor.map { try InternetSocket.localAddress(of: $0).port }
        var sockets = descriptor.map { ["dht": [$0]] } ?? [:]
        if hasSix { sockets["dht6"] = [try UDPSocket.bind(host: "::1", port: 0)] }
        let metrics = MetricsRegistry()
        let state = try folder.directory(name)
        let environment = DaemonEnvironment(
            role: .dht, config: config, node: NodeSection(),
            log: Logger(label: "dht-d") { _ in SwiftLogNoOpLogHandler() },
            group: MultiThreadedEventLoopGroup.singleton, sockets: sockets,
            stateDirectory: state, runtimeDirectory: state, metrics: metrics)
        let daemon = try await DHTDaemon(environment)
        let server = try await LoopbackServer(.dht, runDirectory: state) { daemon.routes(&$0) }
        return Running(
            daemon: daemon, server: server, address: port.map { "\(host ?? ""):\($0)" }, metrics: metrics)
    }

    private func now() -> Int64 { DHTShell.moment().unixSeconds }

    @Test func aCardAnnouncedAtOneNodeIsFoundAtTheOther() async throws {
        let provider = try await start("a", host: "127.0.0.2")
        let client = try await start("b", host: "127.0.0.3", bootstrap: [try #require(provider.address)])
        let card = try TestCards.signed(1, created: now())
        let announced = try await provider.server.link(as: .aggregator).call(
            DHTInterface.Announce(card: card))
        #expect(announced.topics.count == 3)
        #expect(announced.stored >= 3)
        let line = client.server.link(as: .aggregator)
        #expect(try await line.call(DHTInterface.Find(model: "SmolLM2")).cards == [card])
        #expect(try await line.call(DHTInterface.Find(model: TestCards.root("smollm2").hex)).cards == [card])
        let none = try await line.call(DHTInterface.Find(model: "unknown"))
        #expect(none.cards.isEmpty)
        #expect(none.leftOut == ["1 of 1 nodes answered, and none had an acceptable card"])
        #expect(await provider.daemon.checks().allSatisfy(\.ok))
        #expect(await client.daemon.checks().allSatisfy(\.ok))
        // A goodbye takes the card along: the client's own store is empty then.
        await provider.daemon.drain()
        // It is on its way then, and the client need not have read it.
        try await eventually("the card is gone") {
            try await client.daemon.shell?.snapshot().node.storedCards == 0
        }
        #expect(try await line.call(DHTInterface.Find(model: "smollm2")).cards.isEmpty)
        await client.daemon.drain()
    }

    /// What only one node holds is there again after it was killed, others' words as its own people's: whoever was told that a
    /// piece is kept was told the truth.
    @Test func evidenceOutlivesItsHoldersKill() async throws {
        let holder = try await start("a", host: "127.0.0.2")
        let teller = try await start("b", host: "127.0.0.3", bootstrap: [try #require(holder.address)])
        let provider = try TestCards.key(TestEvidence.provider).publicKey
        let own = try TestEvidence.signed(by: 1, created: now())
        let line = holder.server.link(as: .aggregator)
        _ = try await line.call(DHTInterface.Testify(evidence: own))
        let path = folder.appending("a") + "/evidence.state"
        #expect(try EvidenceFile(path: path).read()?.count == 1, "given is written")
        let foreign = try TestEvidence.signed(by: 2, .wrong, created: now())
        let told = try await teller.server.link(as: .aggregator).call(DHTInterface.Testify(evidence: foreign))
        #expect(told.holders == 1)
        #expect(try EvidenceFile(path: path).read()?.count == 1, "the whole was not written since")
        await holder.daemon.shell?.abandon()
        await holder.server.close()
        await teller.daemon.shell?.abandon()
        let again = try await start("a", host: "127.0.0.2")
        let reply = try await again.server.link(as: .aggregator).call(
            DHTInterface.Testimony(provider: provider))
        #expect(reply.holders == 0 && Set(reply.evidence) == [own, foreign])
        await again.daemon.drain()
        #expect(try EvidenceFile(path: path).read()?.count == 2)
        let journal = EvidenceJournal(path: folder.appending("a") + "/evidence.new")
        #expect(try journal.read().isEmpty, "what is in the whole is nowhere else")
    }

    @Test func badCardsAndBadQuestionsAreRefusedInWords() async throws {
        let node = try await start("a", host: "127.0.0.2")
        let line = node.server.link(as: .aggregator)
        func code(_ body: () async throws -> Void) async -> ErrorCode? {
            do {
                try await body()
                return nil
            } catch { return (error as? WireError)?.code }
        }
        let good = try TestCards.signed(1, created: now())
        let other = try TestCards.signed(2, created: now())
        let forged = SignedEvent(good.template, signature: try #require(Hex.decode(other.sig)))
        #expect(
            await code { _ = try await line.call(DHTInterface.Announce(card: forged)) } == .verificationFailed
        )
        let stale = try TestCards.signed(1, created: now() - 5000)
        #expect(await code { _ = try await line.call(DHTInterface.Announce(card: stale)) } == .invalidRequest)
        let big = try TestCards.signed(1, created: now(), extra: [["x", String(repeating: "x", count: 990)]])
        #expect(await code { _ = try await line.call(DHTInterface.Announce(card: big)) } == .tooLarge)
        #expect(await code { _ = try await line.call(DHTInterface.Find(model: "")) } == .invalidParams)
        #expect(
            await code { _ = try await line.call(DHTInterface.Find(model: "x", limit: 0)) } == .invalidParams)
        let tooMany = DHTInterface.Find(model: "x", limit: DHTInterface.Find.mostCards + 1)
        #expect(await code { _ = try await line.call(tooMany) } == .invalidParams)
        await node.daemon.drain()
        #expect(await code { _ = try await line.call(DHTInterface.Find(model: "x")) } != nil)
    }

    @Test func withoutASocketTheNodeSaysWhyAndWhatToDo() async throws {
        let node = try await start("a", host: nil)
        let check = try #require(await node.daemon.checks().first)
        #expect(!check.ok)
        #expect(check.reason == "The DHT has no socket: 127.0.0.1:9200 could not be bound.")
        #expect(check.fix != nil)
        await #expect(throws: WireError(.unavailable, "")) {
            try await node.server.link(as: .aggregator).call(DHTInterface.Find(model: "x"))
        }
        let off = try await start("b", host: nil, listen: "")
        #expect(await off.daemon.checks().allSatisfy(\.ok))
    }

    @Test(.enabled(if: Machine.hasIPv6, "this machine has no IPv6"))
    func aNodeOfBothNetworksSaysSoAndKeepsBothIDs() async throws {
        let first = try await start("a", host: "127.0.0.2", listen6: "[::1]:9200", hasSix: true)
        let before = try await first.server.link(as: .ctl).call(DHTInterface.Stats())
        #expect(before.address == first.address)
        #expect(before.address6?.hasPrefix("[::1]:") == true)
        #expect(before.goodPeers6 == 0)
        let check = try #require(await first.daemon.checks().first)
        #expect(
            check.ok && check.reason == "listening on \(first.address ?? "") and \(before.address6 ?? "")")
        await first.daemon.drain()
        await first.server.close()
        let second = try await start("a", host: nil, listen: "", listen6: "[::1]:9200", hasSix: true)
        let after = try await second.server.link(as: .ctl).call(DHTInterface.Stats())
        #expect(after.id == before.id6 && after.id6 == before.id6)
        #expect(after.address == after.address6)
        await second.daemon.drain()
        await second.server.close()
        // What is known of the network that the second run was not in has stayed.
        let third = try await start("a", host: "127.0.0.2")
        let last = try await third.server.link(as: .ctl).call(DHTInterface.Stats())
        #expect(last.id == before.id && last.id6 == nil && last.goodPeers6 == nil)
        await third.daemon.drain()
    }

    @Test func aSocketOfIPv6ThatIsMissingIsToldWhileIPv4Works() async throws {
        let node = try await start("a", host: "127.0.0.2", listen6: "[::1]:9200")
        let check = try #require(await node.daemon.checks().first)
        #expect(!check.ok)
        #expect(check.reason == "The DHT has no socket: [::1]:9200 could not be bound.")
        #expect(check.fix == "Free the UDP port or set dht.listen6 to another one, and restart the node.")
        #expect(try await node.server.link(as: .ctl).call(DHTInterface.Stats()).address == node.address)
        await node.daemon.drain()
    }

    @Test func aNodeWithoutBootstrapIsAloneButHealthy() async throws {
        let node = try await start("a", host: "127.0.0.2")
        let check = try #require(await node.daemon.checks().first { $0.name == "peers" })
        #expect(check.ok)
        #expect(check.reason == "no other node is known, and none is named under dht.bootstrap")
        let stats = try await node.server.link(as: .ctl).call(DHTInterface.Stats())
        #expect(stats.goodPeers == 0)
        #expect(stats.address == node.address)
        await node.daemon.drain()
    }

    @Test func idPeersAndCardSurviveASuddenEnd() async throws {
        let friend = try await start("friend", host: "127.0.0.4")
        let first = try await start("a", host: "127.0.0.2", bootstrap: [try #require(friend.address)])
        let card = try TestCards.signed(1, created: now())
        _ = try await first.server.link(as: .aggregator).call(DHTInterface.Announce(card: card))
        let before = try await first.server.link(as: .ctl).call(DHTInterface.Stats())
        #expect(before.goodPeers == 1)
        #expect(before.announced)
        // No drain: this is what kill -9 leaves. The new run has no bootstrap and still finds its friend.
        await first.daemon.shell?.abandon()
        await first.server.close()
        let second = try await start("a", host: "127.0.0.2")
        let line = second.server.link(as: .ctl)
        var after = try await line.call(DHTInterface.Stats())
        for _ in 0..<50 where after.goodPeers == 0 {
            try await Task.sleep(for: .milliseconds(20))
            after = try await line.call(DHTInterface.Stats())
        }
        #expect(after.id == before.id)
        #expect(after.goodPeers == 1)
        #expect(after.announced)
        #expect(try await line.call(DHTInterface.Find(model: "smollm2")).cards == [card])
        await second.daemon.drain()
        await friend.daemon.drain()
    }
}

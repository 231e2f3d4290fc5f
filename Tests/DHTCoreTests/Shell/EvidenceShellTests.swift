// Proves on real sockets that evidence is kept and compared over IPv6, and passes between the networks through a node of both.

import DHTSimulation
import NIOCore
import NIOPosix
import NodeModel
import NodeSystem
import Nostr
import TestKit
import Testing

@testable import DHTCore

@Suite(.timeLimit(.minutes(1)), .enabled(if: Machine.hasIPv6, "this machine has no IPv6"))
struct EvidenceShellTests {
    private func start(
        _ hosts: [AddressFamily: String], _ group: MultiThreadedEventLoopGroup
    ) async throws -> (shell: DHTShell, ports: [AddressFamily: Int]) {
        let sockets = try hosts.mapValues { try UDPSocket.bind(host: $0, port: 0) }
        let ports = try sockets.mapValues { Int(try InternetSocket.localAddress(of: $0).port) }
        var random = SystemRandomNumberGenerator()
        let shell = try await DHTShell.start(
            sockets: sockets, id: NodeID.random(using: &random), configuration: DHTConfiguration(),
            seed: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }, loop: group.next())
        return (shell, ports)
    }

    @Test func aWordTravelsOverIPv6AndFromThereToIPv4() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let (both, ports) = try await start([.v4: "127.0.0.2", .v6: "::1"], group)
        let (four, _) = try await start([.v4: "127.0.0.3"], group)
        let (teller, _) = try await start([.v6: "::1"], group)
        let (asker, _) = try await start([.v6: "::1"], group)
        for (shell, family, host) in [
            (four, AddressFamily.v4, "127.0.0.2"), (teller, .v6, "::1"), (asker, .v6, "::1"),
        ] {
            let door = try #require(
                IPAddress(host).map { Endpoint($0, port: UInt16(ports[family] ?? 0)) })
            try await shell.join(remembered: [], bootstrap: [door])
        }
        try await eventually("both networks are known") {
            try await both.snapshot().node.count(.good) == 3
        }
        let provider = try TestCards.key(TestEvidence.provider).publicKey
        let told = try TestEvidence.signed(by: 1, created: DHTShell.moment().unixSeconds)
        let report = try await teller.evidence(.publish(told))
        #expect(report.failure == nil && report.holders >= 1, "\(report)")
        let heard = try await asker.evidence(.gather(provider))
        #expect(heard.evidence == [told] && heard.holders >= 1)
        let across = try await four.evidence(.gather(provider))
        #expect(across.evidence == [told] && across.holders == 1)
        for shell in [both, four, teller, asker] { await shell.leave() }
        try await group.shutdownGracefully()
    }
}

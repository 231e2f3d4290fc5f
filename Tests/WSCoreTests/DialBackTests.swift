// Proves that a node is dialled back where it comes from and nowhere else, and that the one who asked hears what came of it.

import DaemonKit
import Glibc
import IPC
import Interfaces
import NIOCore
import NodeConfig
import NodeModel
import Nostr
import Testing
import Wire

@testable import NodeSystem
@testable import WSCore

@Suite(.timeLimit(.minutes(2))) struct DialBackTests {
    /// What a node hears that announces `endpoint` and has `other` dial it.
    private static func ask(
        announcing endpoint: String? = nil, _ other: TestNode, times: Int = 1
    ) async throws -> (answers: [WSInterface.DialBack.Answer], node: TestNode) {
        let node = try await TestNode { if let endpoint { $0.peer.advertise = endpoint } }
        var answers: [WSInterface.DialBack.Answer] = []
        for _ in 0..<times {
            let reply = try await node.hand.call(
                WSInterface.DialBack(candidates: [
                    .init(provider: other.key.publicKey, endpoint: other.endpoint)
                ]))
            #expect(reply.endpoint == endpoint ?? node.endpoint)
            answers += reply.answers
        }
        return (answers, node)
    }

    private static func outcome(announcing endpoint: String, _ other: TestNode) async throws
        -> DialBackReport?
    {
        let (answers, node) = try await ask(announcing: endpoint, other)
        await node.stop()
        return answers.first?.report
    }

    @Test func whoAnswersIsReached() async throws {
        let other = try await TestNode(host: "127.0.0.2")
        let (answers, node) = try await Self.ask(other)
        #expect(answers.first?.report == .init(outcome: .reached, dialled: "127.0.0.1:\(node.peerPort)"))
        #expect(answers.first?.provider == other.key.publicKey)
        // It hung up: what is left is the session that it was asked on.
        #expect(await node.sessions().allSatisfy(\.outbound))
        await node.stop()
        await other.stop()
    }

    @Test func whatElseAnswersIsTold() async throws {
        let other = try await TestNode(host: "127.0.0.2") { $0.peer.handshakeTimeoutMs = 700 }
        let third = try await TestNode()
        let silent = try TCPListener.bind(host: "127.0.0.1", port: 0)
        let port = try InternetSocket.localAddress(of: silent).port
        for (wrong, outcome) in [
            (9, DialBackOutcome.noConnection), (third.httpPort, .noNode), (third.peerPort, .otherKey),
            (port, .noAnswer),
        ] {
            let report = try await Self.outcome(announcing: "ws://127.0.0.1:\(wrong)/peer", other)
            #expect(report == .init(outcome: outcome, dialled: "127.0.0.1:\(wrong)"))
        }
        await third.stop()
        await other.stop()
    }

    /// However the endpoint is called, nobody is dialled but the asker.
    @Test func anotherAddressIsNeverDialled() async throws {
        let other = try await TestNode(host: "127.0.0.2")
        let victim = try await TestNode(host: "127.0.0.9")
        // Bound and not listening: or another test's node might come to have the same port of the asker's address.
        let hold = try InternetSocket.bind(.tcp, host: "127.0.0.1", port: victim.peerPort) { _ in
        } afterBind: { _ in
            0
        }
        defer { close(hold) }
        let report = try await Self.outcome(announcing: victim.endpoint, other)
        #expect(report?.dialled == "127.0.0.1:\(victim.peerPort)")
        #expect(report?.outcome == .noConnection)
        #expect(!victim.metrics.text().contains("outcome="))
        await victim.stop()
        await other.stop()
    }

    /// A node of the internet that hears strangers from its own machine has a proxy in front, and knocks on no door behind it.
    @Test func aPublicNodeDialsNoLocalAddress() async throws {
        let open = try await TestNode(host: "127.0.0.3") { $0.peer.advertise = "ws://203.0.113.7:9103/peer" }
        let (answers, node) = try await Self.ask(open)
        // It cannot even be greeted under its public name from here, so the rule is asked as well.
        #expect(answers.first?.report == nil && answers.first?.problem != nil)
        func target(_ seen: String, _ own: String, _ named: String = "203.0.113.9") throws -> String? {
            let endpoint = try PeerEndpoint("ws://\(named):9103/peer")
            return DialBackRules.target(
                try SocketAddress(ipAddress: seen, port: 40_000), endpoint, own: own
            ).map(PeerConnection.text)
        }
        let (pub, machine, home) = (
            "ws://203.0.113.7:9103/peer", "ws://127.0.0.1:9103/peer", "ws://192.168.1.2:9103/peer"
        )
        #expect(try target("198.51.100.1", pub) == "198.51.100.1:9103")
        #expect(try target("198.51.100.1", pub, "10.0.0.1") == "198.51.100.1:9103")
        #expect(try target("::ffff:198.51.100.1", pub) == "198.51.100.1:9103")
        #expect(try target("2001:db8::1", pub) == "[2001:db8::1]:9103")
        for local in [
            "127.0.0.1", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
            "::1",
            "fe80::1", "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::", "64:ff9b::a00:1",
            "2002:a00:1::",
            "224.0.0.1", "255.255.255.255",
        ] {
            #expect(try target(local, pub) == nil, "\(local)")
            #expect(try target(local, "") == nil)
        }
        #expect(try target("127.0.0.1", machine) == "127.0.0.1:9103")
        #expect(try target("192.168.1.9", home) == "192.168.1.9:9103")
        #expect(try target("127.0.0.1", home) == nil && target("192.168.1.9", machine) == nil)
        await node.stop()
        await open.stop()
    }

    @Test func itIsDoneSoOftenAndNoMore() async throws {
        let other = try await TestNode(host: "127.0.0.2")
        let (answers, node) = try await Self.ask(other, times: DialBackRules.perPeer + 1)
        #expect(answers.dropLast().allSatisfy { $0.report?.outcome == .reached })
        #expect(answers.last?.report == nil && answers.last?.problem?.contains("often enough") == true)
        await node.stop()
        await other.stop()
        var rules = DialBackRules()
        for number in 0..<UInt8(DialBackRules.inAll) {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.\(number)", now: 0)
            rules.ended()
        }
        #expect(throws: WireError.self) {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.99", now: 0)
        }
        // Fresh keys help nobody at one address, and open calls are counted.
        rules = DialBackRules()
        for _ in 0..<DialBackRules.atOnce {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.1", now: 0)
        }
        #expect(throws: WireError.self) {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.2", now: 0)
        }
        for _ in 0..<DialBackRules.atOnce { rules.ended() }
        for _ in DialBackRules.atOnce..<DialBackRules.perAddress {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.1", now: 0)
            rules.ended()
        }
        #expect(throws: WireError.self) {
            try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.1", now: 0)
        }
        try rules.begin(SecretKey.generate().publicKey, at: "198.51.100.1", now: 60_000_000_000)
    }

    @Test func withoutAnEndpointOrAnybodyNobodyIsAsked() async throws {
        let other = try await TestNode(host: "127.0.0.2")
        let (answers, node) = try await Self.ask(announcing: "", other)
        #expect(answers.isEmpty)
        await node.stop()
        let alone = try await TestNode()
        // Its own card is no other node.
        let reply = try await alone.hand.call(
            WSInterface.DialBack(candidates: [
                .init(provider: alone.key.publicKey, endpoint: alone.endpoint)
            ]))
        #expect(reply.endpoint == alone.endpoint && reply.answers.isEmpty)
        await alone.stop()
        await other.stop()
    }
}

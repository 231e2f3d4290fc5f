// Proves what the end of ws-d costs its clients: nothing that was asked, and no connection on which nothing is under way.

import Foundation
import Glibc
import Interfaces
import NIOCore
import NodeSystem
import TestKit
import Testing
import Wire

@testable import DaemonKit
@testable import WSCore

struct DrainTests {
    private static let get = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// A parent's ear, and a keeper that speaks to it.
    private struct Parent {
        let listener: NotifyListener
        let keeper: ConnectionKeeper
        private let directory: TemporaryDirectory

        init() throws {
            directory = try TemporaryDirectory()
            listener = try NotifyListener(path: directory.path + "/notify")
            keeper = ConnectionKeeper(
                try ServiceNotifier(path: directory.path + "/notify"), role: .ws)
        }
    }

    private func asked(_ client: RawClient, times: Int = 1) async throws {
        for number in 1...times {
            try await client.send(Self.get)
            _ = try await client.read {
                $0.components(separatedBy: "\"object\":\"list\"").count == number + 1
            }
        }
    }

    @Test func anIdleConnectionGoesToTheNextProcessWithWhatNobodyHasRead() async throws {
        let parent = try Parent()
        let first = try await TestNode(keeper: parent.keeper)
        let (used, fresh) = (
            try await RawClient(port: first.httpPort), try await RawClient(port: first.httpPort)
        )
        try await asked(used, times: 2)
        // One who has sent more than was answered is not among them: half a request is in this process's memory.
        let piping = try await RawClient(port: first.httpPort)
        try await piping.send(Self.get + "GET /v1/mod")
        _ = try await piping.read { $0.contains("\"object\":\"list\"") }
        await first.stop()
        let heard = try #require(parent.listener.receive())
        #expect(heard.fields == ["FDSTORE": "1", "FDNAME": "kept.http"])
        #expect(heard.descriptors.count == 2)
        #expect(!used.isClosed && !fresh.isClosed)
        _ = try await piping.readToEnd()
        // Asked while nobody is there.
        try await fresh.send(Self.get)
        let second = try await TestNode(kept: heard.descriptors, keeper: parent.keeper)
        _ = try await fresh.read { $0.contains("\"object\":\"list\"") }
        try await used.send(Self.get)
        _ = try await used.read { $0.components(separatedBy: "\"object\":\"list\"").count == 4 }
        #expect(parent.listener.receive()?.fields["FDSTOREREMOVE"] == "1")
        await second.stop()
    }

    /// NIO tells a connection of its end only when it told it of its beginning, and between its acceptance and that lies a
    /// turn of the loop. Here each turn holds an end.
    @Test func connectionsThatEndBeforeTheyBeginAreForgotten() async throws {
        let node = try await TestNode()
        let http = node.daemon.http
        let enough = Flag()
        async let ends: Void = {
            while enough.count == 0 {
                http.loop.execute { http.closeAll() }
                try await Task.sleep(for: .microseconds(20))
            }
        }()
        for _ in 0..<100 {
            _ = try await RawClient(port: node.httpPort).readToEnd()
        }
        enough.raise()
        try await ends
        #expect(try await http.loop.submit { http.isBusy }.get() == false)
        await node.stop()
    }

    @Test func withoutAKeeperAnIdleConnectionIsClosedAndARequestThatIsHereIsAnswered() async throws {
        let node = try await TestNode()
        let (idle, asking) = (
            try await RawClient(port: node.httpPort), try await RawClient(port: node.httpPort)
        )
        try await asked(idle)
        try await asked(asking)
        // The daemon's one thread stands still until the request is in the kernel, and then begins to end at once.
        let (frozen, sent) = (Flag(), Flag())
        let http = node.daemon.http
        http.loop.execute {
            frozen.raise()
            for _ in 0..<10_000 where sent.count == 0 { usleep(1_000) }
            http.startDraining(ConnectionKeeper())
        }
        #expect(await frozen.raised())
        try await asking.send(Self.get)
        sent.raise()
        let text = try await asking.readToEnd()
        #expect(text.components(separatedBy: "\"object\":\"list\"").count == 3, "the second answer too")
        #expect(text.lowercased().contains("connection: close"))
        _ = try await idle.readToEnd()
        await node.stop()
    }

    @Test func aRequestUnderWayIsAnsweredBeforeTheEnd() async throws {
        let asked = Flag()
        let release = Flag()
        var script = TestScript()
        script.health = {
            asked.raise()
            _ = await release.raised()
            return .init(state: .ready, reason: "all daemons are ready")
        }
        let node = try await TestNode(script: script)
        let client = try await RawClient(port: node.httpPort)
        try await client.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await asked.raised())
        async let stopped: Void = node.stop()
        // Who comes now may find the door shut already: nothing but the node holds its socket here. Nor may he disturb.
        let late = try? await RawClient(port: node.httpPort)
        release.raise()
        let text = try await client.readToEnd()
        #expect(text.contains("200 OK") && text.contains("all daemons are ready"))
        await stopped
        await late?.close()
    }
}

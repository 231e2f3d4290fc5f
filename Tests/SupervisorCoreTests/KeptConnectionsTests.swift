// Proves that connections are kept for the daemon that handed them over, as many as its row says, and closed when it ends.

import Glibc
import NodeSystem
import Policy
import Testing
import Wire

@testable import SupervisorCore

struct KeptConnectionsTests {
    private let ws: ServiceRow
    private let label: String

    init() throws {
        ws = try #require(ServiceTable.row(.ws))
        label = ServiceTable.label(keptFrom: .http)
    }

    /// Connections with their other ends, which tell whether they are open: the number of a closed one may be another
    /// test's by now.
    private func open(_ count: Int) throws -> (near: [Int32], far: [Int32]) {
        let pairs = try (0..<count).map { _ in try UnixSocket.pair() }
        return (pairs.map(\.0), pairs.map(\.1))
    }
    private func isOpen(_ far: Int32) -> Bool {
        var byte: UInt8 = 0
        return recv(far, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) != 0
    }

    @Test func theRowsNumberIsKeptAndTheRestIsClosed() throws {
        var kept = KeptConnections()
        let (all, far) = try open(ws.keptConnections + 2)
        defer { for descriptor in far { close(descriptor) } }
        kept.take(all, label: label, of: ws)
        #expect(kept.passed(to: .ws).map(\.descriptor) == Array(all.dropLast(2)))
        #expect(kept.passed(to: .ws).allSatisfy { $0.label == label })
        #expect(far.suffix(2).allSatisfy { !isOpen($0) } && far.dropLast(2).allSatisfy { isOpen($0) })
        #expect(kept.passed(to: .dht).isEmpty)
        kept.drop(of: .ws)
        #expect(far.allSatisfy { !isOpen($0) } && kept.passed(to: .ws).isEmpty)
    }

    @Test func whatNobodyAskedToKeepIsClosed() throws {
        var kept = KeptConnections()
        let ledger = try #require(ServiceTable.row(.ledger))
        for (label, row) in [(nil, ws), ("kept.dht", ws), ("rpc.infernetctl", ws), (label, ledger)] {
            let (one, far) = try open(1)
            defer { close(far[0]) }
            kept.take(one, label: label, of: row)
            #expect(!isOpen(far[0]))
        }
        #expect(kept.passed(to: .ws).isEmpty && kept.passed(to: .ledger).isEmpty)
    }

    @Test func whatWasAdoptedIsForgotten() throws {
        var kept = KeptConnections()
        let (all, far) = try open(3)
        defer { for descriptor in far { close(descriptor) } }
        kept.take(all, label: label, of: ws)
        kept.forget("kept.peer", of: .ws)
        #expect(kept.passed(to: .ws).count == 3)
        kept.forget(label, of: .ws)
        #expect(kept.passed(to: .ws).isEmpty && far.allSatisfy { !isOpen($0) })
    }
}

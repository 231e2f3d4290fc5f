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

    private func open(_ count: Int) throws -> [Int32] {
        try (0..<count).map { _ in
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            try #require(descriptor >= 0)
            return descriptor
        }
    }
    private func isOpen(_ descriptor: Int32) -> Bool { fcntl(descriptor, F_GETFD) >= 0 }

    @Test func theRowsNumberIsKeptAndTheRestIsClosed() throws {
        var kept = KeptConnections()
        let all = try open(ws.keptConnections + 2)
        kept.take(all, label: label, of: ws)
        #expect(kept.passed(to: .ws).map(\.descriptor) == Array(all.dropLast(2)))
        #expect(kept.passed(to: .ws).allSatisfy { $0.label == label })
        #expect(all.suffix(2).allSatisfy { !isOpen($0) })
        #expect(kept.passed(to: .dht).isEmpty)
        kept.drop(of: .ws)
        #expect(all.allSatisfy { !isOpen($0) } && kept.passed(to: .ws).isEmpty)
    }

    @Test func whatNobodyAskedToKeepIsClosed() throws {
        var kept = KeptConnections()
        let ledger = try #require(ServiceTable.row(.ledger))
        for (label, row) in [(nil, ws), ("kept.dht", ws), ("rpc.infernetctl", ws), (label, ledger)] {
            let one = try open(1)
            kept.take(one, label: label, of: row)
            #expect(!isOpen(one[0]))
        }
        #expect(kept.passed(to: .ws).isEmpty && kept.passed(to: .ledger).isEmpty)
    }

    @Test func whatWasAdoptedIsForgotten() throws {
        var kept = KeptConnections()
        let all = try open(3)
        kept.take(all, label: label, of: ws)
        kept.forget("kept.peer", of: .ws)
        #expect(kept.passed(to: .ws).count == 3)
        kept.forget(label, of: .ws)
        #expect(kept.passed(to: .ws).isEmpty && all.allSatisfy { !isOpen($0) })
    }
}

// Proves who runs as whom, that directories and sockets get the right owners, and that a taken port is a fault, not an
// end.

import FoundationEssentials
import Glibc
import NodeConfig
import NodeSystem
import Policy
import Testing
import Wire

@testable import SupervisorCore

struct HouseTests {
    private func user(_ name: String) -> UserAccount? {
        guard let index = ServiceTable.rows.firstIndex(where: { $0.user == name }) else { return nil }
        return UserAccount(name: name, uid: 900 + UInt32(index), gid: 900 + UInt32(index), groups: [])
    }

    private func configuration() -> NodeConfiguration {
        var configuration = NodeConfiguration()
        configuration.node.stateDirectory = TestFolder.make("state")
        configuration.node.runDirectory = TestFolder.make("run")
        configuration.http.listen = "127.0.0.1:0"
        configuration.peer.listen = ""
        configuration.dht.listen = "127.0.0.1:0"
        return configuration
    }

    /// Users come with a package and go with it: a node goes on either way, with all that it knew.
    @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
    func whatDaemonsLeftFollowsTheirUsers() throws {
        let folders = NodeFolders(configuration().node)
        let rows = ServiceTable.rows
        let own = Isolation(isRoot: true, rows: rows, user: user, group: { _ in nil })
        let shared = Isolation(isRoot: true, rows: rows, user: { _ in nil }, group: { _ in nil })
        func owners(_ role: Role) throws -> Set<UInt32> {
            let paths = [folders.state(of: role), folders.runtime(of: role)].flatMap { [$0, $0 + "/kept"] }
            return try Set(
                paths.map { path in
                    var info = stat()
                    try #require(lstat(path, &info) == 0)
                    return info.st_uid
                })
        }
        try folders.prepare(own, rows: rows)
        for role in rows.map(\.role) {
            for folder in [folders.state(of: role), folders.runtime(of: role)] {
                try "x".write(toFile: folder + "/kept", atomically: false, encoding: .utf8)
                lchown(folder + "/kept", own.uid(of: role) ?? 0, 0)
            }
        }
        try folders.prepare(shared, rows: rows)
        for role in rows.map(\.role) { #expect(try owners(role) == [0]) }
        try folders.prepare(own, rows: rows)
        for role in rows.map(\.role) { #expect(try owners(role) == [own.uid(of: role)]) }
    }

    @Test func rootWithAllUsersGivesEachItsOwn() {
        let isolation = Isolation(
            isRoot: true, rows: ServiceTable.rows, user: user, group: { $0 == "infernet" ? 77 : nil })
        #expect(!isolation.isSingle && isolation.accounts.count == ServiceTable.rows.count)
        #expect(Set(isolation.accounts.values.map(\.identity.uid)).count == ServiceTable.rows.count)
        #expect(isolation.missingGroups == ["docker"] && isolation.explanation.contains("no group docker"))
        #expect(isolation.callerUIDs?["infernet-supervisor"] == 0)
        #expect(isolation.socketAccess(for: .ctl).mode == 0o660)
        #expect(isolation.socketAccess(for: .exec).owner?.uid == isolation.uid(of: .exec))
    }

    @Test func oneMissingUserMeansOneForAllAndSaysSo() {
        let isolation = Isolation(
            isRoot: true, rows: ServiceTable.rows, user: { $0 == "infernet-dht" ? nil : user($0) },
            group: { _ in 5 })
        #expect(isolation.isSingle && isolation.callerUIDs == nil && isolation.uid(of: .exec) == nil)
        #expect(isolation.explanation == "one user for all daemons: no user infernet-dht on this machine")
        #expect(isolation.socketAccess(for: .ctl).mode == 0o600)
    }

    @Test func unprivilegedSaysSo() {
        let isolation = Isolation(isRoot: false, rows: ServiceTable.rows, user: user, group: { _ in 5 })
        #expect(isolation.isSingle && isolation.explanation.contains("does not run as root"))
    }

    @Test func foldersHaveTheirModes() throws {
        let configuration = configuration()
        let folders = NodeFolders(configuration.node)
        let isolation = Isolation(isRoot: false, rows: ServiceTable.rows, user: user, group: { _ in nil })
        for _ in 0..<2 { try folders.prepare(isolation, rows: ServiceTable.rows) }
        for (path, mode) in [
            (folders.state, 0o700), (folders.own, 0o700), (folders.logs, 0o750),
            (folders.state(of: .ledger), 0o700),
            (folders.state(of: .content), 0o755), (folders.runtime(of: .exec), 0o711),
        ] as [(String, UInt32)] {
            var info = stat()
            #expect(lstat(path, &info) == 0 && info.st_mode & 0o7777 == mode, "\(path)")
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func rootGivesEachDaemonItsOwnFoldersWithWhatIsInThem() throws {
        let configuration = configuration()
        let folders = NodeFolders(configuration.node)
        let single = Isolation(isRoot: true, rows: ServiceTable.rows, user: { _ in nil }, group: { _ in nil })
        try folders.prepare(single, rows: ServiceTable.rows)
        TestFolder.write("", to: folders.state(of: .ledger) + "/old")
        symlink("/etc/passwd", folders.state(of: .ledger) + "/link")
        let many = Isolation(isRoot: true, rows: ServiceTable.rows, user: user, group: { _ in nil })
        try folders.prepare(many, rows: ServiceTable.rows)
        let uid = try #require(many.uid(of: .ledger))
        for name in ["", "/old", "/link"] {
            var info = stat()
            #expect(lstat(folders.state(of: .ledger) + name, &info) == 0 && info.st_uid == uid)
        }
        var passwd = stat()
        #expect(lstat("/etc/passwd", &passwd) == 0 && passwd.st_uid == 0)
        var sockets = stat()
        #expect(lstat(folders.sockets(of: .ledger), &sockets) == 0 && sockets.st_uid == 0)
    }

    @Test func aTakenPortIsAFaultWithAFixUntilItIsFree() throws {
        let holder = try TCPListener.bind(host: "127.0.0.1", port: 0)
        let port = try InternetSocket.localAddress(of: holder).port
        var configuration = configuration()
        configuration.http.listen = "127.0.0.1:\(port)"
        let folders = NodeFolders(configuration.node)
        let isolation = Isolation(isRoot: false, rows: ServiceTable.rows, user: user, group: { _ in nil })
        try folders.prepare(isolation, rows: ServiceTable.rows)
        var sockets = try NodeSockets(configuration, folders: folders, isolation: isolation)
        let ws = try #require(ServiceTable.row(.ws))
        let fault = try #require(sockets.fault(of: ws))
        #expect(fault.reason.contains("TCP port \(port) on 127.0.0.1 is taken") && fault.fix != nil)
        #expect(!sockets.passed(to: ws).contains { $0.label == "http" })
        #expect(sockets.fault(of: try #require(ServiceTable.row(.dht))) == nil)
        #expect(sockets.bindMissing().isEmpty)
        close(holder)
        #expect(sockets.bindMissing() == [.http])
        #expect(sockets.fault(of: ws) == nil && !sockets.hasFaults)
        #expect(sockets.passed(to: ws).contains { $0.label == "http" })
    }

    @Test func aSocketForEachLineOfTheGrantsAndNoOther() throws {
        let configuration = configuration()
        let folders = NodeFolders(configuration.node)
        let isolation = Isolation(isRoot: false, rows: ServiceTable.rows, user: user, group: { _ in nil })
        try folders.prepare(isolation, rows: ServiceTable.rows)
        let sockets = try NodeSockets(configuration, folders: folders, isolation: isolation)
        for row in ServiceTable.rows {
            let names = try FileManager.default.contentsOfDirectory(atPath: folders.sockets(of: row.role))
            let expected = Grants.callers(of: row.role).map { "\($0.rawValue).sock" }
            let extra = row.sockets.contains(.handoff) ? ["handoff.sock"] : []
            #expect(names.sorted() == (expected + extra + ["run"]).sorted())
            let labels = sockets.passed(to: row).map(\.label).filter { $0.hasPrefix("rpc.") }
            #expect(labels == Grants.callers(of: row.role).map { "rpc.\($0.rawValue)" })
        }
        sockets.remove()
        #expect(access(folders.sockets(of: .ledger) + "/infernet-supervisor.sock", F_OK) != 0)
    }

    @Test func oneNodePerDirectory() throws {
        let path = TestFolder.make("lock") + "/lock"
        let lock = try FileLock(path: path, purpose: "the run directory")
        #expect {
            try FileLock(path: path, purpose: "the run directory")
        } throws: {
            ($0 as? SystemError)?.message == "the run directory is already in use by process \(getpid())"
        }
        withExtendedLifetime(lock) {}
    }
}

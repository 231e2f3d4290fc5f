// Proves, from inside each daemon's sandbox, that what its row forbids is refused: the daemon's very start request, with
// a probe in the place of its program. A run of the same probe without the walls shows that each attempt succeeds there.
// The probe and what must come of it are in Tests/Denial, for this mode and for systemd's.

import Foundation
import Glibc
import Interfaces
import NodeConfig
import NodeSystem
import Policy
import TestKit
import Testing
import Wire

@testable import SupervisorCore

@Suite(.serialized) struct DenialTests {
    @Test(.enabled(if: geteuid() == 0, "only root can give each daemon a user of its own"))
    func nothingThatARowForbidsSucceeds() async throws {
        let house = try await ProbedHouse(ownUsers: true)
        defer { house.end() }
        let control = try await house.control()
        for (name, answer) in control { #expect(answer == "OK", "without walls: \(name): \(answer)") }
        #expect(control.count > 100)
        var table: [Role: [(name: String, answer: String)]] = [:]
        for row in ServiceTable.rows {
            let answers = try await house.probe(row)
            table[row.role] = answers
            #expect(answers.count > 60)
            for (name, answer) in answers where !house.allowed(row, name) {
                #expect(
                    try house.expected(name).contains(answer),
                    "\(row.role.rawValue): \(name): \(answer)")
            }
        }
        try DenialReport(table).compare()
    }

    /// As the only user of the machine, or in a container: Landlock and seccomp alone.
    @Test(.enabled(if: LandlockRuleset.kernelVersion ?? 0 >= 6, "this kernel's Landlock sees no signals"))
    func withOneUserForAllTheFilesAndTheKernelAreClosedToo() async throws {
        let house = try await ProbedHouse(ownUsers: false)
        defer { house.end() }
        for row in ServiceTable.rows {
            // What users alone hold apart; status says that these are missing.
            let missing = house.launcher.sandboxes[row.role]?.report.missing ?? []
            #expect(missing.contains { $0.hasPrefix("own user") })
            #expect(missing.contains { $0.hasPrefix("process limit") })
            let open = ["connect", "processes-beyond-limit"]
            for (name, answer) in try await house.probe(row) {
                let attempt = String(name.prefix { $0 != ":" })
                guard !house.allowed(row, name), !open.contains(attempt) else { continue }
                #expect(
                    try house.expected(name).contains(answer),
                    "\(row.role.rawValue): \(name): \(answer)")
            }
        }
    }
}

extension DenialTests {
    /// A daemon that was a waiting process before is as confined as one that was executed so.
    @Test(.enabled(if: geteuid() == 0, "only root can give each daemon a user of its own"))
    func norDoesAnythingInAStandbyThatBecameADaemon() async throws {
        let house = try await ProbedHouse(ownUsers: true, oneFile: true)
        defer { house.end() }
        let itself = "exec:\(house.launcher.programs)/probe"
        for row in ServiceTable.rows {
            let answers = try await house.probeStandby(row)
            #expect(answers.count > 60)
            for (name, answer) in answers where !house.allowed(row, name) && name != itself {
                #expect(
                    try house.expected(name).contains(answer),
                    "\(row.role.rawValue): \(name): \(answer)")
            }
        }
    }
}

/// A node's folders, sockets and walls, without daemons; the probe is every program.
private final class ProbedHouse {
    let directory: TemporaryDirectory
    let folders: NodeFolders
    let launcher: Launcher
    private let sockets: NodeSockets
    private let thread: SpawnThread
    private let isolation: Isolation
    private let docker: Int32
    private var neighbours: [Role: ChildProcess] = [:]

    init(ownUsers: Bool, oneFile: Bool = false) async throws {
        directory = try TemporaryDirectory()
        chmod(directory.path, 0o755)
        var configuration = NodeConfiguration()
        configuration.node.stateDirectory = directory.path + "/s"
        configuration.node.runDirectory = directory.path + "/r"
        configuration.http.listen = "127.0.0.1:0"
        configuration.dht.listen = "127.0.0.1:0"
        folders = NodeFolders(configuration.node)
        let rows = ServiceTable.rows
        // Numbers that nobody on a machine has; the kernel needs no names.
        func account(_ name: String) -> UserAccount? {
            guard ownUsers, let index = rows.firstIndex(where: { $0.user == name }) else { return nil }
            let id = 61_801 + UInt32(index)
            return UserAccount(name: name, uid: id, gid: id, groups: [id])
        }
        isolation = Isolation(
            isRoot: geteuid() == 0, rows: rows, user: account, group: { $0 == "docker" ? 61_800 : nil })
        try folders.prepare(isolation, rows: rows)
        let programs = try directory.directory("p", mode: 0o755)
        try Self.compile(to: programs + "/probe")
        try FileManager.default.linkItem(
            atPath: programs + "/probe", toPath: "\(programs)/\(Standby.program)")
        for row in rows {
            let (from, to) = (programs + "/probe", "\(programs)/\(row.role.rawValue)")
            // A standby is the file that it becomes; to execute that once more is allowed to it.
            if oneFile { link(from, to) } else { try FileManager.default.copyItem(atPath: from, toPath: to) }
            let secret = folders.state(of: row.role) + "/secret"
            try "x".write(toFile: secret, atomically: false, encoding: .utf8)
            chmod(secret, 0o600)
            if let id = isolation.accounts[row.role]?.identity { chown(secret, id.uid, id.gid) }
        }
        try "x".write(toFile: directory.path + "/readable", atomically: false, encoding: .utf8)
        _ = try directory.directory("everybodys", mode: 0o777)
        chmod(directory.path + "/everybodys", 0o777)
        launcher = Launcher(
            configuration: configuration, folders: folders, isolation: isolation, programs: programs)
        sockets = try NodeSockets(configuration, folders: folders, isolation: isolation)
        docker = try UnixSocket.listen(
            at: directory.path + "/docker.sock", mode: 0o660, owner: geteuid() == 0 ? (0, 61_800) : nil,
            backlog: 8)
        thread = try SpawnThread()
        for row in rows {
            // The daemon's own user, outside its walls.
            var request = SpawnRequest(executable: "/bin/sleep", arguments: ["600"])
            request.identity = isolation.accounts[row.role]?.identity
            neighbours[row.role] = try await thread.spawn(request) { _ in }
        }
    }

    func end() {
        for child in neighbours.values { child.signal(SIGKILL) }
        thread.stop()
        close(docker)
        sockets.remove()
    }

    /// The probe as a daemon: what `launch` asks for, with attempts as arguments.
    func probe(_ row: ServiceRow) async throws -> [(name: String, answer: String)] {
        let launch = try launcher.launch(row, sockets: sockets, kept: KeptConnections())
        defer { close(launch.log) }
        var request = launch.request
        request.arguments = attempts(row)
        return try await run(request, reading: launch.log, closing: launch.temporary)
    }

    /// The same in a process that waited to become the daemon.
    func probeStandby(_ row: ServiceRow) async throws -> [(name: String, answer: String)] {
        // One thread for each: its standby is started at once.
        let thread = try SpawnThread()
        defer { thread.stop() }
        thread.keepStandby("\(launcher.programs)/\(Standby.program)")
        let launch = try launcher.launch(row, sockets: sockets, kept: KeptConnections())
        defer { close(launch.log) }
        var request = launch.request
        request.environment["PROBE_STANDBY"] = attempts(row).joined(separator: "\n")
        return try await run(request, on: thread, reading: launch.log, closing: launch.temporary)
    }

    /// All attempts of all daemons, by root, without walls.
    func control() async throws -> [(name: String, answer: String)] {
        let (reading, writing) = try BytePipe.make()
        defer { close(reading) }
        var request = SpawnRequest(
            executable: launcher.programs + "/probe",
            arguments: Set(ServiceTable.rows.flatMap { attempts($0) }).sorted())
        request.noNewPrivileges = false
        request.limits = []
        request.standardError = writing
        return try await run(request, reading: reading, closing: [writing])
    }

    private func run(
        _ request: SpawnRequest, on other: SpawnThread? = nil, reading: Int32, closing: [Int32]
    ) async throws -> [(name: String, answer: String)] {
        let (exits, exited) = AsyncStream.makeStream(of: ChildExit.self)
        do { _ = try await (other ?? thread).spawn(request) { exited.yield($0) } } catch {
            for descriptor in closing { close(descriptor) }
            throw error
        }
        for descriptor in closing { close(descriptor) }
        _ = fcntl(reading, F_SETFL, 0)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(reading, &buffer, buffer.count)
            if count <= 0 { break }
            bytes += buffer[..<count]
        }
        for await exit in exits {
            #expect(exit == .exited(0))
            break
        }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map {
            $0.split(separator: "\t").map(String.init)
        }
        #expect(lines.allSatisfy { $0.count == 2 } && lines.last?.first == "done", "\(lines.suffix(2))")
        return lines.dropLast().compactMap { $0.count == 2 ? ($0[0], $0[1]) : nil }
    }

    private func attempts(_ row: ServiceRow) -> [String] {
        let others = ServiceTable.rows.filter { $0.role != row.role }
        var attempts = ["kernel", "read:/etc/shadow", "read:\(directory.path)/readable"]
        attempts += others.map { "read:\(folders.state(of: $0.role))/secret" }
        attempts += others.map { "write:\(folders.state(of: $0.role))" }
        attempts += ["write:/tmp", "write:\(directory.path)/everybodys", "write:\(launcher.programs)"]
        attempts += ["exec:/bin/sh", "exec:/usr/bin/env", "exec:\(launcher.programs)/probe"]
        for own in [folders.state(of: row.role), folders.runtime(of: row.role)] {
            attempts += ["exec-from:\(own)", "set-id:\(own)"]
        }
        for grant in Grants.all where grant.caller != row.role {
            let path = NodePaths.socket(
                runDirectory: folders.run, callee: grant.callee, caller: grant.caller)
            attempts.append("connect:\(path)")
        }
        attempts.append("connect:\(directory.path)/docker.sock")
        for role in ServiceTable.rows.map(\.role) {
            guard let pid = neighbours[role]?.pid else { continue }
            attempts += ["signal:\(pid)", "attach:\(pid)", "peek:\(pid)"]
        }
        return attempts
    }

    /// What the row does give.
    func allowed(_ row: ServiceRow, _ name: String) -> Bool {
        switch name {
        case "socket-inet", "socket-inet6": row.network == .own
        case "exec:/bin/sh", "exec:/usr/bin/env": row.executable.contains("/usr/bin")
        case "connect:\(directory.path)/docker.sock": row.groups.contains("docker")
        default: false
        }
    }

    func expected(_ name: String) throws -> [String] {
        try #require(Self.expectations[String(name.prefix { $0 != ":" })], "\(name) is not in expected.tsv")
    }

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Denial")

    private static let expectations: [String: [String]] = {
        let text = (try? String(contentsOf: folder.appending(path: "expected.tsv"), encoding: .utf8)) ?? ""
        var table: [String: [String]] = [:]
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let fields = line.split(separator: "\t")
            if fields.count == 3 {
                table[String(fields[0])] = fields[1].split(separator: "|").map(String.init)
            }
        }
        return table
    }()

    private static func compile(to program: String) throws {
        let shim = folder.appending(path: "../../Sources/Shared/CHost").standardized.path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "cc", "-std=gnu11", "-O1", "-static", "-DSTANDBY", "-I\(shim)/include", "-o", program,
            folder.appending(path: "probe.c").path, "\(shim)/spawn.c", "\(shim)/standby.c",
        ]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "the probe cannot be compiled")
        chmod(program, 0o755)
    }
}

/// The table of what came of it, for people.
private struct DenialReport {
    let text: String

    init(_ table: [Role: [(name: String, answer: String)]]) {
        let roles = ServiceTable.rows.map(\.role)
        var order: [String] = []
        var cells: [String: [Role: Set<String>]] = [:]
        for role in roles {
            for (name, answer) in table[role] ?? [] {
                let attempt = String(name.prefix { $0 != ":" })
                if cells[attempt] == nil { order.append(attempt) }
                cells[attempt, default: [:]][role, default: []].insert(answer)
            }
        }
        var text = """
            # What was tried from inside each sandbox

            Spawned mode, each daemon under its own user; recorded by `DenialTests` (`INFERNET_RECORD=1`), which compares it on
            each run. `Tests/Denial/probe.c` makes the attempts, with the daemon's own start request around it. Without the walls
            every one of them succeeds. `OK` is what the row gives: sockets to ws-d; tools and Docker's socket to exec-d.


            """
        text += "| attempt | " + roles.map(\.rawValue).joined(separator: " | ") + " |\n"
        text += "|" + String(repeating: " --- |", count: roles.count + 1) + "\n"
        for attempt in order {
            let answers = roles.map { (cells[attempt]?[$0] ?? []).sorted().joined(separator: ", ") }
            text += "| `\(attempt)` | " + answers.joined(separator: " | ") + " |\n"
        }
        self.text = text
    }

    /// Holds it against docs/DENIALS.md where the kernel has all the walls that were there when it was recorded.
    func compare() throws {
        print(text)
        let file = ProbedHouse.folder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/DENIALS.md")
        if ProcessInfo.processInfo.environment["INFERNET_RECORD"] != nil {
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        guard LandlockRuleset.kernelVersion ?? 0 >= 6 else { return }
        #expect(try String(contentsOf: file, encoding: .utf8) == text, "docs/DENIALS.md: INFERNET_RECORD=1")
    }
}

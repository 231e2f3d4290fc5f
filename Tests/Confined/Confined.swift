// confined PROGRAMS STATE RUN: starts dht-d as the supervisor does, behind the walls of its row, with the descriptors from 3 on
// that it was handed itself (LISTEN_FDNAMES); for tests. Prints the daemon's pid, and ends as it ends.
// It must never give the daemon what its row does not name, nor start it when one of its walls cannot be built.

import Glibc
import Interfaces
import NodeConfig
import NodeSystem
import Policy
import Wire

@testable import SupervisorCore

@main
enum Confined {
    static func main() async throws {
        guard CommandLine.arguments.count == 4, let names = getenv("LISTEN_FDNAMES"),
            let row = ServiceTable.row(.dht)
        else { exit(64) }
        var node = NodeSection()
        node.stateDirectory = CommandLine.arguments[2]
        node.runDirectory = CommandLine.arguments[3]
        let folders = NodeFolders(node)
        let isolation = Isolation(
            isRoot: geteuid() == 0, rows: [row], user: { _ in nil }, group: { _ in nil })
        try folders.prepare(isolation, rows: [row])
        let sandbox = Sandbox(
            row, folders: folders, isolation: isolation, programs: CommandLine.arguments[1])
        for wall in ["system calls", "files", "no TCP", "no capabilities"]
        where !sandbox.report.inForce.contains(wall) {
            fail("\(wall) is missing: \(sandbox.report.missing)")
        }
        let labels = String(cString: names).split(separator: ":").map(String.init)
        var request = SpawnRequest(executable: "\(CommandLine.arguments[1])/\(row.role.rawValue)")
        request.environment = [
            "PATH": "/usr/bin:/bin", "HOME": folders.state(of: row.role), "LANG": "C.UTF-8",
            "STATE_DIRECTORY": folders.state(of: row.role),
            "RUNTIME_DIRECTORY": folders.runtime(of: row.role),
            "INFERNET_PARENT": Role.supervisor.rawValue, "SWIFT_BACKTRACE": "enable=no",
        ]
        request.passed = labels.enumerated().map { .init($0.element, Int32($0.offset) + 3) }
        request.standardInput = 0
        request.standardError = 2
        request.fileMask = row.fileMask
        sandbox.apply(to: &request)
        let thread = try SpawnThread()
        let (ends, end) = AsyncStream.makeStream(of: ChildExit.self)
        let child = try await thread.spawn(request) { exit in
            end.yield(exit)
            end.finish()
        }
        print(child.pid)
        fflush(nil)
        for await how in ends {
            if case .exited(let code) = how { exit(code) }
        }
        exit(1)
    }

    private static func fail(_ reason: String) -> Never {
        fputs("confined: \(reason)\n", stderr())
        exit(70)
    }

    private static func stderr() -> UnsafeMutablePointer<FILE>? { fdopen(2, "w") }
}

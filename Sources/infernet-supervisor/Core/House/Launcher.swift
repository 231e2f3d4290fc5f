// What a daemon is started with: the only place where a row of the service table becomes a child's powers.
// It must never pass on anything of its own environment.

import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// Builds the requests for children.
struct Launcher: Sendable {
    let configuration: NodeConfiguration
    let folders: NodeFolders
    let isolation: Isolation
    /// Where the daemons' programs are.
    let programs: String
    /// The walls around each daemon.
    let sandboxes: [Role: Sandbox]
    private let extra: [String]

    /// Builds the walls of all daemons; the folders must be there.
    ///
    /// - Parameter extra: what daemons may execute besides what their rows say; for tests.
    init(
        configuration: NodeConfiguration, folders: NodeFolders, isolation: Isolation, programs: String,
        extra: [String] = []
    ) {
        self.configuration = configuration
        self.folders = folders
        self.isolation = isolation
        self.programs = programs
        self.extra = extra
        sandboxes = Dictionary(
            uniqueKeysWithValues: ServiceTable.rows.map { row in
                (
                    row.role,
                    Sandbox(row, folders: folders, isolation: isolation, programs: programs, extra: extra)
                )
            })
    }

    private func make(_ row: ServiceRow) -> Sandbox {
        Sandbox(row, folders: folders, isolation: isolation, programs: programs, extra: extra)
    }

    /// One start of a daemon: what to spawn, and what to close once that was tried.
    struct Launch: Sendable {
        var request: SpawnRequest
        /// The daemon's log; it belongs to whoever reads it.
        var log: Int32
        var temporary: [Int32]
        /// Holds the descriptors of its walls open until it was tried.
        var walls: Sandbox?
    }

    func launch(_ row: ServiceRow, sockets: NodeSockets, kept: KeptConnections) throws -> Launch {
        let slice = try configuration.slice(for: row.role, callerUIDs: isolation.callerUIDs)
        let config = try SealedFile.make(name: "config", bytes: slice)
        let (reading, writing): (Int32, Int32)
        do { (reading, writing) = try BytePipe.make() } catch {
            close(config)
            throw error
        }
        var request = SpawnRequest(executable: "\(programs)/\(row.role.rawValue)")
        request.environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": folders.state(of: row.role),
            "LANG": "C.UTF-8",
            "NOTIFY_SOCKET": folders.notifySocket,
            "WATCHDOG_USEC": "\(row.watchdogMs * 1000)",
            "STATE_DIRECTORY": folders.state(of: row.role),
            "RUNTIME_DIRECTORY": folders.runtime(of: row.role),
            "INFERNET_PARENT": Role.supervisor.rawValue,
            // The crash reporter takes 0.3 s and a fork; the record of deaths has the signal and the last lines.
            "SWIFT_BACKTRACE": "enable=no",
            // Dispatch would fill the log with words on priorities that no thread here may set, or needs.
            "LIBDISPATCH_LOG": "NO",
        ]
        request.passed = sockets.passed(to: row) + [.init("config", config)] + kept.passed(to: row.role)
        request.standardError = writing
        request.identity = isolation.accounts[row.role]?.identity
        request.fileMask = row.fileMask
        // A wall is around a file, not around its name: one that was replaced since needs another.
        let made = sandboxes[row.role]
        let walls = made?.isAround(request.executable) == false ? make(row) : made
        walls?.apply(to: &request)
        return Launch(request: request, log: reading, temporary: [config, writing], walls: walls)
    }
}

// The walls around one daemon, made once when the node starts and used for each of its starts: what a row of the service
// table is in spawned mode. It must never claim a wall that could not be built: what is missing is said, with the reason.

import DaemonKit
import Glibc
import Interfaces
import NodeSystem
import Policy
import Wire

/// What a daemon is confined by.
struct Sandbox: Sendable {
    let report: SupervisorInterface.Sandbox
    private let files: LandlockRuleset?
    private let systemCalls: [UInt64]?
    private let limits: [SpawnRequest.Limit]
    private let dropsCapabilities: Bool
    private let program: FileIdentity?

    /// - Parameters:
    ///   - programs: where the daemons' programs are.
    ///   - extra: what it may execute besides what its row says; for tests, whose daemons are scripts.
    init(
        _ row: ServiceRow, folders: NodeFolders, isolation: Isolation, programs: String, extra: [String] = []
    ) {
        var walls = Walls()
        let own = isolation.accounts[row.role] != nil
        own ? walls.stand("own user") : walls.lack("own user", isolation.explanation)
        program = FileIdentity("\(programs)/\(row.role.rawValue)")
        walls.stand("no capabilities")
        walls.stand("no new privileges")
        dropsCapabilities = isolation.isRoot
        systemCalls = walls.build("system calls") { try SystemCallFilter.compile(row) }
        files = walls.build("files") {
            try FileWall.ruleset(
                for: row, state: folders.state(of: row.role), runtime: folders.runtime(of: row.role),
                executable: ["\(programs)/\(row.role.rawValue)"] + row.executable + extra)
        }
        if let gap = files?.gap { walls.lack("files in part", gap) }
        if row.network != .own, (files?.version ?? 0) >= 4 { walls.stand("no TCP") }
        limits = Self.limits(row, ownUser: own)
        walls.stand("limits")
        if !own { walls.lack("process limit", "it counts a whole user, and others share this one") }
        report = .init(inForce: walls.standing, missing: walls.lacking)
    }

    /// Whether the program that it lets a daemon execute is the one at this path.
    func isAround(_ path: String) -> Bool { program == FileIdentity(path) }

    /// Confines a start.
    func apply(to request: inout SpawnRequest) {
        request.dropsCapabilities = dropsCapabilities
        request.noNewPrivileges = true
        request.limits = limits
        request.seccompFilter = systemCalls
        request.landlockRuleset = files?.descriptor
    }

    private static func limits(_ row: ServiceRow, ownUser: Bool) -> [SpawnRequest.Limit] {
        var limits: [SpawnRequest.Limit] = [
            .coreBytes(0), .openFiles(clamped(row.maximumFiles, __rlimit_resource_t(RLIMIT_NOFILE.rawValue))),
            .dataBytes(clamped(row.memoryMiB << 20, __rlimit_resource_t(RLIMIT_DATA.rawValue))),
        ]
        if ownUser {
            limits.append(
                .processes(clamped(row.maximumTasks, __rlimit_resource_t(__RLIMIT_NPROC.rawValue))))
        }
        return limits
    }

    /// A limit can be lowered by anybody and raised by nobody here.
    private static func clamped(_ wanted: UInt64, _ resource: __rlimit_resource_t) -> UInt64 {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return wanted }
        return min(wanted, UInt64(limit.rlim_max))
    }
}

/// Which file is meant, whatever its name.
private struct FileIdentity: Equatable {
    var device: dev_t
    var inode: ino_t

    /// nil when there is none.
    init?(_ path: String) {
        var info = stat()
        guard stat(path, &info) == 0 else { return nil }
        (device, inode) = (info.st_dev, info.st_ino)
    }
}

/// Collects which walls stand.
private struct Walls {
    var standing: [String] = []
    var lacking: [String] = []

    mutating func stand(_ name: String) { standing.append(name) }
    mutating func lack(_ name: String, _ why: String) { lacking.append("\(name): \(why)") }

    mutating func build<Wall>(_ name: String, _ make: () throws -> Wall) -> Wall? {
        do {
            let wall = try make()
            stand(name)
            return wall
        } catch {
            lack(name, (error as? SystemError)?.message ?? "\(error)")
            return nil
        }
    }
}

// `infernetctl system privileges`: what each process is given, and what the kernel says that it has.
// It must never show as in force what it did not read in /proc.

import ArgumentParser
import Interfaces
import NodeSystem
import Wire

struct SystemCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "system", abstract: "The machine under the node.", subcommands: [Privileges.self])

    struct Privileges: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows what each process is given, and what is in force.",
            discussion: """
                The second table is read from /proc: user, capabilities, no-new-privileges, seccomp, descriptors and limits. \
                How many descriptors a process has open is shown to its own user and root.
                Exit code: 0 when every process is confined as it should be, 3 when a protection is missing.
                """)

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let table = try await global.node.call(SupervisorInterface.Privileges(), at: .supervisor)
            let status = try await global.node.call(SupervisorInterface.Status(), at: .supervisor)
            let report = PrivilegesReport(table: table, status: status)
            global.json
                ? global.output.json(report)
                : PrivilegesView(report).lines(global.output.style).forEach(global.output.line)
            throw report.exit
        }
    }
}

/// The tables, and what the kernel says.
struct PrivilegesReport: Codable, Sendable {
    /// One process as /proc shows it.
    struct Process: Codable, Sendable {
        var daemon: Role
        var pid: Int32
        /// Effective user and group, and supplementary groups.
        var uid: UInt32
        var gid: UInt32
        var groups: [UInt32]
        /// Bit sets, in hexadecimal.
        var effectiveCapabilities: String
        var boundingCapabilities: String
        var noNewPrivileges: Bool
        /// 0 none, 2 a filter.
        var seccomp: Int
        var openDescriptors: Int?
        var maximumFiles: UInt64?
        var maximumTasks: UInt64?
        var dataBytes: UInt64?
        var coreBytes: UInt64?
        /// What its parent says that could not be built.
        var missing: [String]

        enum CodingKeys: String, CodingKey {
            case daemon, pid, uid, gid, groups, seccomp, missing
            case effectiveCapabilities = "effective_capabilities"
            case boundingCapabilities = "bounding_capabilities"
            case noNewPrivileges = "no_new_privileges"
            case openDescriptors = "open_descriptors"
            case maximumFiles = "maximum_files"
            case maximumTasks = "maximum_tasks"
            case dataBytes = "data_bytes"
            case coreBytes = "core_bytes"
        }

        /// Whether the kernel shows what every row says.
        var isConfined: Bool {
            effectiveCapabilities == "0" && noNewPrivileges && seccomp == 2 && coreBytes == 0
                && missing.isEmpty
        }
    }

    var table: SupervisorInterface.Privileges.Reply
    var inForce: [Process]

    enum CodingKeys: String, CodingKey {
        case table
        case inForce = "in_force"
    }

    init(table: SupervisorInterface.Privileges.Reply, status: SupervisorInterface.Status.Reply) {
        self.table = table
        inForce = status.daemons.compactMap { daemon in
            guard let pid = daemon.pid, let identity = try? ProcessIdentity.of(pid: pid) else { return nil }
            let limits = try? ProcessLimits.of(pid: pid)
            return Process(
                daemon: daemon.daemon, pid: pid, uid: identity.users[1], gid: identity.groups[1],
                groups: identity.supplementary,
                effectiveCapabilities: String(identity.effectiveCapabilities, radix: 16),
                boundingCapabilities: String(identity.boundingCapabilities, radix: 16),
                noNewPrivileges: identity.noNewPrivileges, seccomp: identity.seccompMode,
                openDescriptors: ProcessLimits.openDescriptors(of: pid), maximumFiles: limits?.openFiles,
                maximumTasks: limits?.processes, dataBytes: limits?.dataBytes, coreBytes: limits?.coreBytes,
                missing: daemon.sandbox?.missing ?? [])
        }
    }

    var exit: ExitStatus {
        inForce.count == table.rows.count && inForce.allSatisfy(\.isConfined) ? .ok : .degraded
    }
}

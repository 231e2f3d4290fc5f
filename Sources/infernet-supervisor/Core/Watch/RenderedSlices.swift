// Each daemon's part of the configuration as a file that systemd hands to it as a credential.
// It must never write any of them unless the whole configuration is right: nothing starts half-configured.

import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// The slices of one configuration, for daemons that each have a user of their own.
struct RenderedSlices: Sendable {
    /// By role: the JSON that the daemon is given.
    let files: [(role: Role, json: [UInt8])]

    /// - Throws: `config_invalid` when the file wants what the units do not give, or a user is missing.
    init(
        _ configuration: NodeConfiguration, user: (String) throws -> UserAccount? = UserAccount.find
    ) throws {
        let placed = WatchedConfiguration.placed(configuration)
        guard configuration.node == placed.node || configuration.node == NodeSection() else {
            throw WireError(
                .configInvalid, "node.state_dir and node.run_dir cannot be chosen under systemd.",
                fix: "Leave them out: the units keep state in \(PackageLayout.state), sockets in "
                    + "\(PackageLayout.run).")
        }
        var uids: [String: UInt32] = [:]
        for row in ServiceTable.rows + [ServiceTable.watcher] {
            guard let account = try user(row.user) else {
                throw WireError(
                    .configInvalid, "This machine has no user \(row.user).", fix: "sudo infernetctl setup")
            }
            uids[row.role.rawValue] = account.uid
        }
        files = try ServiceTable.rows.map {
            ($0.role, try placed.slice(for: $0.role, callerUIDs: uids))
        }
    }

    /// Writes all of them, each whole or not at all; only their owner may read them.
    func write(to folder: String) throws {
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw SystemError(call: "cannot make \(folder)", errno: errno)
        }
        for (role, json) in files {
            try SmallFile.write(json, to: "\(folder)/\(role.rawValue).json", mode: 0o600)
        }
    }
}

// Users, groups and directories of an installed node, for systemd-sysusers and systemd-tmpfiles.
// It must never give a directory to anybody but the one who writes in it.

import Wire

/// Renders `sysusers.d` and `tmpfiles.d`.
enum AccountFiles {
    private static let head =
        "# Rendered from Sources/Shared/Policy by `make units`; a test compares. Do not edit.\n"

    static var users: String {
        var text = head + "g \(ServiceTable.operatorGroup) -\n"
        for group in Set(NodeUnits.all.flatMap(\.groups)).sorted() { text += "g \(group) -\n" }
        for row in NodeUnits.all {
            let home = PackageLayout.state(of: row.role)
            text += "u \(row.user) - \"Infernet \(row.role.rawValue)\" \(home) /usr/sbin/nologin\n"
            for group in row.groups { text += "m \(row.user) \(group)\n" }
        }
        return text
    }

    static var directories: String {
        var text = head
        func folder(_ path: String, _ mode: UInt16, _ owner: String = "root") {
            let mode = "0" + String(mode, radix: 8)
            text += "d \(path) \(mode) \(owner) \(owner) -\n"
        }
        folder(PackageLayout.state, 0o755)
        folder(PackageLayout.run, 0o755)
        folder(PackageLayout.slices, 0o700)
        for row in NodeUnits.all {
            folder(PackageLayout.state(of: row.role), row.stateMode, row.user)
            folder(PackageLayout.sockets(of: row.role), 0o755)
        }
        return text
    }
}

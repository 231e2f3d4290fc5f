// Every file of the repository that is rendered from the tables. `make units` writes them, a test compares.
// It must never hold text that is not derived.

import Wire

/// The rendered files.
public enum RenderedFiles {
    /// Text by path from the repository's root.
    public static var all: [String: String] {
        var files = [
            "systemd/\(UnitName.target)": NodeUnits.target,
            "systemd/\(UnitName.configuration)": NodeUnits.configuration,
            "systemd/\(UnitName.activation)": SocketUnits.activation,
            "systemd/sysusers.d/infernet.conf": AccountFiles.users,
            "systemd/tmpfiles.d/infernet.conf": AccountFiles.directories,
            "docs/PRIVILEGES.md": PrivilegesDocument.text,
        ]
        for row in NodeUnits.all {
            files["systemd/\(UnitName.service(row.role))"] = ServiceUnit(row: row).text
            if row.role != .supervisor {
                files["docs/man/\(row.role.rawValue).8"] = ManualPage(row: row).text
            }
            for caller in Grants.callers(of: row.role) {
                files["systemd/\(UnitName.socket(row.role, from: caller))"] = SocketUnits.rpc(
                    row.role, from: caller)
            }
            for socket in row.sockets {
                files["systemd/\(UnitName.socket(row.role, socket))"] = SocketUnits.outside(socket, of: row)
            }
        }
        return files
    }
}

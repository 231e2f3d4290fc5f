// Where a node lives on a machine, and where its sockets are. The only place of these paths.
// It must never touch the disk.

import Glibc
public import Wire

/// Default directories and the rule for sockets.
public enum NodePaths {
    /// `/var/lib/infernet` for root, else below `XDG_STATE_HOME`.
    public static var defaultStateDirectory: String {
        if geteuid() == 0 { return "/var/lib/infernet" }
        if let state = variable("XDG_STATE_HOME") { return state + "/infernet" }
        return (variable("HOME") ?? "/tmp") + "/.local/state/infernet"
    }

    /// `INFERNET_RUN_DIR`, else `/run/infernet` for root, else below `XDG_RUNTIME_DIR`.
    public static var defaultRunDirectory: String {
        if let chosen = variable("INFERNET_RUN_DIR") { return chosen }
        if geteuid() == 0 { return "/run/infernet" }
        if let run = variable("XDG_RUNTIME_DIR") { return run + "/infernet" }
        return "/tmp/infernet-\(geteuid())"
    }

    /// `INFERNET_CONFIG`, else the file that is read when none is named.
    public static var defaultConfigFile: String {
        if let chosen = variable("INFERNET_CONFIG") { return chosen }
        if geteuid() == 0 { return "/etc/infernet/infernet.yaml" }
        if let config = variable("XDG_CONFIG_HOME") { return config + "/infernet/infernet.yaml" }
        return (variable("HOME") ?? "/tmp") + "/.config/infernet/infernet.yaml"
    }

    /// The socket on which `callee` hears `caller`, and nobody else.
    public static func socket(runDirectory: String, callee: Role, caller: Role) -> String {
        "\(runDirectory)/\(callee.rawValue)/\(caller.rawValue).sock"
    }

    /// The socket on which content-d is handed files.
    public static func handoffSocket(runDirectory: String) -> String {
        "\(runDirectory)/\(Role.content.rawValue)/handoff.sock"
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        return text.isEmpty ? nil : text
    }
}

// Where the package puts things on a machine. The only place of these paths.
// It must never be used to find anything at run time: the configuration and the parent say where things are.

public import Wire

/// Paths of an installed node.
public enum PackageLayout {
    /// The daemons' programs; nobody's PATH has it.
    public static let programs = "/usr/lib/infernet/bin"
    /// The person's hand.
    public static let hand = "/usr/bin/infernetctl"
    public static let configuration = "/etc/infernet"
    public static let state = "/var/lib/infernet"
    public static let run = "/run/infernet"
    /// Secrets sealed to the machine.
    public static let sealed = "/etc/credstore.encrypted"
    /// Each daemon's part of the configuration, as `<role>.json`; only root may look.
    public static let slices = "/run/infernet/config"
    /// The program of a daemon.
    public static func program(of role: Role) -> String { "\(programs)/\(role.rawValue)" }
    /// What only this daemon writes and what lasts.
    public static func state(of role: Role) -> String { "\(state)/\(role.rawValue)" }
    /// The sockets on which `role` is heard.
    public static func sockets(of role: Role) -> String { "\(run)/\(role.rawValue)" }
    /// What only this daemon writes and what goes with the boot.
    public static func runtime(of role: Role) -> String { "\(run)/\(role.rawValue)/run" }
}

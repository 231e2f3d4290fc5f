// The units that hold the node together: its target, and the one that checks and deals out the configuration.
// It must never give a daemon anything: that is in the daemon's own unit.

import Wire

/// Renders `infernet.target` and `infernet-config.service`.
enum NodeUnits {
    static var all: [ServiceRow] { [ServiceTable.watcher] + ServiceTable.rows }

    static var target: String {
        var unit = UnitText()
        unit.section("Unit")
        unit.set("Description", "Infernet: a node of the market for AI inference")
        unit.set("Documentation", "man:infernetctl(1)")
        unit.set("Wants", UnitName.configuration)
        unit.set("Wants", each: all.map { UnitName.service($0.role) })
        for row in all {
            let absent = row.sockets.filter { !$0.isOnByDefault }.map { UnitName.socket(row.role, $0) }
            unit.set("Wants", each: UnitName.sockets(of: row).filter { !absent.contains($0) })
        }
        unit.section("Install")
        unit.set("WantedBy", "multi-user.target")
        return unit.text
    }

    static var configuration: String {
        var unit = UnitText()
        unit.section("Unit")
        unit.set("Description", "Infernet: checks the configuration and deals out its parts")
        unit.set("Documentation", "man:infernetctl(1)")
        unit.set("PartOf", UnitName.target)
        unit.set("After", ["systemd-sysusers.service", "systemd-tmpfiles-setup.service"])
        unit.section("Service")
        unit.set("Type", "oneshot")
        unit.set("RemainAfterExit", "yes")
        unit.set(
            "ExecStart", "\(PackageLayout.program(of: .supervisor)) --render \(PackageLayout.slices)")
        unit.set("Environment", "LIBDISPATCH_LOG=NO")
        unit.set("SyslogIdentifier", "infernet-config")
        unit.comment("Root, to write what root alone may read; without any of root's other powers.")
        unit.set("NoNewPrivileges", "yes")
        unit.set("CapabilityBoundingSet", "")
        unit.set("ProtectSystem", "strict")
        unit.set("ReadWritePaths", PackageLayout.slices)
        unit.set("ProtectHome", "yes")
        unit.set("PrivateTmp", "yes")
        unit.set("PrivateDevices", "yes")
        unit.set("PrivateNetwork", "yes")
        unit.set("RestrictAddressFamilies", "AF_UNIX")
        unit.set("SystemCallArchitectures", "native")
        unit.set("SystemCallFilter", SystemCallProfile.service.allowed)
        unit.set("UMask", "0077")
        return unit.text
    }
}

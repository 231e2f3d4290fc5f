// The sockets of a node as systemd units: one for each pair of the grants, so that the kernel lets in that caller alone,
// and those to the outside. It must never let a socket start a daemon that has failed for good.
//
// A socket's own `Service=` is the activation service, which does nothing, cannot fail and stays active: the first
// connection to any socket starts the node, and from then on systemd does not look at the sockets. Were it the daemon,
// each waiting connection would start one that has just exited with a wrong configuration, in a loop, until systemd
// closes the socket; so callers wait in the backlog instead. Daemons take the sockets by their `Sockets=`.

import Wire

/// Renders `infernet-*.socket` and the units around them.
enum SocketUnits {
    /// The socket on which `callee` hears `caller`.
    static func rpc(_ callee: Role, from caller: Role) -> String {
        var unit = begin("\(callee.rawValue) hears \(caller.rawValue)")
        unit.set(
            "ListenStream",
            ServiceTable.socketPath(runDirectory: PackageLayout.run, callee: callee, caller: caller))
        unit.set("FileDescriptorName", ServiceTable.label(for: caller))
        access(&unit, caller)
        unit.set("Backlog", "256")
        return end(&unit)
    }

    /// A socket to the outside.
    static func outside(_ socket: OutsideSocket, of row: ServiceRow) -> String {
        var unit = begin("\(row.role.rawValue): \(socket.summary)")
        switch socket.kind {
        case .udp: unit.set("ListenDatagram", socket.unitAddress)
        case .tcp, .unix: unit.set("ListenStream", socket.unitAddress)
        }
        unit.set("FileDescriptorName", socket.rawValue)
        switch socket.kind {
        case .unix: access(&unit, .ctl)
        case .tcp:
            unit.set("FreeBind", "yes")
            unit.set("NoDelay", "yes")
            unit.set("Backlog", "1024")
        case .udp:
            unit.set("FreeBind", "yes")
            // IPv4 has a socket of its own.
            if socket == .dht6 { unit.set("BindIPv6Only", "ipv6-only") }
        }
        return end(&unit)
    }

    /// What any connection starts.
    static var activation: String {
        var unit = UnitText()
        unit.section("Unit")
        unit.set("Description", "Infernet: what a connection to any of its sockets starts")
        unit.set("PartOf", UnitName.target)
        unit.set("Wants", UnitName.target)
        unit.section("Service")
        unit.comment(
            "It runs nothing and stays active, so that no connection starts a daemon that has failed for good."
        )
        unit.set("Type", "oneshot")
        unit.set("RemainAfterExit", "yes")
        unit.set("ExecStart", "/usr/bin/true")
        unit.comment(
            "It is handed every socket, and without this systemd makes them all block, in the daemons too.")
        unit.set("NonBlocking", "yes")
        unit.set("DynamicUser", "yes")
        return unit.text
    }

    private static func begin(_ words: String) -> UnitText {
        var unit = UnitText()
        unit.section("Unit")
        unit.set("Description", "Infernet: \(words)")
        unit.set("PartOf", UnitName.target)
        unit.section("Socket")
        return unit
    }

    private static func end(_ unit: inout UnitText) -> String {
        unit.set("Service", UnitName.activation)
        unit.section("Install")
        unit.set("WantedBy", UnitName.target)
        return unit.text
    }

    /// Only the caller, or the operators for the person's hand.
    private static func access(_ unit: inout UnitText, _ caller: Role) {
        let row = caller == .supervisor ? ServiceTable.watcher : ServiceTable.row(caller)
        unit.set("SocketUser", row?.user ?? "root")
        unit.set("SocketGroup", row?.user ?? ServiceTable.operatorGroup)
        unit.set("SocketMode", row == nil ? "0660" : "0600")
        unit.set("DirectoryMode", "0755")
        unit.set("RemoveOnStop", "yes")
    }
}

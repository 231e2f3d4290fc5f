// Connections that a daemon handed over while it restarts, to be passed to its next process: what systemd's store of
// descriptors is in spawned mode. It must never hold more than a row allows, nor hand them to another daemon.

import Glibc
import NodeSystem
import Policy
import Wire

/// What is kept for each daemon. Its descriptors are its own until they are closed here.
struct KeptConnections {
    private var held: [Role: [SpawnRequest.PassedDescriptor]] = [:]

    /// Takes over what a daemon handed over; what is not wanted is closed.
    mutating func take(_ descriptors: [Int32], label: String?, of row: ServiceRow) {
        let known = row.sockets.map(ServiceTable.label(keptFrom:))
        for descriptor in descriptors {
            guard let label, known.contains(label), held[row.role, default: []].count < row.keptConnections
            else {
                close(descriptor)
                continue
            }
            held[row.role, default: []].append(.init(label, descriptor))
        }
    }

    /// The daemon has adopted what was under this label.
    mutating func forget(_ label: String, of role: Role) {
        let gone = held[role, default: []].filter { $0.label == label }
        held[role]?.removeAll { $0.label == label }
        for connection in gone { close(connection.descriptor) }
    }

    /// Ends all connections of a daemon that will not be started again.
    mutating func drop(of role: Role) {
        for connection in held.removeValue(forKey: role) ?? [] { close(connection.descriptor) }
    }

    /// What the next process of a daemon is handed.
    func passed(to role: Role) -> [SpawnRequest.PassedDescriptor] { held[role] ?? [] }
}

// Hands accepted connections to the parent, who passes them to the next process of this daemon.
// It must never hand over more than the row allows: the parent drops what is beyond, and with it somebody's connection.

import Glibc
import NIOConcurrencyHelpers
import NodeSystem
import Policy
import Wire

/// The parent's place for connections on which nothing is under way.
public final class ConnectionKeeper: Sendable {
    private let notifier: ServiceNotifier?
    private let room: NIOLockedValueBox<Int>

    /// A keeper who takes nothing.
    public init() {
        notifier = nil
        room = NIOLockedValueBox(0)
    }

    init(_ notifier: ServiceNotifier?, role: Role) {
        self.notifier = notifier
        room = NIOLockedValueBox(notifier == nil ? 0 : ServiceTable.row(role)?.keptConnections ?? 0)
    }

    /// Gives connections to the parent. The caller closes its own descriptors, kept or not, without shutting the
    /// connection down.
    ///
    /// - Parameter socket: the label of the socket they came in on, as `http`.
    /// - Returns: how many were taken, from the first on.
    public func keep(_ connections: [Int32], of socket: String) -> Int {
        guard let notifier, let label = Self.label(socket) else { return 0 }
        return room.withLockedValue { room in
            var taken = 0
            while taken < min(connections.count, room) {
                let end = min(connections.count, room, taken + ServiceNotifier.mostKept)
                guard notifier.keep(Array(connections[taken..<end]), label: label) else { break }
                taken = end
            }
            room -= taken
            return taken
        }
    }

    /// Tells the parent that the connections it kept of a socket are this process's now.
    public func adopted(of socket: String) {
        guard let notifier, let label = Self.label(socket) else { return }
        notifier.forgetKept(label: label)
    }

    static func label(_ socket: String) -> String? {
        OutsideSocket(rawValue: socket).map(ServiceTable.label(keptFrom:))
    }
}

// What all connections of a server share: how much is under way, and whether new work is refused.
// It must never be reached without its lock.

import NIOConcurrencyHelpers
import NIOCore

/// Counters of one server.
final class ServerState: Sendable {
    private struct State {
        var active = 0
        var draining = false
        var channels: [any Channel] = []
    }

    private let box = NIOLockedValueBox(State())

    var active: Int { box.withLockedValue { $0.active } }
    var isDraining: Bool { box.withLockedValue { $0.draining } }

    func add(_ channel: any Channel) { box.withLockedValue { $0.channels.append(channel) } }
    func began() { box.withLockedValue { $0.active += 1 } }
    func ended() { box.withLockedValue { $0.active -= 1 } }
    func startDraining() { box.withLockedValue { $0.draining = true } }

    func takeChannels() -> [any Channel] {
        box.withLockedValue { state in
            defer { state.channels = [] }
            return state.channels
        }
    }
}

// What a house tells its own parent: the same that a daemon tells it.
// It must never say that it is alive unless the house itself has answered.

import Interfaces
import NodeSystem

extension ServiceNotifier {
    /// Tells of the house until the task is cancelled; READY when `started` returns.
    func speak(for house: any House, started: @Sendable () async -> Void) async {
        await started()
        send(.ready)
        var told = ""
        let interval = watchdogInterval.map { $0 / 2 } ?? .seconds(5)
        while !Task.isCancelled {
            // Asking the actor proves that the loop behind it is alive.
            let health = await house.health()
            let text = "\(health.state.rawValue): \(health.reason)"
            if text != told { send(.status(text)) }
            told = text
            send(.watchdog)
            try? await Task.sleep(for: min(interval, .seconds(5)))
        }
    }
}

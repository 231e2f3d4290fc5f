// How signals and people end whatever the program is doing at the moment. It must never lose a request that came before
// anybody listened.

import Synchronization

/// One request to stop, and whoever is to hear of it now.
final class StopSwitch: Sendable {
    private let state = Mutex<(reason: String?, listener: (@Sendable (String) -> Void)?)>((nil, nil))

    /// Why it was flipped; nil while it was not.
    var reason: String? { state.withLock { $0.reason } }

    func flip(_ why: String) {
        let listener = state.withLock { state in
            if state.reason == nil { state.reason = why }
            return state.listener
        }
        listener?(why)
    }

    /// Replaces the listener; it hears at once of what came before it.
    func listen(_ listener: @escaping @Sendable (String) -> Void) {
        let reason = state.withLock { state in
            state.listener = listener
            return state.reason
        }
        if let reason { listener(reason) }
    }
}

// Lets jobs through as Admission says, and holds the tasks of those that wait.
// It must never leave a task waiting that was cancelled.

import Synchronization
import Wire

/// A gate before one kind of work.
final class Gate: Sendable {
    private struct State {
        var admission: Admission
        var next: UInt64 = 1
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        /// Tickets from the line that have a place now.
        var placed: Set<UInt64> = []
        var isShut = false
    }

    private let state: Mutex<State>
    private let what: String

    /// A gate with so many places and so long a line; `what` names the jobs in the error message.
    init(places: Int, line: Int, what: String) {
        state = Mutex(State(admission: Admission(places: places, line: line)))
        self.what = what
    }

    /// A claim on a place. Give it back with `leave`, whatever happened.
    struct Ticket: Sendable {
        let number: UInt64
        let waits: Bool
        let since = ContinuousClock.now
    }

    var active: Int { state.withLock { $0.admission.active } }
    var queued: Int { state.withLock { $0.admission.waiting.count } }

    /// Lets nobody in any more, or everybody again. Who is in or in line keeps his place.
    func shut(_ shut: Bool) { state.withLock { $0.isShut = shut } }
    /// Whether one more would be let in at once.
    var hasRoom: Bool { state.withLock { $0.admission.active < $0.admission.places } }
    var isShut: Bool { state.withLock { $0.isShut } }

    /// Refuses as `enter` would, without asking for a place.
    func requireRoom() throws {
        if isShut { throw draining }
        guard hasRoom else { throw full(1_000) }
    }

    private var draining: WireError {
        WireError(
            .draining, "This node is being drained and takes no new \(what).",
            fix: "Ask it again later; its owner opens it with 'infernetctl drain --resume'.",
            retryAfterMs: 30_000)
    }

    private func full(_ waitMs: Int) -> WireError {
        WireError(
            .tooManyRequests, "As many \(what) are under way and waiting as this node takes.",
            fix: "Try again after a while.", retryAfterMs: waitMs)
    }

    /// Asks for a place.
    /// - Throws: `too_many_requests` when the line is full, `draining` when it is shut.
    func enter() throws -> Ticket {
        let (number, answer) = try state.withLock { state in
            if state.isShut { throw draining }
            let number = state.next
            state.next += 1
            return (number, state.admission.enter(number))
        }
        switch answer {
        case .go: return Ticket(number: number, waits: false)
        case .wait: return Ticket(number: number, waits: true)
        case .refuse(let wait): throw full(wait)
        }
    }

    /// Returns when the ticket has its place.
    /// - Throws: `CancellationError` when the task is cancelled first.
    func wait(_ ticket: Ticket) async throws {
        guard ticket.waits else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now: Result<Void, any Error>? = state.withLock { state in
                    if state.placed.contains(ticket.number) { return .success(()) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[ticket.number] = continuation
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: ticket.number) }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// Gives the place, or the claim on one, back.
    func leave(_ ticket: Ticket) {
        let took = ContinuousClock.now - ticket.since
        let milliseconds =
            Int(took.components.seconds) * 1000 + Int(took.components.attoseconds / 1_000_000_000_000_000)
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            state.placed.remove(ticket.number)
            if ticket.waits, state.admission.giveUp(ticket.number) { return nil }
            guard let next = state.admission.leave(afterMs: milliseconds) else { return nil }
            state.placed.insert(next)
            return state.waiters.removeValue(forKey: next)
        }
        waiter?.resume()
    }
}

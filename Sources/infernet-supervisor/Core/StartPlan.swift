// In which order daemons start: by readiness, group after group, and never later than a group's time allows.
// It must never wait for a daemon that has failed for good, nor sleep: the shell keeps the time.

import Wire

/// The start of a node. Daemons of one order start together; the next order starts when all of it have settled or
/// its time is over.
struct StartPlan: Sendable {
    enum Action: Sendable, Equatable {
        case start(Role)
        /// Call `expired` for this step after so many milliseconds.
        case arm(step: Int, milliseconds: Int64)
        /// Every daemon has been started.
        case done
    }

    private let steps: [[Role]]
    private let patienceMs: Int64
    private var step = -1
    private var waiting: Set<Role> = []
    /// Those that were not ready when later ones started without them.
    private(set) var late: Set<Role> = []

    /// A plan over daemons and their orders.
    init(_ order: [(role: Role, order: Int)], patienceMs: Int64) {
        steps = Dictionary(grouping: order, by: \.order).sorted { $0.key < $1.key }.map {
            $0.value.map(\.role)
        }
        self.patienceMs = patienceMs
    }

    mutating func begin() -> [Action] { step < 0 ? advance() : [] }

    /// A daemon became ready, or will not become so by itself.
    mutating func settled(_ role: Role) -> [Action] {
        late.remove(role)
        guard waiting.remove(role) != nil, waiting.isEmpty else { return [] }
        return advance()
    }

    mutating func expired(step expired: Int) -> [Action] {
        guard expired == step, !waiting.isEmpty else { return [] }
        late.formUnion(waiting)
        return advance()
    }

    private mutating func advance() -> [Action] {
        step += 1
        waiting = []
        guard step < steps.count else { return step == steps.count ? [.done] : [] }
        waiting = Set(steps[step])
        return steps[step].map { .start($0) } + [.arm(step: step, milliseconds: patienceMs)]
    }
}

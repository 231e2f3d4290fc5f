// Tells a Docker that is slow for a moment from one that is gone: a busy server is no reason to turn jobs away.
// It must never call a Docker good that has not answered for longer than its grace, nor hide that it is slow.

import Interfaces

/// What Docker last said of itself and of the image, and how long that is good for.
struct DockerPatience: Sendable {
    typealias Check = ControlInterface.Check

    /// How long Docker's last word holds while it gives no other: three looks of the supervisor.
    static let grace: Duration = .seconds(15)

    private var last: (checks: [Check], at: ContinuousClock.Instant)?

    /// Takes what was found, when Docker answered and nothing was wrong.
    mutating func remember(_ checks: [Check], at now: ContinuousClock.Instant) {
        last = checks.allSatisfy(\.ok) ? (checks, now) : nil
    }

    /// What holds after a call that failed: the last word and how old it is while Docker is merely slow, else nil.
    func stillHolds(after error: DockerError, at now: ContinuousClock.Instant) -> [Check]? {
        guard error.kind == .slow, let last else { return nil }
        let age = last.at.duration(to: now)
        guard age < Self.grace else { return nil }
        return last.checks.map { check in
            guard check.name == "docker" else { return check }
            var slow = check
            slow.reason = "\(check.reason), \(age.components.seconds) s ago; now \(error.message)"
            return slow
        }
    }
}

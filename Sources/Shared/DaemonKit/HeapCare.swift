// When a daemon that was busy and has come to rest gives back what it holds to be fast, its heap's free pages, and the
// code that it ran through: seven daemons that mostly wait hold them for nothing. It must never do so while there is work.

import NIOConcurrencyHelpers
import NIOCore
import NodeSystem

/// Decides by the processor time that a process has used; no clock, no I/O.
struct HeapCare: Sendable {
    /// How often it is looked, in seconds.
    static let interval: Int64 = 4
    /// Who used no more than this since the last look is at rest, in microseconds.
    static let rest: Int64 = 20_000
    /// Who used less than this since the last time has little to give back.
    static let burst: Int64 = 100_000

    private var last: Int64
    private var trimmed: Int64

    /// A start is work, too.
    init() { (last, trimmed) = (.max, 0) }

    /// - Parameter used: processor time since the process began, in microseconds.
    /// - Returns: whether to give back now.
    mutating func look(_ used: Int64) -> Bool {
        let isAtRest = last <= used && used - last <= Self.rest
        last = used
        guard isAtRest, used - trimmed >= Self.burst else { return false }
        trimmed = used
        return true
    }

    /// Looks again and again, on the loop.
    ///
    /// - Parameter rest: gives back what is no free page yet.
    static func start(on loop: any EventLoop, rest: @escaping @Sendable () async -> Void) -> RepeatedTask {
        let care = NIOLockedValueBox(HeapCare())
        let pause = TimeAmount.seconds(interval)
        return loop.scheduleRepeatedTask(initialDelay: pause, delay: pause) { _ in
            guard care.withLockedValue({ $0.look(ProcessWork.microseconds) }) else { return }
            Task {
                await rest()
                ProcessWork.trimHeap()
            }
        }
    }
}

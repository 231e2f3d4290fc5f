// What a handler knows of a call besides its parameters.
// It must never be built from a message: the kernel and the socket say who calls.

public import Logging
import NIOCore
public import Wire

/// Who calls, for which job, until when.
public struct CallContext: Sendable {
    public let caller: Role
    /// The kernel's word for the caller's process.
    public let uid: UInt32
    public let pid: Int32
    public let method: String
    /// The job that the call belongs to.
    public let trace: String?
    let end: NIODeadline
    private let base: Logger

    init(
        caller: Role, uid: UInt32, pid: Int32, method: String, trace: String?,
        deadline: NIODeadline, log: Logger
    ) {
        self.caller = caller
        self.uid = uid
        self.pid = pid
        self.method = method
        self.trace = trace
        end = deadline
        base = log
    }

    /// When the caller stops waiting; the handler's task is cancelled then.
    public var deadline: ContinuousClock.Instant { .now + .nanoseconds((end - .now()).nanoseconds) }

    /// Carries the job's id on every line.
    public var log: Logger {
        guard let trace else { return base }
        var log = base
        log[metadataKey: "job"] = "\(trace)"
        return log
    }
}

// A child that was started: its pid, how to signal it, how it ended. It can never signal a process that merely reused
// the pid: signals go through the pidfd.

import CHost
import Glibc
import Synchronization

/// A started child. It belongs to the `SpawnThread` that started it, which reaps it.
public final class ChildProcess: Sendable {
    /// Its process id, valid until it ended.
    public let pid: Int32
    private let pidfd: Mutex<Int32?>

    init(_ started: Spawner.Started) {
        pid = started.pid
        pidfd = Mutex(started.pidfd)
    }

    /// Sends a signal.
    ///
    /// - Returns: false when it has already ended.
    @discardableResult
    public func signal(_ signal: Int32) -> Bool {
        pidfd.withLock { $0.map { chost_pidfd_signal($0, signal) == 0 } ?? false }
    }

    /// The descriptor to poll, while it runs. Only for the thread that reaps.
    var watched: Int32? { pidfd.withLock { $0 } }

    /// Reaps it when it has ended; afterwards nothing can be signalled.
    func reap() -> ChildExit? {
        pidfd.withLock { held in
            guard let fd = held else { return nil }
            var code: Int32 = 0
            var status: Int32 = 0
            let ended = chost_pidfd_reap(fd, &code, &status)
            if ended == 0 { return nil }
            close(fd)
            held = nil
            // Somebody else reaped it: the end is known, the reason lost.
            if ended < 0 { return .unknown }
            return code == Int32(CLD_EXITED) ? .exited(status) : .signalled(status)
        }
    }
}

/// How a child ended.
public enum ChildExit: Equatable, Sendable, CustomStringConvertible {
    /// By itself, with this exit code.
    case exited(Int32)
    /// By this signal.
    case signalled(Int32)
    /// Nobody can say: the kernel's answer was lost.
    case unknown

    /// "SIGKILL" when a signal ended it.
    public var signalName: String? {
        guard case .signalled(let signal) = self else { return nil }
        return "SIG" + String(cString: chost_signal_name(signal))
    }

    /// "exit code 3", "signal 9 (SIGKILL)".
    public var description: String {
        switch self {
        case .exited(let code): return "exit code \(code)"
        case .signalled(let signal):
            return "signal \(signal) (\(signalName ?? ""))"
        case .unknown: return "unknown end"
        }
    }
}

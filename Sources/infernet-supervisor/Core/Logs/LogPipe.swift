// The reading end of a daemon's standard error. It must never wait, and never outlive its descriptor.

import Glibc
import Synchronization
import Wire

/// Reads what there is and hands whole lines to the log.
final class LogPipe: Sendable {
    /// How long lines may stand in the pipe, which keeps them whatever becomes of their writer: a busy node's come by
    /// hundreds together then, and each of them wakes nobody.
    static let pause = Duration.milliseconds(10)

    private struct State {
        var descriptor: Int32
        var splitter = LineSplitter()
    }

    private let state: Mutex<State>
    private let daemon: Role
    private let hub: LogHub

    init(_ descriptor: Int32, of daemon: Role, into hub: LogHub) {
        state = Mutex(State(descriptor: descriptor))
        self.daemon = daemon
        self.hub = hub
    }

    /// Reads until nothing is there, at most a pipe's worth.
    ///
    /// - Returns: false when nothing will ever come again; the descriptor is closed then.
    @discardableResult
    func drain() -> Bool {
        let (lines, open) = state.withLock { state in
            var lines: [[UInt8]] = []
            var buffer = [UInt8](repeating: 0, count: 16 * 1024)
            guard state.descriptor >= 0 else { return (lines, false) }
            for _ in 0..<8 {
                let count = read(state.descriptor, &buffer, buffer.count)
                if count > 0 {
                    lines += state.splitter.take(buffer[..<count])
                } else if count < 0, errno == EINTR {
                    continue
                } else if count < 0, errno == EAGAIN {
                    break
                } else {
                    lines += state.splitter.flush()
                    close(state.descriptor)
                    state.descriptor = -1
                    break
                }
            }
            return (lines, state.descriptor >= 0)
        }
        for line in lines { hub.take(line, from: daemon) }
        return open
    }
}

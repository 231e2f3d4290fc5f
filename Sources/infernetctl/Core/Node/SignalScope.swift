// Ctrl-C as a call of a function instead of the end of the process.
// It must never swallow a second Ctrl-C of somebody who wants out.

import Dispatch
import Glibc

/// Calls a function at each SIGINT until it goes out of scope.
final class SignalScope {
    private let source: any DispatchSourceSignal

    init(_ onInterrupt: @escaping @Sendable () -> Void) {
        signal(SIGINT, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler(handler: onInterrupt)
        source.resume()
    }

    deinit {
        source.cancel()
        signal(SIGINT, SIG_DFL)
    }

    /// Runs `body`, cancelled by Ctrl-C; a second Ctrl-C ends the process.
    static func cancellable<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        let task = Task { try await body() }
        let scope = SignalScope {
            if task.isCancelled { exit(ExitStatus.interrupted.rawValue) }
            task.cancel()
        }
        defer { withExtendedLifetime(scope) {} }
        return try await task.value
    }
}

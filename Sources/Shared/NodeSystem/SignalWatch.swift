// Signals to this process as calls on an ordinary thread. It must never do more inside a signal handler than write one
// byte.

import Glibc
import Synchronization

/// Turns SIGTERM and its like into events.
public enum SignalWatch {
    private static let pipeEnd = Atomic<Int32>(-1)

    /// From now on these signals no longer end the process: `handler` is called with each, on `thread`. Once per
    /// process.
    ///
    /// - Throws: `SystemError` when no descriptors are left.
    public static func start(
        _ signals: [Int32], on thread: SpawnThread, handler: @escaping @Sendable (Int32) -> Void
    ) throws {
        let (reading, writing) = try BytePipe.make()
        _ = fcntl(writing, F_SETFL, O_NONBLOCK)
        pipeEnd.store(writing, ordering: .releasing)
        for number in signals {
            signal(number) { number in
                let reason = errno
                var byte = UInt8(truncatingIfNeeded: number)
                _ = write(SignalWatch.pipeEnd.load(ordering: .acquiring), &byte, 1)
                errno = reason
            }
        }
        thread.watch(reading) {
            var byte: UInt8 = 0
            while read(reading, &byte, 1) == 1 { handler(Int32(byte)) }
            return true
        }
    }

    /// Makes writing to a closed pipe or socket an error instead of the end of the process.
    public static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}

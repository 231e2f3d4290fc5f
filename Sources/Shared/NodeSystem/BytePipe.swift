// A pipe whose ends are close-on-exec and whose reading end does not block. It must never leak into a child unasked:
// `Spawner` closes whatever it was not told to pass, so the moment between the two calls does not matter.

import Glibc

/// A pipe.
public enum BytePipe {
    /// Makes one; both ends are the caller's. Reading does not wait, writing does.
    ///
    /// - Throws: `SystemError` when no descriptors are left.
    public static func make() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [-1, -1]
        try attempt("cannot make a pipe") { pipe(&ends) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (ends[0], ends[1])
    }
}

// How much this process has worked, and its heap given back when it has not.
// It must never be asked for on a path that somebody waits for.

import CHost
import Glibc

/// This process, as the system counts it.
public enum ProcessWork {
    /// Processor time of all its threads since it began, in microseconds.
    public static var microseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// Gives back what the heap holds and does not use, and the program's code, which is mapped again from the page cache
    /// as it is run. It takes up to a millisecond, and what is needed again is cleared or mapped anew.
    public static func trimHeap() { chost_trim_heap() }
}

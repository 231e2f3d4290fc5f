// Reads the last matching lines of the log from its end, so that a long log costs only what is asked of it.
// It must never hold more than one block and the answer.

import Glibc

enum LogHistory {
    static let block = 256 * 1024

    /// The last `tail` lines that match, oldest first. Closes the files.
    static func last(_ tail: Int, matching filter: LogFilter, in files: [(descriptor: Int32, size: Int)])
        -> [[UInt8]]
    {
        defer { for file in files { close(file.descriptor) } }
        var found: [[UInt8]] = []
        for file in files.reversed() where found.count < tail {
            collect(file.descriptor, size: file.size, filter: filter, tail: tail, into: &found)
        }
        return found.reversed()
    }

    /// Adds matching lines of one file, newest first.
    private static func collect(
        _ descriptor: Int32, size: Int, filter: LogFilter, tail: Int, into found: inout [[UInt8]]
    ) {
        var end = size
        // The beginning of the block after this one, up to its first line end.
        var carry: [UInt8] = []
        while end > 0, found.count < tail {
            let start = max(0, end - block)
            var bytes = [UInt8](repeating: 0, count: end - start)
            let count = pread(descriptor, &bytes, bytes.count, off_t(start))
            guard count == bytes.count else { return }
            bytes += carry
            var upper = bytes.count
            while upper > 0, found.count < tail {
                let newline = bytes[..<upper].lastIndex(of: 0x0A)
                if newline == nil, start > 0 { break }
                let line = Array(bytes[(newline.map { $0 + 1 } ?? 0)..<upper])
                if !line.isEmpty, filter.matches(line) { found.append(line) }
                upper = newline ?? 0
            }
            carry = Array(bytes[..<upper])
            end = start
        }
    }
}

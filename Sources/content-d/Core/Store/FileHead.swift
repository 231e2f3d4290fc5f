// Looks at the first bytes of a file in the store through a mapping, so that only what is read costs memory.
// It must never be used on a file that somebody else can cut.

import Glibc
import NodeSystem

/// The head of a file.
enum FileHead {
    /// The format of an open file of `size` bytes.
    static func format(of descriptor: Int32, size: Int64) throws -> ContentFormat {
        let length = Int(min(size, Int64(ContentFormat.headBytes)))
        guard length > 0, let start = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0),
            start != MAP_FAILED
        else { throw SystemError(call: "cannot look at the file's beginning", errno: errno) }
        defer { munmap(start, length) }
        return try ContentFormat(head: UnsafeRawBufferPointer(start: start, count: length), size: size)
    }
}

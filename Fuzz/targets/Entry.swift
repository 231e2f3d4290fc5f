// What libFuzzer calls: one program serves the targets of its group, and FUZZ_TARGET says which one runs.
// It must never swallow a trap or turn bytes into anything before the target sees them.

import Glibc

/// A door for foreign bytes; it must survive whatever comes.
typealias Door = @Sendable (UnsafeRawBufferPointer) -> Void

private let door: Door = {
    guard let name = getenv("FUZZ_TARGET").map({ String(cString: $0) }), let door = doors[name] else {
        print("FUZZ_TARGET must be one of \(doors.keys.sorted().joined(separator: ", "))")
        exit(2)
    }
    return door
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    door(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

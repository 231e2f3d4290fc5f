// Cuts what a daemon writes on its standard error into lines. It must never hold more than one line's limit, whatever
// is written.

/// Bytes in, whole lines out.
struct LineSplitter: Sendable {
    /// Longest line kept, in bytes; the rest of a longer one is left out.
    static let longest = 16 * 1024

    private var pending: [UInt8] = []
    private var overflow = 0

    /// The lines that these bytes complete, without their line ends; empty ones are left out.
    mutating func take(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            hold(rest[..<end])
            lines += flush()
            rest = rest[rest.index(after: end)...]
        }
        hold(rest)
        return lines
    }

    /// What stands without a line end, when nothing more will come.
    mutating func flush() -> [[UInt8]] {
        defer {
            pending = []
            overflow = 0
        }
        if overflow > 0 { pending += Array(" [\(overflow) more bytes left out]".utf8) }
        return pending.isEmpty ? [] : [pending]
    }

    private mutating func hold(_ bytes: some Collection<UInt8>) {
        let room = max(0, Self.longest - pending.count)
        pending += bytes.prefix(room)
        overflow += max(0, bytes.count - room)
    }
}

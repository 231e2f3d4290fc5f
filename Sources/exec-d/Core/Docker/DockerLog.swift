// Takes Docker's framing off a container's log: 8 bytes of header (stream, 3 zeros, big-endian length), then the text.
// It must never trust the length: what is cut short is given as far as it goes.

/// The log of a container without a terminal.
enum DockerLog {
    /// The text lines of a multiplexed log.
    static func lines(_ bytes: [UInt8]) -> [String] {
        var text: [UInt8] = []
        var at = 0
        while at + 8 <= bytes.count {
            let length = bytes[(at + 4)..<(at + 8)].reduce(0) { $0 << 8 | Int($1) }
            let start = at + 8
            let end = start + min(length, bytes.count - start)
            text += bytes[start..<end]
            at = end
        }
        return String(decoding: text, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
    }
}

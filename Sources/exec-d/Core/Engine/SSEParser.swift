// Cuts a byte stream into server-sent events (WHATWG HTML, section 9.2), however the bytes were split.
// It must never keep more than one event's worth of bytes, nor give an event before its blank line came.

/// An incremental parser of `text/event-stream`. Only `data` fields matter to us; others are passed over.
struct SSEParser: Sendable {
    /// An event that would not end.
    struct TooLong: Error, Hashable {}

    private let limit: Int
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    /// A carriage return ended the last line, so a line feed right after it belongs to that end.
    private var afterReturn = false

    /// - Parameter limit: the most bytes that one event may have.
    init(limit: Int = 1 << 20) {
        self.limit = limit
    }

    /// Whether the stream may end here without cutting an event.
    var isBetweenEvents: Bool { line.isEmpty && !hasData }

    /// Takes the next bytes and hands over each event that they complete.
    /// - Throws: `TooLong`.
    mutating func feed(_ bytes: some Sequence<UInt8>, _ event: ([UInt8]) throws -> Void) throws {
        for byte in bytes {
            if byte == 0x0A && afterReturn {
                afterReturn = false
                continue
            }
            afterReturn = byte == 0x0D
            guard byte == 0x0A || byte == 0x0D else {
                line.append(byte)
                if line.count + data.count > limit { throw TooLong() }
                continue
            }
            if line.isEmpty {
                if hasData { try event(data) }
                data.removeAll(keepingCapacity: true)
                hasData = false
            } else {
                endLine()
            }
        }
    }

    private static let field = Array("data:".utf8)

    private mutating func endLine() {
        defer { line.removeAll(keepingCapacity: true) }
        guard line.starts(with: Self.field) else { return }
        if hasData { data.append(0x0A) }
        let start = line.count > Self.field.count && line[Self.field.count] == 0x20 ? 6 : 5
        data.append(contentsOf: line[start...])
        hasData = true
    }
}

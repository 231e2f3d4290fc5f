// Cuts a byte stream into frames: an unsigned 32-bit big-endian length, then that many bytes.
// It must never reserve memory for a length before the length is known to be allowed.

/// The state of one stream's framing. Pure: bytes in, frames out.
public struct FrameReader: Sendable {
    /// The largest frame of all methods together, in bytes.
    public static let hardLimit = 8 * 1024 * 1024

    /// What stands at the front of the buffered bytes.
    public enum Step: Sendable, Equatable {
        /// More bytes are needed: this many at least.
        case need(Int)
        /// A whole frame lies at this range.
        case frame(Range<Int>)
    }

    public let limit: Int

    public init(limit: Int = FrameReader.hardLimit) { self.limit = limit }

    /// Looks at the unread bytes of the stream.
    /// - Throws: `too_large` for a length over the limit, `parse_error` for an empty frame.
    public func next(_ bytes: UnsafeRawBufferPointer) throws(WireError) -> Step {
        guard bytes.count >= 4 else { return .need(4 - bytes.count) }
        let length = Int(bytes[0]) << 24 | Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3])
        guard length <= limit else {
            throw WireError(.tooLarge, "A frame of \(length) bytes is over the limit of \(limit).")
        }
        guard length > 0 else { throw WireError(.parseError, "A frame is empty.") }
        guard bytes.count >= 4 + length else { return .need(4 + length - bytes.count) }
        return .frame(4..<(4 + length))
    }
}

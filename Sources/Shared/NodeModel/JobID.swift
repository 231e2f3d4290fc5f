// The one name of a job from end to end: in logs, journals, messages, receipts.
// It must never be reused, nor carry meaning beyond its time.

/// A job's id: `job_` and 32 lower-case hexadecimal characters (48 bits of Unix milliseconds, 80 random bits).
public struct JobID: Hashable, Sendable, Codable, CustomStringConvertible {
    public let text: String
    public var description: String { text }

    /// - Returns: nil unless the text has the form of an id.
    public init?(_ text: String) {
        guard text.hasPrefix("job_"), Hex.decode(text.dropFirst(4), count: 16) != nil else { return nil }
        self.text = text
    }

    /// A new id.
    /// - Parameters:
    ///   - milliseconds: Unix time.
    ///   - random: the source of the 80 bits that keep ids apart.
    public init(milliseconds: UInt64, random: inout some RandomNumberGenerator) {
        var bytes: [UInt8] = []
        for shift in stride(from: 40, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: milliseconds >> UInt64(shift)))
        }
        for _ in 0..<10 { bytes.append(UInt8.random(in: .min ... .max, using: &random)) }
        text = "job_" + Hex.encode(bytes)
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = JobID(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "a job id is 'job_' and 32 hexadecimal characters")
        }
        self = id
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

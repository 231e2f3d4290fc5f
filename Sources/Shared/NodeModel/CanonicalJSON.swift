// Canonical JSON (RFC 8785 without fractions): receipts are signed and compared byte by byte, so that there must
// be exactly one way to write each. It must never accept a second spelling of a document.

import FoundationEssentials

/// Why bytes are not canonical JSON.
public enum CanonicalJSONError: Error, Hashable, Sendable {
    /// Not JSON, or JSON with white space or an escape that is never written, at this byte.
    case syntax(offset: Int)
    /// A number with a fraction or an exponent.
    case fraction(offset: Int)
    /// An integer beyond ±(2^53 - 1), which other readers would round.
    case integerOutOfRange(offset: Int)
    /// A key that stands twice in one object.
    case repeatedKey(String, offset: Int)
    /// More than 32 levels.
    case tooDeep(offset: Int)
    /// Right JSON, but not as it would be written: the first byte that differs.
    case notCanonical(offset: Int)
    /// Canonical JSON, but not of the wanted type.
    case wrongShape(String)
}

extension CanonicalJSONError: CustomStringConvertible {
    /// A sentence for people.
    public var description: String {
        switch self {
        case .syntax(let offset): "not canonical JSON at byte \(offset)"
        case .fraction(let offset): "a number with a fraction at byte \(offset): only integers are allowed"
        case .integerOutOfRange(let offset): "an integer beyond 2^53 at byte \(offset)"
        case .repeatedKey(let key, let offset): "the key \"\(key)\" stands twice (byte \(offset))"
        case .tooDeep(let offset): "more than \(CanonicalParser.deepest) levels at byte \(offset)"
        case .notCanonical(let offset): "not in canonical form: byte \(offset) would be written differently"
        case .wrongShape(let reason): "not the expected document: \(reason)"
        }
    }
}

/// Writing and strict reading of canonical JSON.
public enum CanonicalJSON {
    /// The canonical bytes of `value`.
    ///
    /// - Throws: `fraction` for floating point values, `integerOutOfRange` beyond ±(2^53 - 1).
    public static func encode(_ value: some Encodable) throws(CanonicalJSONError) -> [UInt8] {
        try encodeByCodable(value)
    }

    /// The same bytes of an event, by hand.
    public static func encode(_ event: SignedEvent) throws(CanonicalJSONError) -> [UInt8] {
        guard isExact(event.createdAt), isExact(Int64(event.kind)), let bytes = written(event) else {
            return try encodeByCodable(event)
        }
        return bytes
    }

    /// The same bytes of a receipt, by hand.
    public static func encode(_ body: ReceiptBody) throws(CanonicalJSONError) -> [UInt8] {
        let numbers = [
            body.finishedAt, body.price, Int64(body.version), body.unitPrice.prompt,
            body.unitPrice.completion,
            body.usage.promptTokens, body.usage.completionTokens, body.timings.queueMs, body.timings.loadMs,
            body.timings.firstTokenMs, body.timings.generateMs,
        ]
        guard numbers.allSatisfy(isExact), let bytes = written(body) else { return try encodeByCodable(body) }
        return bytes
    }

    private static func written(_ document: some PlainDocument) -> [UInt8]? {
        var out: [UInt8] = []
        out.reserveCapacity(1_024)
        return document.write(into: &out) ? out : nil
    }

    /// Whether every reader of JSON reads this number as it is.
    private static func isExact(_ value: Int64) -> Bool { value.magnitude < 1 << 53 }

    /// What the others' bytes are held against.
    static func encodeByCodable(_ value: some Encodable) throws(CanonicalJSONError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes]
        let loose: [UInt8]
        do {
            loose = Array(try encoder.encode(value))
        } catch {
            throw .wrongShape("\(error)")
        }
        var out: [UInt8] = []
        try CanonicalParser.parse(loose).write(into: &out)
        return out
    }

    /// Decodes `bytes` only if writing the result again gives the same bytes; unknown keys are thus errors too.
    public static func decode<T: Codable>(
        _ type: T.Type, from bytes: some Sequence<UInt8>
    ) throws(CanonicalJSONError) -> T {
        let bytes = Array(bytes)
        try check(bytes)
        let value: T
        do {
            value = try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw .wrongShape("\(error)")
        }
        try compare(bytes, encodeByCodable(value))
        return value
    }

    /// Accepts `bytes` only if they are one canonical JSON value and nothing else.
    public static func check(_ bytes: [UInt8]) throws(CanonicalJSONError) {
        var again: [UInt8] = []
        try CanonicalParser.parse(bytes).write(into: &again)
        try compare(bytes, again)
    }

    private static func compare(_ bytes: [UInt8], _ again: [UInt8]) throws(CanonicalJSONError) {
        guard bytes != again else { return }
        let difference = zip(bytes, again).enumerated().first { $1.0 != $1.1 }?.offset
        throw .notCanonical(offset: difference ?? min(bytes.count, again.count))
    }
}

// What may stand in a message: any Codable value, and hot ones that write and read themselves.
// It must never decode a text with duplicate keys: two readers would see two messages.

public import FoundationEssentials

/// A value that crosses a process boundary as JSON.
public protocol WireValue: Codable, Sendable {
    /// Writes the value as one JSON value. The default goes through Codable; hot types override it.
    func write(to writer: inout JSONWriter) throws
    /// Reads the value. The default is strict: no duplicate keys, bounded depth.
    static func read(_ json: UnsafeRawBufferPointer) throws -> Self
}

extension WireValue {
    public func write(to writer: inout JSONWriter) throws { try writeByCodable(to: &writer) }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self { try readByCodable(json) }

    /// What a value that is written by hand must be written as.
    public func writeByCodable(to writer: inout JSONWriter) throws {
        writer.raw(try WireCoding.encoder.encode(self))
    }

    /// Reads the value by hand where `plain` knows all that is in it, and else by Codable.
    public static func read(
        _ json: UnsafeRawBufferPointer, plain: (inout JSONScanner) throws(JSONFault) -> Self
    ) throws -> Self {
        var scanner = JSONScanner(json)
        do {
            let value = try plain(&scanner)
            try scanner.expectEnd()
            return value
        } catch { return try readByCodable(json) }
    }

    /// What a value that is read by hand must be read as.
    public static func readByCodable(_ json: UnsafeRawBufferPointer) throws -> Self {
        var scanner = JSONScanner(json)
        do {
            try scanner.validate()
            try scanner.expectEnd()
        } catch { throw WireError(.invalidParams, "The parameters are not acceptable JSON: \(error).") }
        do { return try WireCoding.decoder.decode(Self.self, from: Data(json)) } catch let error
            as DecodingError
        {
            throw WireError(.invalidParams, WireCoding.explain(error))
        }
    }

    /// The value as JSON bytes.
    public func jsonBytes() throws -> [UInt8] {
        var writer = JSONWriter()
        try write(to: &writer)
        return writer.bytes
    }

    /// The value of JSON bytes, read strictly.
    public static func fromJSON(_ bytes: [UInt8]) throws -> Self {
        try bytes.withUnsafeBytes { try read($0) }
    }
}

/// The shared coders: keys are written as the types name them, sorted so that equal values give equal bytes.
public enum WireCoding {
    public static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()
    public static let decoder = JSONDecoder()

    /// A decoding error in words that name the field.
    public static func explain(_ error: DecodingError) -> String {
        func path(_ context: DecodingError.Context, _ last: (any CodingKey)? = nil) -> String {
            let keys = context.codingPath + (last.map { [$0] } ?? [])
            let text = keys.map { key in key.intValue.map { "[\($0)]" } ?? "." + key.stringValue }.joined()
            return text.hasPrefix(".") ? String(text.dropFirst()) : (text.isEmpty ? "the value" : text)
        }
        switch error {
        case .typeMismatch(let type, let context): return "'\(path(context))' must be \(words(type))."
        case .valueNotFound(let type, let context):
            return "'\(path(context))' must be \(words(type)), not null."
        case .keyNotFound(let key, let context): return "'\(path(context, key))' is missing."
        case .dataCorrupted(let context):
            let reason = context.debugDescription
            return context.codingPath.isEmpty ? "The JSON is not valid." : "'\(path(context))': \(reason)"
        @unknown default: return "The value does not have the expected form."
        }
    }

    private static func words(_ type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "an integer"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [String: Any].Type: "an object"
        case is [Any].Type: "an array"
        default: "a \(type)"
        }
    }
}

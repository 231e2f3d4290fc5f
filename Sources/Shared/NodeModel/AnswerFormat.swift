// The form that an answer is held to while it is generated: JSON, of any shape or of one that a schema names.
// It must never reorder a schema: engines write an object's members in the schema's order.

/// What the words of an answer have to be together; OpenAI's `response_format`.
public enum AnswerFormat: Hashable, Sendable {
    /// A JSON object.
    case object
    /// A JSON value that this JSON Schema admits; the schema as its own text, an object.
    case schema(String)

    /// The longest schema, of an answer or of a function's arguments, in bytes.
    public static let longestSchema = 16 << 10
}

extension AnswerFormat: Codable {
    private enum CodingKeys: String, CodingKey {
        case type, schema
    }

    private static let kinds = (object: "json_object", schema: "json_schema")

    /// - Throws: `DecodingError` when it is neither of the two.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        switch try values.decode(String.self, forKey: .type) {
        case Self.kinds.object: self = .object
        case Self.kinds.schema: self = .schema(try values.decode(String.self, forKey: .schema))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .type, in: values, debugDescription: "neither json_object nor json_schema")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        switch self {
        case .object: try values.encode(Self.kinds.object, forKey: .type)
        case .schema(let text):
            try values.encode(Self.kinds.schema, forKey: .type)
            try values.encode(text, forKey: .schema)
        }
    }
}

// `response_format`: text, any JSON object, or JSON of a schema.
// It must never take a schema that it could not hand on as it stood.

import NodeModel
import Wire

/// Reads OpenAI's three kinds; nil for plain text.
enum ResponseFormat {
    /// The longest schema, in bytes; what else is asked of one is exec-d's to say.
    static let maximumSchema = 16 << 10
    private static let name = "response_format"

    static func read(_ value: JSONTree) throws(APIError) -> AnswerFormat? {
        let fields = try members(of: value, name)
        guard let kind = fields["type"] else { throw .missing("\(name).type") }
        switch try ChatField(name: "\(name).type", value: kind).text(maximum: 64) {
        case "text":
            try only(["type"], in: fields, of: name)
            return nil
        case "json_object":
            try only(["type"], in: fields, of: name)
            return .object
        case "json_schema":
            try only(["type", "json_schema"], in: fields, of: name)
            guard let described = fields["json_schema"] else { throw .missing("\(name).json_schema") }
            return .schema(try schema(described))
        default:
            throw .value("\(name).type", "supported values are: 'text', 'json_object', 'json_schema'.")
        }
    }

    private static func schema(_ value: JSONTree) throws(APIError) -> String {
        let place = "\(name).json_schema"
        let fields = try members(of: value, place)
        try only(["name", "description", "schema", "strict"], in: fields, of: place)
        guard let title = fields["name"] else { throw .missing("\(place).name") }
        let named = try ChatField(name: "\(place).name", value: title).text(maximum: 64)
        let plain = named.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || $0 == 0x5F || $0 == 0x2D
        }
        guard plain else {
            throw .value("\(place).name", "it may have letters of ASCII, digits, '_' and '-' only.")
        }
        if let words = fields["description"], words != .null {
            _ = try ChatField(name: "\(place).description", value: words).text(maximum: 16 << 10)
        }
        // The answer is held to the schema either way.
        if let strict = fields["strict"], strict != .null {
            _ = try ChatField(name: "\(place).strict", value: strict).flag()
        }
        guard let schema = fields["schema"] else { throw .missing("\(place).schema") }
        guard case .object = schema else {
            throw .type("\(place).schema", expected: "an object", got: schema)
        }
        let text = schema.text
        guard text.utf8.count <= maximumSchema else {
            throw .value("\(place).schema", "it is longer than \(maximumSchema) bytes.")
        }
        return text
    }

    private static func members(of value: JSONTree, _ place: String) throws(APIError) -> [String: JSONTree] {
        guard case .object(let members) = value else { throw .type(place, expected: "an object", got: value) }
        return Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    }

    private static func only(
        _ known: [String], in fields: [String: JSONTree], of place: String
    ) throws(APIError) {
        for key in fields.keys.sorted() where !known.contains(key) && fields[key] != .null {
            throw .unsupported("\(place).\(key.prefix(64))")
        }
    }
}

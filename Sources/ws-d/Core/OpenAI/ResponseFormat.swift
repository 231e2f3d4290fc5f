// `response_format`: text, any JSON object, or JSON of a schema.
// It must never take a schema that it could not hand on as it stood.

import NodeModel
import Wire

/// Reads OpenAI's three kinds; nil for plain text.
struct ResponseFormat {
    /// The parameter, as errors name it.
    var name = "response_format"
    /// Whether a schema stands beside its `type`, as in responses, or under `json_schema`, as in chat completions.
    var isFlat = false

    func read(_ value: JSONTree) throws(APIError) -> AnswerFormat? {
        var fields = try value.members(name)
        guard let kind = fields["type"] else { throw .missing("\(name).type") }
        switch try ChatField(name: "\(name).type", value: kind).text(maximum: 64) {
        case "text":
            try fields.only(["type"], of: name)
            return nil
        case "json_object":
            try fields.only(["type"], of: name)
            return .object
        case "json_schema":
            if isFlat {
                fields["type"] = nil
                return .schema(try schema(fields, name))
            }
            try fields.only(["type", "json_schema"], of: name)
            guard let described = fields["json_schema"] else { throw .missing("\(name).json_schema") }
            return .schema(try schema(try described.members("\(name).json_schema"), "\(name).json_schema"))
        default:
            throw .value("\(name).type", "supported values are: 'text', 'json_object', 'json_schema'.")
        }
    }

    private func schema(_ fields: [String: JSONTree], _ place: String) throws(APIError) -> String {
        try fields.only(["name", "description", "schema", "strict"], of: place)
        guard let title = fields["name"] else { throw .missing("\(place).name") }
        _ = try ChatField(name: "\(place).name", value: title).plainName()
        if let words = fields["description"], words != .null {
            _ = try ChatField(name: "\(place).description", value: words).text(maximum: 16 << 10)
        }
        // The answer is held to the schema either way.
        if let strict = fields["strict"], strict != .null {
            _ = try ChatField(name: "\(place).strict", value: strict).flag()
        }
        guard let schema = fields["schema"] else { throw .missing("\(place).schema") }
        return try ChatField(name: "\(place).schema", value: schema).schema()
    }
}

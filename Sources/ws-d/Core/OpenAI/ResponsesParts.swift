// The parts of an item of /v1/responses that are text, as text.
// It must never leave out a part that is not.

import NodeModel

/// Reads a content or an output.
enum ResponsesParts {
    /// Text as it is, or that of an array of parts, joined by a line end.
    static func text(_ value: JSONTree, _ place: String) throws(APIError) -> String {
        switch value {
        case .string(let text): return text
        case .array(let parts):
            var texts: [String] = []
            for (index, part) in parts.enumerated() {
                texts.append(try self.part(part, "\(place)[\(index)]"))
            }
            return texts.joined(separator: "\n")
        default: throw .type(place, expected: "a string or an array of text parts", got: value)
        }
    }

    private static func part(_ value: JSONTree, _ place: String) throws(APIError) -> String {
        let fields = try value.members(place)
        guard let kind = fields["type"] else { throw .missing("\(place).type") }
        let word = try ChatField(name: "\(place).type", value: kind).text(maximum: 64)
        guard word == "input_text" || word == "output_text" else {
            throw .unsupported(
                "\(place).type", "only parts of type 'input_text' and 'output_text' are supported.")
        }
        // What the client's own copy of an earlier answer carries beside the text.
        let beside = word == "output_text" ? ["annotations", "logprobs"] : []
        try fields.only(["type", "text"] + beside, of: place)
        guard let text = fields["text"] else { throw .missing("\(place).text") }
        guard case .string(let words) = text else {
            throw .type("\(place).text", expected: "a string", got: text)
        }
        return words
    }
}

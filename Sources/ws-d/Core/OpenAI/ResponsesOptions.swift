// Options of /v1/responses that are lists of words or objects of their own.
// It must never take for nothing what says something.

import NodeModel

/// Reads them.
enum ResponsesOptions {
    /// What asks for tokens' likelihoods.
    static let likelihoods = "message.output_text.logprobs"
    /// What asks to be told more of things that no answer of ours has.
    private static let absent: Set<String> = [
        "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
        "message.input_image.image_url", "computer_call_output.output.image_url",
        "code_interpreter_call.outputs", "reasoning.encrypted_content",
    ]

    /// `include`.
    /// - Returns: whether likelihoods are asked for.
    static func include(_ field: ChatField) throws(APIError) -> Bool {
        guard case .array(let items) = field.value else {
            throw .type(field.name, expected: "an array of strings", got: field.value)
        }
        var asked = false
        for (index, item) in items.enumerated() {
            let word = try ChatField(name: "include[\(index)]", value: item).text(maximum: 64)
            if word == likelihoods {
                asked = true
            } else if !absent.contains(word) {
                throw .value("include[\(index)]", "it is none of those that OpenAI's API knows.")
            }
        }
        return asked
    }

    /// `stream_options`.
    static func stream(_ field: ChatField) throws(APIError) {
        let fields = try field.value.members(field.name)
        // Padding against traffic analysis; there is no network between this API and its client.
        try fields.only(["include_obfuscation"], of: field.name)
        if let padded = fields["include_obfuscation"], padded != .null {
            _ = try ChatField(name: "\(field.name).include_obfuscation", value: padded).flag()
        }
    }

    /// `reasoning`: a model's thinking is part of its answer here, as much of it as it likes.
    static func reasoning(_ field: ChatField) throws(APIError) {
        for (name, value) in try field.value.members(field.name).sorted(by: { $0.key < $1.key })
        where !value.isNothing && !(name == "effort" && value == .string("none")) {
            throw .unsupported("\(field.name).\(name.prefix(64))")
        }
    }

    /// `truncation`.
    static func truncation(_ field: ChatField) throws(APIError) {
        switch try field.text(maximum: 64) {
        case "disabled": return
        case "auto":
            throw .unsupported(
                field.name, "this node leaves nothing out of a conversation; shorten 'input'.")
        default: throw .value(field.name, "supported values are: 'disabled'.")
        }
    }
}

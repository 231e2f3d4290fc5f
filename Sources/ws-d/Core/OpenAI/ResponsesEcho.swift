// What a response says of the request that it answers, as OpenAI's clients expect it.
// It must never say a value that was not asked for where the engine chose one: those are null.

import NodeModel
import Wire

/// The parameters of a request, as its response repeats them.
struct ResponsesEcho: Sendable, Equatable {
    var instructions: String?
    var sampling = Sampling()
    var parallel = true
    /// As they stood; nil for what is so when nothing was said.
    var toolChoice: JSONTree?
    var tools: JSONTree?
    var format: JSONTree?
    var metadata: JSONTree?

    /// Members of an object, with a comma before each.
    func write(_ writer: inout JSONWriter) {
        writer.literal(",\"background\":false,\"instructions\":")
        if let instructions { writer.string(instructions) } else { writer.literal("null") }
        writer.literal(",\"max_output_tokens\":")
        if let most = sampling.maxTokens { writer.number(most) } else { writer.literal("null") }
        writer.literal(",\"max_tool_calls\":null,\"parallel_tool_calls\":")
        writer.literal(parallel ? "true" : "false")
        writer.literal(
            ",\"previous_response_id\":null,\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false")
        number(",\"temperature\":", sampling.temperature, &writer)
        tree(",\"text\":{\"format\":", format, "{\"type\":\"text\"}", &writer)
        tree("},\"tool_choice\":", toolChoice, "\"auto\"", &writer)
        tree(",\"tools\":", tools, "[]", &writer)
        writer.literal(",\"top_logprobs\":")
        writer.number(sampling.logprobs ?? 0)
        number(",\"top_p\":", sampling.topP, &writer)
        tree(",\"truncation\":\"disabled\",\"metadata\":", metadata, "{}", &writer)
    }

    private func number(_ head: StaticString, _ value: Double?, _ writer: inout JSONWriter) {
        writer.literal(head)
        // Within its range, so that its shortest decimal form is a JSON number.
        if let value { writer.raw(value.description.utf8) } else { writer.literal("null") }
    }

    private func tree(
        _ head: StaticString, _ value: JSONTree?, _ otherwise: StaticString, _ writer: inout JSONWriter
    ) {
        writer.literal(head)
        if let value { writer.raw(value.text.utf8) } else { writer.literal(otherwise) }
    }
}

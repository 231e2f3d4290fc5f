// What an answer may have besides words, as OpenAI's API writes it: calls of functions, and how likely each token was.
// It must never write a call's beginning twice.

import NodeModel
import Wire

/// Writes calls and likelihoods.
enum PartsWriter {
    /// A member of a message that is whole.
    static func calls(_ calls: [ToolCall], _ writer: inout JSONWriter) {
        list("\"tool_calls\":[", calls, &writer) { call, writer in
            writer.literal("{\"id\":")
            writer.string(call.id)
            writer.literal(",\"type\":\"function\",\"function\":{\"name\":")
            writer.string(call.name)
            writer.literal(",\"arguments\":")
            writer.string(call.arguments)
            writer.literal("}}")
        }
    }

    /// A member of a delta.
    static func calls(_ calls: [AnswerPiece.Call], _ writer: inout JSONWriter) {
        list("\"tool_calls\":[", calls, &writer) { call, writer in
            writer.literal("{\"index\":")
            writer.number(call.index)
            if let id = call.id {
                writer.literal(",\"id\":")
                writer.string(id)
                writer.literal(",\"type\":\"function\"")
            }
            writer.literal(",\"function\":{")
            if let name = call.name {
                writer.literal("\"name\":")
                writer.string(name)
                writer.literal(",")
            }
            writer.literal("\"arguments\":")
            writer.string(call.arguments)
            writer.literal("}}")
        }
    }

    /// The value of `logprobs`.
    static func likelihoods(_ tokens: [AnswerPiece.Token], _ writer: inout JSONWriter) {
        guard !tokens.isEmpty else { return writer.literal("null") }
        writer.literal("{")
        list("\"content\":[", tokens, &writer)
        writer.literal(",\"refusal\":null}")
    }

    /// The tokens of an answer as an array, behind `head`, which opens it.
    static func list(_ head: StaticString, _ tokens: [AnswerPiece.Token], _ writer: inout JSONWriter) {
        list(head, tokens, &writer) { token, writer in
            writer.literal("{")
            choice(token.chosen, &writer)
            writer.literal(",")
            list("\"top_logprobs\":[", token.top, &writer) { one, writer in
                writer.literal("{")
                choice(one, &writer)
                writer.literal("}")
            }
            writer.literal("}")
        }
    }

    private static func choice(_ choice: AnswerPiece.Choice, _ writer: inout JSONWriter) {
        writer.literal("\"token\":")
        writer.string(choice.token)
        writer.literal(",\"logprob\":")
        // Finite, so that its shortest decimal form is a JSON number.
        writer.raw(choice.logprob.description.utf8)
        writer.literal(",")
        list("\"bytes\":[", choice.bytes, &writer) { byte, writer in writer.number(Int(byte)) }
    }

    private static func list<Item>(
        _ head: StaticString, _ items: [Item], _ writer: inout JSONWriter,
        _ write: (Item, inout JSONWriter) -> Void
    ) {
        writer.literal(head)
        for (index, item) in items.enumerated() {
            if index > 0 { writer.literal(",") }
            write(item, &writer)
        }
        writer.literal("]")
    }
}

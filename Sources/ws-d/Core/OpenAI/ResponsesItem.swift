// One item of a response's output, as OpenAI's API writes it: a message, or a call of a function.
// It must never be called completed while it may grow, or where it was cut off.

import NodeModel
import Wire

/// An item, and where it stands.
struct ResponsesItem {
    enum Content {
        case message(text: String, tokens: [AnswerPiece.Token])
        case call(ToolCall)
    }

    enum Status: String {
        case inProgress = "in_progress"
        case completed, incomplete
    }

    let content: Content
    let status: Status
    /// Which of the output's items, from zero.
    let index: Int
    /// The job's 32 characters.
    let key: String

    /// The items of an answer, in their order.
    /// - Parameter last: the status of the last one; all others are complete.
    static func items(of answer: WholeAnswer, last: Status, key: String) -> [ResponsesItem] {
        var contents: [Content] = answer.calls.map(Content.call)
        if !answer.text.isEmpty || contents.isEmpty {
            contents.insert(.message(text: answer.text, tokens: answer.tokens), at: 0)
        }
        return contents.enumerated().map { index, content in
            ResponsesItem(
                content: content, status: index == contents.count - 1 ? last : .completed, index: index,
                key: key)
        }
    }

    /// The last item of an answer: the one that grows while it comes.
    static func last(of answer: WholeAnswer, _ status: Status, key: String) -> ResponsesItem {
        guard let call = answer.calls.last else {
            return ResponsesItem(
                content: .message(text: answer.text, tokens: answer.tokens), status: status, index: 0,
                key: key)
        }
        return ResponsesItem(
            content: .call(call), status: status,
            index: answer.calls.count - (answer.text.isEmpty ? 1 : 0), key: key)
    }

    func id(_ writer: inout JSONWriter) {
        switch content {
        case .message: writer.literal("\"msg_")
        case .call: writer.literal("\"fc_")
        }
        writer.raw(key.utf8)
        writer.literal("_")
        writer.number(index)
        writer.literal("\"")
    }

    /// The members by which an event names it.
    func place(_ writer: inout JSONWriter) {
        writer.literal("\"item_id\":")
        id(&writer)
        writer.literal(",\"output_index\":")
        writer.number(index)
    }

    func write(_ writer: inout JSONWriter) {
        writer.literal("{\"id\":")
        id(&writer)
        writer.literal(",\"status\":")
        writer.string(status.rawValue)
        switch content {
        case .message(let text, let tokens):
            writer.literal(",\"type\":\"message\",\"role\":\"assistant\",\"content\":[")
            // A message that only begins has no part yet.
            if status != .inProgress { Self.part(text, tokens, &writer) }
            writer.literal("]}")
        case .call(let call):
            writer.literal(",\"type\":\"function_call\",\"call_id\":")
            writer.string(call.id)
            writer.literal(",\"name\":")
            writer.string(call.name)
            writer.literal(",\"arguments\":")
            writer.string(status == .inProgress ? "" : call.arguments)
            writer.literal("}")
        }
    }

    /// The one part of a message.
    static func part(_ text: String, _ tokens: [AnswerPiece.Token], _ writer: inout JSONWriter) {
        writer.literal("{\"type\":\"output_text\",\"text\":")
        writer.string(text)
        PartsWriter.list(",\"annotations\":[],\"logprobs\":[", tokens, &writer)
        writer.literal("}")
    }
}

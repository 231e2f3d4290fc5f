// Writes responses and their events byte for byte as OpenAI's API does.
// It must never be asked to invent a count: usage is the engine's, or it is absent.

import NodeModel
import Wire

/// One response, and the events that tell of it while it comes.
struct ResponsesWriter: AnswerForm {
    private enum Status: String {
        case inProgress = "in_progress"
        case completed, incomplete, failed
    }

    /// The job's 32 characters: `resp_` and these are the response's id.
    private let key: String
    private let created: Int64
    private let model: String
    private let echo: ResponsesEcho
    /// What the last events repeat.
    private var answer = WholeAnswer()
    private var sequence = 0
    /// How many items have begun; the last of them is open.
    private var begun = 0

    var held: Int { answer.size }

    init(job: JobID?, created: Int64, model: String, echo: ResponsesEcho) {
        key = job.map { String($0.text.dropFirst(4)) } ?? "unknown"
        self.created = created
        self.model = model
        self.echo = echo
    }

    // MARK: The answer at once

    func whole(_ answer: WholeAnswer, _ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter) {
        write(Self.status(finish), answer, usage: usage, &writer)
    }

    private static func status(_ finish: FinishReason) -> Status {
        finish == .length ? .incomplete : .completed
    }

    private func write(
        _ status: Status, _ answer: WholeAnswer?, usage: Usage? = nil, error: APIError? = nil,
        _ writer: inout JSONWriter
    ) {
        writer.literal("{\"id\":\"resp_")
        writer.raw(key.utf8)
        writer.literal("\",\"object\":\"response\",\"created_at\":")
        writer.number(Int(created))
        writer.literal(",\"status\":")
        writer.string(status.rawValue)
        writer.literal(",\"error\":")
        if let error { Self.write(error, &writer) } else { writer.literal("null") }
        writer.literal(",\"incomplete_details\":")
        writer.literal(status == .incomplete ? "{\"reason\":\"max_output_tokens\"}" : "null")
        writer.literal(",\"model\":")
        writer.string(model)
        writer.literal(",\"output\":[")
        if let answer {
            let last: ResponsesItem.Status = status == .completed ? .completed : .incomplete
            for item in ResponsesItem.items(of: answer, last: last, key: key) {
                if item.index > 0 { writer.literal(",") }
                item.write(&writer)
            }
        }
        writer.literal("]")
        echo.write(&writer)
        writer.literal(",\"usage\":")
        Self.write(usage, &writer)
        writer.literal("}")
    }

    /// OpenAI's clients know few codes of a response that failed; the message says which of ours it was.
    private static func write(_ error: APIError, _ writer: inout JSONWriter) {
        writer.literal("{\"code\":")
        writer.string(error.status == 429 ? "rate_limit_exceeded" : "server_error")
        writer.literal(",\"message\":")
        writer.string(error.code.map { "\(error.message) (\($0))" } ?? error.message)
        writer.literal("}")
    }

    private static func write(_ usage: Usage?, _ writer: inout JSONWriter) {
        guard let usage else { return writer.literal("null") }
        writer.literal("{\"input_tokens\":")
        writer.number(Int(usage.promptTokens))
        // No token is cheaper for having been read before, and none of an answer is set apart as reasoning.
        writer.literal(
            ",\"input_tokens_details\":{\"cached_tokens\":0,\"cache_write_tokens\":0},\"output_tokens\":")
        writer.number(Int(usage.completionTokens))
        writer.literal(",\"output_tokens_details\":{\"reasoning_tokens\":0},\"total_tokens\":")
        writer.number(Int(usage.promptTokens) + Int(usage.completionTokens))
        writer.literal("}")
    }

    // MARK: Events

    mutating func begin(_ writer: inout JSONWriter) {
        lifecycle("response.created", &writer) { it, writer in it.write(.inProgress, nil, &writer) }
        lifecycle("response.in_progress", &writer) { it, writer in it.write(.inProgress, nil, &writer) }
    }

    mutating func delta(_ piece: AnswerPiece, _ writer: inout JSONWriter) {
        if !piece.text.isEmpty || !piece.tokens.isEmpty {
            answer.add(AnswerPiece(text: piece.text, tokens: piece.tokens))
            if begun == 0 { open(&writer) }
            event("response.output_text.delta", &writer) { it, writer in
                it.item(.inProgress).place(&writer)
                writer.literal(",\"content_index\":0,\"delta\":")
                writer.string(piece.text)
                PartsWriter.list(",\"logprobs\":[", piece.tokens, &writer)
            }
        }
        for part in piece.calls {
            if part.id != nil, begun > 0 { close(.completed, &writer) }
            answer.add(AnswerPiece(calls: [part]))
            if part.id != nil { open(&writer) }
            guard !part.arguments.isEmpty else { continue }
            event("response.function_call_arguments.delta", &writer) { it, writer in
                it.item(.inProgress).place(&writer)
                writer.literal(",\"delta\":")
                writer.string(part.arguments)
            }
        }
    }

    mutating func end(_ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter) {
        if begun == 0 { open(&writer) }
        let isCut = finish == .length
        close(isCut ? .incomplete : .completed, &writer)
        lifecycle(isCut ? "response.incomplete" : "response.completed", &writer) { it, writer in
            it.write(Self.status(finish), it.answer, usage: usage, &writer)
        }
    }

    mutating func failure(_ error: APIError, _ writer: inout JSONWriter) {
        lifecycle("response.failed", &writer) { it, writer in
            it.write(.failed, it.begun == 0 ? nil : it.answer, error: error, &writer)
        }
    }

    /// The item that grows.
    private func item(_ status: ResponsesItem.Status) -> ResponsesItem {
        ResponsesItem.last(of: answer, status, key: key)
    }

    private mutating func open(_ writer: inout JSONWriter) {
        begun += 1
        itemEvent("response.output_item.added", .inProgress, &writer)
        if case .message = item(.inProgress).content {
            partEvent("response.content_part.added", "", [], &writer)
        }
    }

    private mutating func close(_ status: ResponsesItem.Status, _ writer: inout JSONWriter) {
        switch item(status).content {
        case .message(let text, let tokens):
            event("response.output_text.done", &writer) { it, writer in
                it.item(status).place(&writer)
                writer.literal(",\"content_index\":0,\"text\":")
                writer.string(text)
                PartsWriter.list(",\"logprobs\":[", tokens, &writer)
            }
            partEvent("response.content_part.done", text, tokens, &writer)
        case .call(let call):
            event("response.function_call_arguments.done", &writer) { it, writer in
                it.item(status).place(&writer)
                writer.literal(",\"name\":")
                writer.string(call.name)
                writer.literal(",\"arguments\":")
                writer.string(call.arguments)
            }
        }
        itemEvent("response.output_item.done", status, &writer)
    }

    private mutating func itemEvent(
        _ name: StaticString, _ status: ResponsesItem.Status, _ writer: inout JSONWriter
    ) {
        event(name, &writer) { it, writer in
            let item = it.item(status)
            writer.literal("\"output_index\":")
            writer.number(item.index)
            writer.literal(",\"item\":")
            item.write(&writer)
        }
    }

    private mutating func partEvent(
        _ name: StaticString, _ text: String, _ tokens: [AnswerPiece.Token], _ writer: inout JSONWriter
    ) {
        event(name, &writer) { it, writer in
            it.item(.inProgress).place(&writer)
            writer.literal(",\"content_index\":0,\"part\":")
            ResponsesItem.part(text, tokens, &writer)
        }
    }

    private mutating func lifecycle(
        _ name: StaticString, _ writer: inout JSONWriter,
        _ response: (ResponsesWriter, inout JSONWriter) -> Void
    ) {
        event(name, &writer) { it, writer in
            writer.literal("\"response\":")
            response(it, &writer)
        }
    }

    /// Writes one event; `members` are its own.
    private mutating func event(
        _ name: StaticString, _ writer: inout JSONWriter,
        _ members: (ResponsesWriter, inout JSONWriter) -> Void
    ) {
        writer.literal("event: ")
        writer.literal(name)
        writer.literal("\ndata: {\"type\":\"")
        writer.literal(name)
        writer.literal("\",\"sequence_number\":")
        writer.number(sequence)
        writer.literal(",")
        sequence += 1
        members(self, &writer)
        writer.literal("}\n\n")
    }
}

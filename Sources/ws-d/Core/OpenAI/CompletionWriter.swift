// Writes chat completions and their chunks byte for byte as OpenAI's API does.
// It must never be asked to invent a count: usage is the engine's, or it is absent.

import NodeModel
import Wire

/// The text of one completion's messages: all share id, time and model.
struct CompletionWriter: AnswerForm {
    /// `chatcmpl-` and the job's 32 characters, so that an answer leads to its job.
    let id: String
    /// Unix seconds.
    let created: Int64
    /// As the client named it.
    let model: String
    /// Whether each chunk says `"usage":null` before the one that carries the counts.
    let includeUsage: Bool
    /// Whether the answer may have calls, and so no words.
    private let tools: Bool
    /// What every chunk begins with.
    private let chunkHead: [UInt8]

    init(job: JobID?, created: Int64, model: String, includeUsage: Bool, tools: Bool = false) {
        self.tools = tools
        id = "chatcmpl-" + (job.map { String($0.text.dropFirst(4)) } ?? "unknown")
        self.created = created
        self.model = model
        self.includeUsage = includeUsage
        var writer = JSONWriter()
        writer.literal("data: {\"id\":")
        writer.string(id)
        writer.literal(",\"object\":\"chat.completion.chunk\",\"created\":")
        writer.number(Int(created))
        writer.literal(",\"model\":")
        writer.string(model)
        chunkHead = writer.bytes
    }

    /// The first chunk: who speaks.
    func begin(_ writer: inout JSONWriter) {
        writer.raw(chunkHead)
        writer.literal(",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":")
        writer.literal(tools ? "null}," : "\"\"},")
        endChoice(nil, [], &writer)
    }

    /// A piece of the answer.
    func delta(_ piece: AnswerPiece, _ writer: inout JSONWriter) {
        writer.raw(chunkHead)
        writer.literal(",\"choices\":[{\"index\":0,\"delta\":{")
        if !piece.text.isEmpty || piece.calls.isEmpty {
            writer.literal("\"content\":")
            writer.string(piece.text)
            if !piece.calls.isEmpty { writer.literal(",") }
        }
        if !piece.calls.isEmpty { PartsWriter.calls(piece.calls, &writer) }
        writer.literal("},")
        endChoice(nil, piece.tokens, &writer)
    }

    /// The last chunks: why the answer ended, the counts when they were asked for, and the mark of completeness.
    func end(_ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter) {
        writer.raw(chunkHead)
        writer.literal(",\"choices\":[{\"index\":0,\"delta\":{},")
        endChoice(finish, [], &writer)
        if includeUsage {
            writer.raw(chunkHead)
            writer.literal(",\"choices\":[],\"usage\":")
            write(usage, &writer)
            writer.literal("}\n\n")
        }
        writer.literal("data: [DONE]\n\n")
    }

    /// An error after the answer began.
    func failure(_ error: APIError, _ writer: inout JSONWriter) {
        writer.literal("data: ")
        error.write(to: &writer)
        writer.literal("\n\n")
    }

    /// The whole answer at once.
    func whole(_ answer: WholeAnswer, _ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter) {
        writer.literal("{\"id\":")
        writer.string(id)
        writer.literal(",\"object\":\"chat.completion\",\"created\":")
        writer.number(Int(created))
        writer.literal(",\"model\":")
        writer.string(model)
        writer.literal(",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":")
        if answer.calls.isEmpty || !answer.text.isEmpty {
            writer.string(answer.text)
        } else {
            writer.literal("null")
        }
        writer.literal(",\"refusal\":null")
        if !answer.calls.isEmpty {
            writer.literal(",")
            PartsWriter.calls(answer.calls, &writer)
        }
        writer.literal("},\"logprobs\":")
        PartsWriter.likelihoods(answer.tokens, &writer)
        writer.literal(",\"finish_reason\":")
        writer.string(finish.rawValue)
        writer.literal("}],\"usage\":")
        write(usage, &writer)
        writer.literal("}")
    }

    private func endChoice(
        _ finish: FinishReason?, _ tokens: [AnswerPiece.Token], _ writer: inout JSONWriter
    ) {
        writer.literal("\"logprobs\":")
        PartsWriter.likelihoods(tokens, &writer)
        writer.literal(",\"finish_reason\":")
        if let finish { writer.string(finish.rawValue) } else { writer.literal("null") }
        writer.literal("}]")
        if includeUsage { writer.literal(",\"usage\":null") }
        writer.literal("}\n\n")
    }

    private func write(_ usage: Usage?, _ writer: inout JSONWriter) {
        guard let usage else { return writer.literal("null") }
        writer.literal("{\"prompt_tokens\":")
        writer.number(Int(usage.promptTokens))
        writer.literal(",\"completion_tokens\":")
        writer.number(Int(usage.completionTokens))
        writer.literal(",\"total_tokens\":")
        writer.number(Int(usage.promptTokens) + Int(usage.completionTokens))
        writer.literal("}")
    }
}

// One chat completion from the parsed request to the last byte: asks aggregator-d and relays what it says.
// It must never send a status before the job has begun, nor [DONE] after one that failed.

import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import NodeModel
import Wire

/// A completion under way.
// Touched on the one event loop only: its task prefers the loop's executor.
final class ChatExchange: @unchecked Sendable {  // see above
    private let request: ChatRequest
    private let connection: HTTPConnection
    private let service: HTTPService
    private var writer: CompletionWriter?
    private var job: JobID?
    /// The answer so far, when it is wanted in one piece.
    private var text = ""

    /// The longest answer that is gathered in memory, in bytes.
    private static let maximumAnswer = 16 * 1024 * 1024

    init(_ request: ChatRequest, _ connection: HTTPConnection) {
        self.request = request
        self.connection = connection
        service = connection.service
    }

    func run() async {
        defer { service.endCompletion() }
        do {
            let reply = try await service.aggregator.stream(
                AggregatorInterface.Submit(request: request.inference),
                deadlineMs: service.limits.requestTimeoutMs
            ) { event in try await self.take(event) }
            finish(reply)
        } catch {
            fail(WireError.wrapping(error))
        }
    }

    private func take(_ event: AggregatorInterface.Submit.Event) async throws {
        switch event.stage {
        case .accepted: job = JobID(event.text)
        case .state: return
        case .token:
            guard request.stream else { return try gather(event.text) }
            let completion = begin()
            var out = JSONWriter(capacity: 384)
            if !event.text.isEmpty { completion.delta(event.text, &out) }
            connection.stream(out.bytes)
            try await connection.waitUntilWritable()
        }
    }

    private func gather(_ piece: String) throws {
        text += piece
        guard text.utf8.count <= Self.maximumAnswer else {
            throw WireError(
                .tooLarge, "The answer is larger than \(Self.maximumAnswer) bytes; ask for it as a stream.")
        }
    }

    /// The writer of this answer; for a stream, its head and first chunk are sent with the first use.
    private func begin() -> CompletionWriter {
        if let writer { return writer }
        let made = CompletionWriter(
            job: job, created: service.wallClock(), model: request.inference.model,
            includeUsage: request.includeUsage)
        writer = made
        if request.stream {
            connection.beginStream(HTTPReply.headers(of: job))
            var out = JSONWriter()
            made.role(&out)
            connection.stream(out.bytes)
        }
        return made
    }

    private func finish(_ reply: AggregatorInterface.Submit.Reply) {
        guard connection.isAnswering else { return }
        job = reply.record.job
        service.log.info(
            "completion answered", metadata: ["job": "\(reply.record.job)", "finish": "\(reply.finish)"])
        let completion = begin()
        var out = JSONWriter(capacity: 512 + text.utf8.count)
        if request.stream {
            completion.end(reply.finish, usage: reply.record.usage, &out)
            connection.stream(out.bytes)
            connection.endStream()
        } else {
            completion.whole(text, reply.finish, usage: reply.record.usage, &out)
            var whole = HTTPReply(200, type: HTTPReply.json, body: out.bytes)
            whole.headers += HTTPReply.headers(of: job)
            connection.send(whole)
        }
    }

    private func fail(_ error: WireError) {
        guard connection.isAnswering else { return service.metrics.abandoned() }
        let answer = APIError(error)
        service.log.info(
            "completion failed",
            metadata: [
                "job": "\(job?.text ?? "none")", "status": "\(answer.status)", "error": "\(error.code)",
                "reason": "\(error.message)",
            ])
        if request.stream, let writer {
            var out = JSONWriter()
            writer.failure(answer, &out)
            connection.stream(out.bytes)
            return connection.breakStream(status: answer.status)
        }
        var reply = HTTPReply(answer)
        reply.headers += HTTPReply.headers(of: job)
        connection.send(reply)
    }
}

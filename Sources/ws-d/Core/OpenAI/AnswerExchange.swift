// One answer of a model from the parsed request to the last byte: asks aggregator-d and relays what it says.
// It must never send a status before the job has begun, nor [DONE] after one that failed.

import IPC
import Interfaces
import Logging
import NIOCore
import NodeConfig
import NodeModel
import Wire

/// An answer under way, in whatever form its client reads.
// Touched on the one event loop only: its task prefers the loop's executor.
final class AnswerExchange: @unchecked Sendable {  // see above
    private let request: any AnswerRequest
    private let connection: HTTPConnection
    private let service: HTTPService
    private var form: (any AnswerForm)?
    private var job: JobID?
    /// The answer so far, when it is wanted in one piece.
    private var answer = WholeAnswer()
    /// What became of a stranger's payment, for the `PAYMENT-RESPONSE` header.
    private var paid: String?
    /// How much longer than its work a sale may take, in milliseconds.
    private static let settlingMs = 90_000

    /// The longest answer that is gathered in memory, in bytes.
    private static let maximumAnswer = 16 * 1024 * 1024

    init(_ request: any AnswerRequest, _ connection: HTTPConnection) {
        self.request = request
        self.connection = connection
        service = connection.service
    }

    func run() async {
        defer { service.endCompletion() }
        do {
            if let sale = service.sale { return try await sell(sale) }
            let reply = try await service.aggregator.stream(
                AggregatorInterface.Submit(request: request.inference),
                deadlineMs: service.limits.requestTimeoutMs
            ) { event in try await self.take(event) }
            finish(reply.record.job, reply.finish, reply.record.usage)
        } catch {
            fail(WireError.wrapping(error))
        }
    }

    /// The same for a stranger's money. What was paid for counts as given when it has left whole.
    private func sell(_ url: String) async throws {
        let reply = try await service.aggregator.stream(
            AggregatorInterface.Sell(
                request: request.inference, stream: request.stream, resource: url + request.route.label,
                payment: connection.payment), deadlineMs: service.limits.requestTimeoutMs + Self.settlingMs
        ) { event in try await self.take(event) }
        paid = reply.response
        guard reply.settled, let reason = reply.finish else {
            throw WireError(.paymentRequired, "The payment could not be settled, so there is no answer.")
        }
        finish(reply.job, reason, reply.usage)
        try await connection.sent()
        _ = try? await service.aggregator.call(AggregatorInterface.Sold(job: reply.job))
    }

    private func take(_ event: AggregatorInterface.Submit.Event) async throws {
        switch event.stage {
        case .accepted: job = JobID(event.text)
        case .state: return
        case .paid: paid = event.text
        case .token:
            let piece = try piece(event.text)
            guard request.stream else { return try gather(piece) }
            begin()
            var out = JSONWriter(capacity: 384)
            if !piece.isEmpty { form?.delta(piece, &out) }
            try checkSize(form?.held ?? 0)
            connection.stream(out.bytes)
            try await connection.waitUntilWritable()
        }
    }

    private func piece(_ text: String) throws -> AnswerPiece {
        guard request.inference.hasParts else { return AnswerPiece(text: text) }
        do { return try AnswerPiece(written: text) } catch {
            throw WireError(.internalError, "A piece of the answer cannot be read.")
        }
    }

    private func gather(_ piece: AnswerPiece) throws {
        answer.add(piece)
        try checkSize(answer.size)
    }

    private func checkSize(_ size: Int) throws {
        guard size <= Self.maximumAnswer else {
            throw WireError(
                .tooLarge,
                "The answer is larger than \(Self.maximumAnswer) bytes; ask for it as a stream of chat completions."
            )
        }
    }

    /// Makes the form of this answer; for a stream, its head and beginning are sent with the first use.
    private func begin() {
        guard form == nil else { return }
        var made = request.form(job: job, created: service.wallClock())
        if request.stream {
            connection.beginStream(headers)
            var out = JSONWriter()
            made.begin(&out)
            connection.stream(out.bytes)
        }
        form = made
    }

    /// The job's headers, and those of its payment.
    private var headers: [(String, String)] {
        HTTPReply.headers(of: job) + (paid.map { [(HTTPReply.paymentResponse, $0)] } ?? [])
    }

    private func finish(_ job: JobID, _ reason: FinishReason, _ usage: Usage?) {
        guard connection.isAnswering else { return }
        self.job = job
        service.log.info("completion answered", metadata: ["job": "\(job)", "finish": "\(reason)"])
        begin()
        var out = JSONWriter(capacity: 512 + answer.size)
        if request.stream {
            form?.end(reason, usage: usage, &out)
            connection.stream(out.bytes)
            connection.endStream()
        } else {
            form?.whole(answer, reason, usage: usage, &out)
            var whole = HTTPReply(200, type: HTTPReply.json, body: out.bytes)
            whole.headers += headers
            connection.send(whole)
        }
    }

    private func fail(_ error: WireError) {
        guard connection.isAnswering else { return service.metrics.abandoned() }
        var answer = APIError(error)
        if answer.param == ChatRequest.prompt { answer.param = request.prompt }
        service.log.info(
            "completion failed",
            metadata: [
                "job": "\(job?.text ?? "none")", "status": "\(answer.status)", "error": "\(error.code)",
                "reason": "\(error.message)",
            ])
        if request.stream, form != nil {
            var out = JSONWriter()
            form?.failure(answer, &out)
            connection.stream(out.bytes)
            return connection.breakStream(status: answer.status)
        }
        var reply = HTTPReply(answer)
        reply.headers += headers
        // What ledger-d wrote; anything else is no header.
        if service.sale != nil, error.code == .paymentRequired, paid == nil, let required = error.cause {
            reply.headers.append((HTTPReply.paymentRequired, required))
        }
        connection.send(reply)
    }
}

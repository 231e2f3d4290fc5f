// Talks to one engine over its socket: is it ready, and the answer to one request, piece by piece.
// It must never wait unwatched, nor send a request twice.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Wire

/// An engine behind its Unix socket.
struct EngineClient: Sendable {
    private static let completions = "/v1/chat/completions"

    let http: UnixHTTP

    init(client: HTTPClient, socketPath: String) {
        http = UnixHTTP(client: client, socketPath: socketPath)
    }

    /// Whether the model is loaded; false while nobody listens, or the engine says that it is loading.
    func isReady(within limit: Duration = .seconds(2)) async -> Bool {
        (try? await http.send("GET", "/health", within: limit).status) == 200
    }

    /// Sends a request and hands over its answer as it comes.
    ///
    /// Leaving early, by an error or by cancellation, closes the connection: the engine then frees the slot.
    /// - Parameters:
    ///   - watch: told what is awaited; whoever runs it ends this call when it takes too long.
    ///   - piece: takes each text that is not empty; the next is not read before it returns.
    /// - Throws: `EngineFailure` with its status, `WireError`, or what the connection or `piece` fails with.
    func answer(
        _ request: EngineRequest, answerTokens: Int, watch: AnswerWatch, engine: ProgressMark,
        piece: (String) async throws -> Void
    ) async throws -> (answer: EngineAnswer, end: EngineAnswer.Complete) {
        watch.expect(.firstToken)
        let call = http.request("POST", Self.completions, json: try request.json())
        let response = try await http.client.execute(call, deadline: .distantFuture)
        guard response.status == .ok else {
            let body = try? await response.body.collect(upTo: 64 << 10)
            let failure = body.flatMap { EngineFailure(body: Array($0.readableBytesView)) } ?? EngineFailure()
            throw failure.wire(status: Int(response.status.code), answerTokens: answerTokens)
        }
        var parser = SSEParser()
        var answer = EngineAnswer()
        var texts: [String] = []
        do {
            for try await bytes in response.body {
                engine.touch()
                try parser.feed(bytes.readableBytesView) { event in
                    let text = try answer.take(event)
                    if !text.isEmpty { texts.append(text) }
                }
                if !texts.isEmpty {
                    watch.expect(.caller)
                    for text in texts { try await piece(text) }
                    texts.removeAll(keepingCapacity: true)
                }
                watch.expect(answer.text.isEmpty ? .firstToken : .nextToken)
            }
        } catch let failure as EngineFailure {
            throw failure.wire(
                status: failure.code.map { Int(clamping: $0) } ?? 500, answerTokens: answerTokens)
        } catch is SSEParser.TooLong { throw EngineAnswer.broken("has an event that does not end") }
        try Task.checkCancellation()
        return (answer, try answer.complete())
    }
}

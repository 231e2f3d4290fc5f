// Talks to one engine over its socket: is it ready, and the answer to one request, piece by piece.
// It must never wait unwatched, nor send a request twice.

import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NodeModel
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
    ///   - piece: takes each text that is not empty, and the tokens by then where they were asked for; the next is not read
    ///     before it returns. It says no to a piece with which the answer is to end, as if it had grown too long before it.
    /// - Throws: `EngineFailure` with its status, `WireError`, or what the connection or `piece` fails with.
    func answer(
        _ request: EngineRequest, answerTokens: Int, watch: AnswerWatch, engine: ProgressMark,
        piece: (String, Usage?) async throws -> Bool
    ) async throws -> (text: [UInt8], end: EngineAnswer.Complete) {
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
        var pieces: [(text: String, counted: Usage?)] = []
        var (given, last) = (0, Usage(promptTokens: 0, completionTokens: 0))
        do {
            for try await bytes in response.body {
                engine.touch()
                try parser.feed(bytes.readableBytesView) { event in
                    let text = try answer.take(event)
                    if !text.isEmpty { pieces.append((text, answer.counted)) }
                }
                for (text, counted) in pieces {
                    watch.expect(.caller)
                    guard try await piece(text, counted) else {
                        if let counted { last.promptTokens = counted.promptTokens }
                        return (
                            Array(answer.text.prefix(given)),
                            EngineAnswer.Complete(finish: .length, usage: last)
                        )
                    }
                    given += text.utf8.count
                    if let counted { last = counted }
                }
                pieces.removeAll(keepingCapacity: true)
                watch.expect(answer.text.isEmpty ? .firstToken : .nextToken)
            }
        } catch let failure as EngineFailure {
            throw failure.wire(
                status: failure.code.map { Int(clamping: $0) } ?? 500, answerTokens: answerTokens)
        } catch is SSEParser.TooLong { throw EngineAnswer.broken("has an event that does not end") }
        try Task.checkCancellation()
        return (answer.text, try answer.complete())
    }
}

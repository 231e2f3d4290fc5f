// Talks to one engine over its socket: is it ready, and the answer to one request, piece by piece.
// It must never wait unwatched, nor send a request again once anything was answered.

import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NodeModel
import Wire

/// An engine behind its Unix socket.
struct EngineClient: Sendable {
    private static let completions = "/v1/chat/completions"

    let http: UnixHTTP
    /// Keeps connections, for answers alone.
    private let kept: HTTPClient

    init(client: HTTPClient, kept: HTTPClient, socketPath: String) {
        http = UnixHTTP(client: client, socketPath: socketPath)
        self.kept = kept
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
    ///   - reading: reads the answer to the request.
    ///   - piece: takes each piece, and the tokens by then where they were asked for; the next is not read
    ///     before it returns. It says no to a piece with which the answer is to end, as if it had grown too long before it.
    /// - Throws: `EngineFailure` with its status, `WireError`, or what the connection or `piece` fails with.
    func answer(
        _ request: EngineRequest, reading: EngineAnswer, answerTokens: Int, watch: AnswerWatch,
        engine: ProgressMark, piece: (AnswerPiece, Usage?) async throws -> Bool
    ) async throws -> EngineAnswer.Complete {
        watch.expect(.firstToken)
        let response = try await send(try request.json())
        guard response.status == .ok else {
            let body = try? await response.body.collect(upTo: 64 << 10)
            let failure = body.flatMap { EngineFailure(body: Array($0.readableBytesView)) } ?? EngineFailure()
            throw failure.wire(status: Int(response.status.code), answerTokens: answerTokens)
        }
        var parser = SSEParser()
        var answer = reading
        var pieces: [(piece: AnswerPiece, counted: Usage?)] = []
        var last = Usage(promptTokens: 0, completionTokens: 0)
        do {
            for try await bytes in response.body {
                engine.touch()
                try parser.feed(bytes.readableBytesView) { event in
                    let piece = try answer.take(event)
                    // Who pays for tokens is told of them also where they leave nothing else.
                    if !piece.isEmpty || answer.isBetween && answer.counted != nil {
                        pieces.append((piece, answer.counted))
                    }
                }
                for (part, counted) in pieces {
                    watch.expect(.caller)
                    guard try await piece(part, counted) else {
                        if let counted { last.promptTokens = counted.promptTokens }
                        return EngineAnswer.Complete(finish: .length, usage: last)
                    }
                    if let counted { last = counted }
                }
                pieces.removeAll(keepingCapacity: true)
                watch.expect(answer.length == 0 ? .firstToken : .nextToken)
            }
        } catch let failure as EngineFailure {
            throw failure.wire(
                status: failure.code.map { Int(clamping: $0) } ?? 500, answerTokens: answerTokens)
        } catch is SSEParser.TooLong { throw EngineAnswer.broken("has an event that does not end") }
        try Task.checkCancellation()
        return try answer.complete()
    }

    /// Sends a request on a kept connection where there is one, and on a new one if that turns out to be closed: what the engine
    /// may have heard of the first it gives up, as for anybody who left.
    private func send(_ json: [UInt8]) async throws -> HTTPClientResponse {
        do {
            return try await kept.execute(
                http.request("POST", Self.completions, json: json, keeping: true), deadline: .distantFuture)
        } catch  where Self.isClosed(error) {
            try Task.checkCancellation()
            return try await http.client.execute(
                http.request("POST", Self.completions, json: json), deadline: .distantFuture)
        }
    }

    private static func isClosed(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError: error == .remoteConnectionClosed
        case let error as ChannelError: error == .ioOnClosedChannel || error == .alreadyClosed
        case let error as IOError: error.errnoCode == EPIPE || error.errnoCode == ECONNRESET
        default: false
        }
    }
}

// A small HTTP server on a Unix socket that answers as Docker does, or as badly as a test wants.
// It must never do more than answer: what Docker really does is proved against the real one.

import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Docker for error paths.
final class FakeDocker: Sendable {
    enum Answer: Sendable {
        case reply(Int, String)
        /// Takes the request and says nothing.
        case silence
        /// Takes the request and closes the connection.
        case hangUp
    }

    private let channel: any Channel
    private let seen: Seen
    private let counted: Counted

    /// Requests that came, as `METHOD URI`.
    final class Seen: Sendable {
        private let list = Mutex<[String]>([])
        var requests: [String] { list.withLock { $0 } }
        func add(_ request: String) { list.withLock { $0.append(request) } }
    }

    /// Connections that were made.
    private final class Counted: Sendable {
        private let number = Atomic(0)
        var count: Int { number.load(ordering: .relaxed) }
        func add() { number.add(1, ordering: .relaxed) }
    }

    var requests: [String] { seen.requests }

    /// How many connections were made to it.
    var connections: Int { counted.count }

    init(at path: String, _ answer: @escaping @Sendable (String, String) -> Answer) async throws {
        let seen = Seen()
        let counted = Counted()
        self.seen = seen
        self.counted = counted
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                counted.add()
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(seen, answer))
                }
            }
            .bind(unixDomainSocketPath: path).get()
    }

    func close() async throws { try await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart
        private let seen: Seen
        private let answer: @Sendable (String, String) -> Answer
        private var head: HTTPRequestHead?

        init(_ seen: Seen, _ answer: @escaping @Sendable (String, String) -> Answer) {
            self.seen = seen
            self.answer = answer
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body: break
            case .end:
                guard let head else { return }
                seen.add("\(head.method.rawValue) \(head.uri)")
                // As Docker does: a request without a Host header is bad.
                let hosted = head.headers.contains(name: "Host")
                respond(context, hosted ? answer(head.method.rawValue, head.uri) : .reply(400, "{}"))
            }
        }

        private func respond(_ context: ChannelHandlerContext, _ answer: Answer) {
            switch answer {
            case .silence: break
            case .hangUp: context.close(promise: nil)
            case .reply(let status, let body):
                let head = HTTPResponseHead(
                    version: .http1_1, status: .init(statusCode: status),
                    headers: ["Content-Length": "\(body.utf8.count)", "Content-Type": "application/json"])
                context.write(wrapOutboundOut(.head(head)), promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }
    }
}

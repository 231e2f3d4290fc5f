// A TCP client of bare bytes: what it sends is what a test wrote, what it gets is kept to the byte.
// It must never help: no parsing that could hide a server's mistake.

import NIOConcurrencyHelpers
import NIOCore
import NIOPosix

/// A connection to a port of this machine.
final class RawClient: Sendable {
    struct TimedOut: Error { let text: String }

    private let channel: any Channel
    private let inbox: Inbox

    private final class Inbox: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let bytes = NIOLockedValueBox<[UInt8]>([])
        let closed = NIOLockedValueBox(false)
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = unwrapInboundIn(data)
            bytes.withLockedValue { $0.append(contentsOf: part.readableBytesView) }
        }
        func channelInactive(context: ChannelHandlerContext) { closed.withLockedValue { $0 = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    init(port: UInt16, host: String = "127.0.0.1", reads: Bool = true) async throws {
        let inbox = Inbox()
        self.inbox = inbox
        channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(inbox)
                }
            }
            .connect(host: host, port: Int(port)).get()
    }

    func send(_ text: String) async throws { try await send(Array(text.utf8)) }
    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    func close() async { try? await channel.close() }

    var text: String { String(decoding: inbox.bytes.withLockedValue { $0 }, as: UTF8.self) }
    var isClosed: Bool { inbox.closed.withLockedValue { $0 } }

    /// Waits until what came satisfies a condition.
    func read(within duration: Duration = .seconds(10), until done: (String) -> Bool) async throws -> String {
        let end = ContinuousClock.now + duration
        while true {
            let text = text
            if done(text) { return text }
            if ContinuousClock.now > end { throw TimedOut(text: text) }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    /// Waits until the server closes; gives everything that came.
    func readToEnd(within duration: Duration = .seconds(10)) async throws -> String {
        let end = ContinuousClock.now + duration
        while !isClosed {
            if ContinuousClock.now > end { throw TimedOut(text: text) }
            try await Task.sleep(for: .milliseconds(2))
        }
        return text
    }
}

/// One request and its whole answer, on a connection of its own.
struct HTTPExchange {
    let status: Int
    let head: String
    let body: String

    /// The bytes of a POST of JSON.
    static func post(_ body: String, path: String = "/v1/chat/completions", close: Bool = true) -> String {
        "POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + (close ? "Connection: close\r\n" : "") + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    init(get path: String, port: UInt16, method: String = "GET", headers: String = "") async throws {
        try await self.init(
            raw: "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\(headers)\r\n",
            port: port)
    }

    init(post body: String, port: UInt16) async throws {
        try await self.init(raw: Self.post(body), port: port)
    }

    init(raw: String, port: UInt16) async throws {
        let client = try await RawClient(port: port)
        try await client.send(raw)
        self.init(text: try await client.readToEnd())
        await client.close()
    }

    init(text: String) {
        let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        head = String(parts.first ?? "").lowercased()
        status = Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0
        let rest = parts.count > 1 ? String(parts[1]) : ""
        body = head.contains("transfer-encoding: chunked") ? Self.unchunk(rest) : rest
    }

    /// RFC 9112, section 7.1; what follows a missing last chunk is dropped.
    private static func unchunk(_ text: String) -> String {
        var bytes = Array(text.utf8)[...]
        var out: [UInt8] = []
        while let end = bytes.firstIndex(of: 0x0D),
            let size = Int(String(decoding: bytes[..<end], as: UTF8.self), radix: 16),
            size > 0, bytes.endIndex >= end + 2 + size
        {
            out += bytes[(end + 2)..<(end + 2 + size)]
            bytes = bytes[min(bytes.endIndex, end + 4 + size)...]
        }
        return String(decoding: out, as: UTF8.self)
    }
}

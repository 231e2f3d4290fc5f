// One question to a server of JSON-RPC on a Unix socket of this machine, over a connection of its own.
// It must never be given a path from anywhere but the configuration, nor wait without an end.

import NIOCore
import NIOPosix

struct SocketCall: Sendable {
    static let longestReply = 4 * 1024 * 1024
    let path: String
    let group: any EventLoopGroup

    /// - Returns: the reply up to the empty line that ends it.
    func ask(_ question: String, within limit: TimeAmount) async throws(LightningTrouble) -> String {
        let loop = group.next()
        let reply = loop.makePromise(of: String.self)
        let alarm = loop.scheduleTask(in: limit) {
            reply.fail(LightningTrouble.silent("nothing came within \(limit.nanoseconds / 1_000_000_000) s"))
        }
        defer { alarm.cancel() }
        do {
            let channel = try await ClientBootstrap(group: loop).connectTimeout(.seconds(5))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(ReplyReader(reply))
                    }
                }.connect(unixDomainSocketPath: path).get()
            channel.writeAndFlush(ByteBuffer(string: question), promise: nil)
            defer { channel.close(promise: nil) }
            return try await reply.futureResult.get()
        } catch let trouble as LightningTrouble { throw trouble } catch {
            // Whoever waits for a promise must be told, also when nothing was asked.
            reply.fail(error)
            throw .silent("\(path): \(error)")
        }
    }
}

/// Collects one reply.
private final class ReplyReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let reply: EventLoopPromise<String>
    private var bytes = ByteBuffer()

    init(_ reply: EventLoopPromise<String>) { self.reply = reply }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = unwrapInboundIn(data)
        bytes.writeBuffer(&part)
        guard bytes.readableBytes <= SocketCall.longestReply else {
            reply.fail(LightningTrouble.unreadable("more than \(SocketCall.longestReply) bytes"))
            return context.close(promise: nil)
        }
        guard bytes.readableBytesView.suffix(2).elementsEqual([0x0A, 0x0A]) else { return }
        guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else {
            return reply.fail(LightningTrouble.unreadable("bytes that are no text"))
        }
        reply.succeed(text)
    }

    func channelInactive(context: ChannelHandlerContext) {
        reply.fail(LightningTrouble.silent("it hung up"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        reply.fail(LightningTrouble.silent("\(error)"))
        context.close(promise: nil)
    }
}

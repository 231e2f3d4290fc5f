// NIO alone at both ends of the same kind of socket: what of a round trip is the library's, without JSON and without us.
// It must never do more than the C ping-pong does.

import Foundation
import NIOCore
import NIOPosix

@main enum Echo {
    static let size = 1024

    static func main() async throws {
        let words = CommandLine.arguments
        guard words.count >= 3 else { throw Usage() }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        if words[1] == "serve" {
            let server = try await ServerBootstrap(group: group)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(Back())
                    }
                }
                .bind(unixDomainSocketPath: words[2], cleanupExistingSocketFile: true).get()
            return try await server.closeFuture.get()
        }
        guard words.count == 5, let rounds = Int(words[3]), rounds > 0 else { throw Usage() }
        let done = group.any().makePromise(of: [Duration].self)
        let channel = try await ClientBootstrap(group: group)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Asker(rounds, done))
                }
            }
            .connect(unixDomainSocketPath: words[2]).get()
        let took = try await done.futureResult.get().sorted()
        try await channel.close()
        let p50 = took[took.count / 2] / .microseconds(1)
        let p99 = took[took.count * 99 / 100] / .microseconds(1)
        print("{\"p50_us\":\(p50),\"p99_us\":\(p99),\"per_second\":0}")
        try await group.shutdownGracefully()
    }
}

struct Usage: Error, CustomStringConvertible {
    var description: String { "echo serve SOCKET | echo call SOCKET ROUNDS 1" }
}

/// Sends back what comes.
private final class Back: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.write(data, promise: nil) }
    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }
}

/// Asks again when an answer is whole.
private final class Asker: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let rounds: Int
    private let done: EventLoopPromise<[Duration]>
    private var took: [Duration] = []
    private var missing = 0
    private var asked = ContinuousClock.now

    init(_ rounds: Int, _ done: EventLoopPromise<[Duration]>) {
        self.rounds = rounds
        self.done = done
        took.reserveCapacity(rounds)
    }

    func channelActive(context: ChannelHandlerContext) { ask(context) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        missing -= unwrapInboundIn(data).readableBytes
        guard missing == 0 else { return }
        took.append(.now - asked)
        if took.count < rounds { ask(context) } else { done.succeed(took) }
    }

    private func ask(_ context: ChannelHandlerContext) {
        missing = 4 + Echo.size
        asked = .now
        var frame = context.channel.allocator.buffer(capacity: missing)
        frame.writeInteger(UInt32(Echo.size))
        frame.writeRepeatingByte(0x78, count: Echo.size)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}

// Bounds what a stranger can make us hold: few bytes and little time until the key is proved.
// It must never keep or change a byte.

import NIOCore

/// The first handler of a connection between nodes.
// A handler of one channel, touched on its event loop only.
final class PeerGate: ChannelDuplexHandler, @unchecked Sendable {  // see above
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The most bytes that may arrive before the key is proved: an HTTP upgrade and three small messages.
    static let maximumStrangerBytes = 24 * 1024

    private let metrics: WSMetrics
    private let deadlineMs: Int
    private var received = 0
    private var passed = false
    private var timer: Scheduled<Void>?
    /// Told when time is up; nil while there is no WebSocket yet.
    var onDeadline: (() -> Void)?

    init(deadlineMs: Int, metrics: WSMetrics) {
        self.deadlineMs = deadlineMs
        self.metrics = metrics
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: .milliseconds(Int64(deadlineMs))) {
            guard !self.passed else { return }
            if let onDeadline = self.onDeadline { onDeadline() } else { self.metrics.handshake("timeout") }
            // The reason leaves first, when there was somebody to tell.
            channel.flush()
            channel.close(promise: nil)
        }
    }

    /// The key is proved.
    func pass() {
        passed = true
        timer?.cancel()
        onDeadline = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let count = unwrapInboundIn(data).readableBytes
        metrics.received(count)
        received += passed ? 0 : count
        guard received <= Self.maximumStrangerBytes || passed else {
            metrics.handshake("garbage")
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        metrics.sent(unwrapOutboundIn(data).readableBytes)
        context.write(data, promise: promise)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        onDeadline = nil
        context.fireChannelInactive()
    }
}

// One WebSocket between two nodes: greeting first, then messages; pings, limits and endings.
// It must never pass a message on before both keys are proved, nor log what a message says.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig
import NodeModel
import Nostr
import Wire

/// A connection between nodes, after the HTTP upgrade.
// A handler of one channel, touched on its event loop only.
final class PeerConnection: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = WebSocketFrame

    let hub: PeerHub
    let remote: String
    /// The same as an address; nil when it is not known.
    let remoteAddress: SocketAddress?
    let since: Int64
    let isDialer: Bool
    /// The proved key; nil before.
    private(set) var peer: PublicKey?
    private let channel: any Channel
    private let gate: PeerGate
    private var handshake: PeerHandshake
    private let opened: EventLoopPromise<PublicKey>
    private var dialogue: (any PeerDialogue)?
    private var reason: WireError?
    private var isClosed = false
    private var flushPending = false
    private var writableWaiters: [CheckedContinuation<Void, Never>] = []
    private var pinger: RepeatedTask?
    private var heard = true
    private var missed = 0
    private var isPaused = false
    private var isReading = true
    private var lastUse = NIODeadline.now()

    /// Fulfilled when the key is proved; failed with the reason when it is not.
    var established: EventLoopFuture<PublicKey> { opened.futureResult }
    var isOpen: Bool { peer != nil && !isClosed }
    var isBusy: Bool { dialogue?.isBusy ?? false }

    init(hub: PeerHub, channel: any Channel, gate: PeerGate, handshake: PeerHandshake) {
        self.hub = hub
        self.channel = channel
        self.gate = gate
        self.handshake = handshake
        isDialer = handshake.isDialer
        opened = channel.eventLoop.makePromise()
        remoteAddress = channel.remoteAddress
        remote = remoteAddress.map(Self.text) ?? "unknown"
        since = hub.wallClock()
    }

    /// `host:port`, with brackets round an IPv6 address.
    static func text(_ address: SocketAddress) -> String {
        let host = address.ipAddress ?? "unknown"
        return host.contains(":") ? "[\(host)]:\(address.port ?? 0)" : "\(host):\(address.port ?? 0)"
    }

    // MARK: The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        gate.onDeadline = { self.step(.deadline) }
        // A dialer's HTTP handler still stands in the way of writing here; it is opened when the upgrade is over.
        if !isDialer { open() }
    }

    /// Begins the greeting.
    func open() { step(.opened) }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        pinger?.cancel()
        let error = reason ?? WireError(.upstreamLost, "The connection was closed by the other side.")
        if peer == nil, reason == nil { hub.metrics.handshake("lost") }
        opened.fail(error)
        dialogue?.lost(error)
        dialogue = nil
        hub.closed(self)
        wakeWriters()
        context.fireChannelInactive()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if channel.isWritable {
            // It has read: a sign of life.
            heard = true
            wakeWriters()
        }
        settleReading()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if peer == nil { hub.metrics.handshake("garbage") } else { hub.metrics.refused("peer_garbage") }
        fail(
            WireError(.upstreamLost, "The other side broke the WebSocket protocol.", cause: "\(error)"),
            .protocolError)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosed else { return }
        let frame = unwrapInboundIn(data)
        heard = true
        // RFC 6455, section 5.1: a client masks, a server does not.
        guard (frame.maskKey != nil) != isDialer || frame.length == 0 else {
            return fail(WireError(.upstreamLost, "The other side masks its frames wrongly."), .protocolError)
        }
        switch frame.opcode {
        case .text: message(frame.unmaskedData)
        case .ping: write(.pong, frame.unmaskedData)
        case .pong: return
        case .connectionClose:
            fail(reason ?? WireError(.upstreamLost, "The other side closed the connection."), .normalClosure)
        default:
            fail(WireError(.upstreamLost, "The other side sent a frame that is not text."), .unacceptableData)
        }
    }

    private func message(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { bytes in
            if let dialogue {
                lastUse = .now()
                return dialogue.take(bytes)
            }
            do throws(WireError) {
                step(.message(try PeerMessage.read(bytes)))
            } catch {
                hub.metrics.handshake("garbage")
                fail(error, .protocolError)
            }
        }
    }

    // MARK: The greeting

    private func step(_ event: PeerHandshake.Event) {
        for action in handshake.on(event, now: hub.nowSeconds) {
            switch action {
            case .send(let message): send(message.encoded()[...])
            case .sign(let challenge, let peer): sign(challenge, peer)
            case .established(let peer): establish(peer)
            case .fail(let error, let tell):
                hub.metrics.handshake(error.code.rawValue)
                hub.log.warning(
                    "greeting failed",
                    metadata: [
                        "remote": "\(remote)", "outbound": "\(isDialer)", "reason": "\(error.message)",
                    ])
                if tell {
                    send(
                        PeerMessage.refused(code: error.code.rawValue, message: error.message).encoded()[...])
                }
                fail(error, .policyViolation)
            }
        }
    }

    private func sign(_ challenge: String, _ peer: PublicKey) {
        let intent = LedgerInterface.SignPeerAuth(
            challenge: challenge, peer: peer, endpoint: handshake.endpoint, dialer: isDialer)
        Task.immediate(executorPreference: hub.executor) {
            do {
                let event = try await hub.ledger.call(intent)
                step(.signed(event))
            } catch { step(.signingFailed(WireError.wrapping(error))) }
        }
    }

    private func establish(_ peer: PublicKey) {
        guard hub.opened(self, by: peer) else {
            hub.metrics.handshake("too_many_sessions")
            return fail(WireError(.tooManyRequests, "This peer has too many sessions."), .policyViolation)
        }
        self.peer = peer
        gate.pass()
        hub.metrics.handshake("ok")
        if !isDialer { dialogue = PeerServing(self, peer: peer) }
        startPinging()
        opened.succeed(peer)
    }

    /// Gives the dialer's connection to whoever asked for it.
    func begin(_ dialogue: any PeerDialogue) { self.dialogue = dialogue }

    // MARK: Sending

    /// Sends one message; what is sent within one turn of the loop leaves in one piece.
    func send(_ message: ArraySlice<UInt8>) {
        lastUse = .now()
        write(.text, channel.allocator.buffer(bytes: message))
    }

    private func write(_ opcode: WebSocketOpcode, _ data: ByteBuffer) {
        guard !isClosed else { return }
        let frame = WebSocketFrame(fin: true, opcode: opcode, maskKey: isDialer ? .random() : nil, data: data)
        channel.write(frame, promise: nil)
        guard !flushPending else { return }
        flushPending = true
        hub.loop.execute {
            self.flushPending = false
            self.channel.flush()
        }
    }

    /// Returns when the other side has read enough for more to be sent. A side that reads nothing answers no ping
    /// either, so this ends.
    func waitUntilWritable() async throws {
        guard !isClosed else { throw CancellationError() }
        if channel.isWritable { return }
        await withCheckedContinuation { writableWaiters.append($0) }
        guard !isClosed else { throw CancellationError() }
    }

    private func wakeWriters() {
        let waiters = writableWaiters
        writableWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    /// Stops or starts reading, for a reader of ours that is slower than the other side.
    func pause(_ paused: Bool) {
        guard paused != isPaused, !isClosed else { return }
        isPaused = paused
        heard = true
        settleReading()
    }

    /// Reads while our reader keeps up, and while the other side reads what it has asked for: one that sends and never reads
    /// would fill our memory with answers. It is not heard then, and is closed like any other that answers no ping.
    private func settleReading() {
        let reads = !isPaused && channel.isWritable
        guard reads != isReading, !isClosed else { return }
        isReading = reads
        channel.setOption(.autoRead, value: reads).whenFailure { _ in self.channel.close(promise: nil) }
    }

    // MARK: Signs of life

    private func startPinging() {
        let interval = TimeAmount.milliseconds(Int64(hub.limits.pingIntervalMs))
        pinger = hub.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in self.ping() }
    }

    private func ping() {
        missed = heard || isPaused ? 0 : missed + 1
        heard = false
        guard missed < hub.limits.missedPings else {
            hub.metrics.refused("peer_silent")
            return fail(
                WireError(
                    .upstreamLost,
                    "The other side has not answered \(missed) pings; it is frozen or unplugged."),
                .goingAway)
        }
        // The listener waits longer, so that it is the dialer who closes.
        let patience = Int64(hub.limits.idleTimeoutMs) * (isDialer ? 1 : 2)
        if !isBusy, .now() - lastUse > .milliseconds(patience) || hub.isDraining {
            return close(.normalClosure)
        }
        write(.ping, ByteBuffer())
    }

    // MARK: Endings

    func close(_ code: WebSocketErrorCode) {
        fail(WireError(.upstreamLost, "This node closed the connection."), code)
    }

    /// Closes the connection; whoever waits on it hears of `error`.
    func fail(_ error: WireError, _ code: WebSocketErrorCode) {
        guard !isClosed else { return }
        reason = reason ?? error
        var data = channel.allocator.buffer(capacity: 2)
        data.write(webSocketErrorCode: code)
        write(.connectionClose, data)
        isClosed = true
        pinger?.cancel()
        if let dialogue {
            self.dialogue = nil
            dialogue.lost(error)
        }
        let channel = channel
        channel.flush()
        channel.close(promise: nil)
    }
}

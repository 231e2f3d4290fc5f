// One caller's connection: frames in, dispatch in the fixed order, frames out, and cancellation when it dies.
// It must never read parameters of a method that the caller was not granted.

import Logging
import NIOCore
import NodeSystem
import Wire

/// The server's end of a connection.
// Touched on its event loop only; other threads reach it through `loop.execute`.
final class ServerConnection: ChannelInboundHandler, @unchecked Sendable {  // see above
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: RPCServer
    private let caller: Role
    private let expectedUID: UInt32?
    private let channel: any Channel
    let loop: any EventLoop
    let executor: LoopExecutor
    let outlet: FrameOutlet
    private let reader = FrameReader()
    private var buffer = ByteBuffer()
    private var greeted = false
    private var closing = false
    private var uid: UInt32 = .max
    private var pid: Int32 = -1
    /// What waits for something; what never did has been answered before it would be entered.
    private var running: [UInt64: ServerCall] = [:]
    /// Methods that this caller was found to have a right to; the table does not change while a process lives.
    private var granted: [String: Route] = [:]
    private var writableWaiters: [RoomWait] = []
    private var sweeping = false

    init(server: RPCServer, caller: Role, uid: UInt32?, channel: any Channel) {
        self.server = server
        self.caller = caller
        expectedUID = uid
        self.channel = channel
        loop = channel.eventLoop
        executor = LoopExecutor.of(loop)
        outlet = FrameOutlet(channel, executor)
    }

    func channelActive(context: ChannelHandlerContext) {
        do {
            let who = try context.pipeline.syncOperations.withUnsafeTransportIfAvailable(
                of: NIOBSDSocket.Handle.self
            ) { try PeerCredentials.of(descriptor: $0) }
            if let who {
                uid = who.uid
                pid = who.pid
            }
        } catch { server.log.error("cannot read the caller's credentials", metadata: ["error": "\(error)"]) }
        // Root may act for any role: it could become that role's uid anyway.
        if let expectedUID, uid != expectedUID, uid != 0 {
            incident(WireError(.notPermitted, "uid \(uid) is not \(caller)'s."), id: 0)
        }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        if buffer.readableBytes == 0 { buffer = incoming } else { buffer.writeBuffer(&incoming) }
        while !closing {
            do {
                let step = try buffer.withUnsafeReadableBytes { bytes in
                    let step = try reader.next(bytes)
                    if case .frame(let range) = step {
                        try take(UnsafeRawBufferPointer(rebasing: bytes[range]))
                    }
                    return step
                }
                guard case .frame(let range) = step else { break }
                buffer.moveReaderIndex(forwardBy: range.upperBound)
            } catch {
                incident(WireError.wrapping(error), id: 0)
            }
        }
        // Given back when it is used up, so that the channel can read into it again.
        if buffer.readableBytes == 0 { buffer = ByteBuffer() } else { buffer.discardReadBytes() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        executor.endTurn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard channel.isWritable else { return }
        let waiters = writableWaiters
        writableWaiters = []
        for waiter in waiters { waiter.end() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing = true
        for call in running.values { call.task?.cancel() }
        let waiters = writableWaiters
        writableWaiters = []
        for waiter in waiters { waiter.end() }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    // MARK: One frame

    private func take(_ frame: UnsafeRawBufferPointer) throws {
        let envelope = try Envelope.scan(frame)
        let body = UnsafeRawBufferPointer(rebasing: frame[envelope.body])
        switch envelope.kind {
        case .notification where envelope.method == "cancel": cancel(body)
        case .notification: return
        case .request:
            do { try dispatch(envelope, body) } catch { refuse(envelope, WireError.wrapping(error)) }
        default: throw WireError(.invalidEnvelope, "A caller sends requests.")
        }
    }

    private func dispatch(_ envelope: Envelope, _ body: UnsafeRawBufferPointer) throws {
        if !greeted || envelope.method == Hello.spec.name { return try greet(envelope, body) }
        let route = try granted[envelope.method] ?? route(to: envelope.method)
        guard body.count <= route.spec.maxRequestBytes else {
            throw WireError(
                .tooLarge,
                "The request has \(body.count) bytes; '\(envelope.method)' takes \(route.spec.maxRequestBytes)."
            )
        }
        if !route.isControl, server.state.isDraining {
            throw WireError(
                .draining, "\(server.role) is stopping and takes no new work.", retryAfterMs: 1_000)
        }
        guard running.count < RPCServer.maximumConcurrent else {
            throw WireError(
                .tooManyRequests, "\(RPCServer.maximumConcurrent) requests of this connection are under way.",
                retryAfterMs: 100)
        }
        guard running[envelope.id] == nil else {
            throw WireError(.invalidEnvelope, "Request id \(envelope.id) is under way already.")
        }
        try start(envelope, route, body)
    }

    /// The route to a method, once it is known that there is one and that this caller may take it.
    private func route(to method: String) throws -> Route {
        guard let route = server.router.routes[method] else {
            throw WireError(.unknownMethod, "\(server.role) has no method '\(method)'.")
        }
        guard server.authorize(caller, method) else {
            throw WireError(.notPermitted, "\(caller) may not call '\(method)'.")
        }
        granted[method] = route
        return route
    }

    private func start(_ envelope: Envelope, _ route: Route, _ body: UnsafeRawBufferPointer) throws {
        let patience = min(Int64(clamping: envelope.deadlineMs ?? .max), Int64(route.spec.deadlineMs))
        let began = NIODeadline.now()
        let call = ServerCall(
            id: envelope.id, route: route,
            context: CallContext(
                caller: caller, uid: uid, pid: pid, method: route.spec.name, trace: envelope.trace,
                deadline: began + .milliseconds(patience), log: server.log),
            began: began, connection: self)
        if !route.isControl { server.state.began() }
        let task: Task<Void, Never>?
        do { task = try route.start(body, call) } catch {
            if !route.isControl { server.state.ended() }
            throw error
        }
        guard !call.isDone else { return }
        call.task = task
        running[call.id] = call
        if !sweeping { sweep() }
    }

    /// A call's handler has returned, on the loop. Its reply was written, or is the error given here.
    func ended(_ call: ServerCall, _ error: WireError?) {
        call.isDone = true
        if call.task != nil { running[call.id] = nil }
        if !call.route.isControl { server.state.ended() }
        var error = error
        if error != nil, call.timedOut {
            error = WireError(.deadlineExceeded, "'\(call.route.spec.name)' did not finish in time.")
        }
        if let error { reply(error, to: call.id) }
        server.observer?.finished(
            method: call.route.spec.name, caller: caller, code: error?.code,
            nanoseconds: (NIODeadline.now() - call.began).nanoseconds)
    }

    private func greet(_ envelope: Envelope, _ body: UnsafeRawBufferPointer) throws {
        guard envelope.method == Hello.spec.name, !greeted else {
            throw WireError(.invalidEnvelope, "The first message, and only the first, is 'hello'.")
        }
        let hello = try Hello.read(body)
        guard hello.interface == Hello.interfaceVersion else {
            throw WireError(
                .versionMismatch,
                "This build speaks version \(Hello.interfaceVersion), the caller \(hello.interface).",
                fix: "Install the same build of all programs and restart the node.")
        }
        greeted = true
        let reply = Hello.Reply(
            server: server.role, caller: caller, build: Build.name, interface: Hello.interfaceVersion)
        try outlet.write { writer in try Message.result(&writer, id: envelope.id, reply) }
    }

    private func cancel(_ body: UnsafeRawBufferPointer) {
        var target: UInt64?
        var scanner = JSONScanner(body)
        try? scanner.object { (s, key) throws(JSONFault) in
            if s.matches(key, "id") { target = try s.unsigned() } else { _ = try s.skip() }
        }
        if let target { running[target]?.task?.cancel() }
    }

    // MARK: Refusals

    /// A person gets an explanation; a sibling that asks for what it has no right to is an incident.
    private func refuse(_ envelope: Envelope, _ error: WireError) {
        let suspicious: Set<ErrorCode> = [.notPermitted, .invalidEnvelope, .versionMismatch]
        if suspicious.contains(error.code), caller != .ctl || !greeted {
            incident(error, id: envelope.id)
        } else {
            server.observer?.finished(
                method: envelope.method, caller: caller, code: error.code, nanoseconds: 0)
            reply(error, to: envelope.id)
        }
    }

    private func incident(_ error: WireError, id: UInt64) {
        server.observer?.incident(caller: caller, code: error.code)
        server.log.error(
            "incident: a caller broke the protocol",
            metadata: ["caller": "\(caller)", "uid": "\(uid)", "pid": "\(pid)", "error": "\(error)"])
        closing = true
        reply(error, to: id)
        outlet.flush()
        channel.close(promise: nil)
    }

    private func reply(_ error: WireError, to id: UInt64) {
        outlet.write { writer in Message.error(&writer, id: id, error) }
    }

    // MARK: Waiting for a slow caller

    /// Returns when the caller has read enough for more to be sent.
    /// - Throws: `CancellationError` when it is gone.
    func room() async throws {
        guard !channel.isWritable else { return }
        let place = RoomWait()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.execute {
                    if self.channel.isWritable || self.closing || place.isOver {
                        continuation.resume()
                    } else {
                        place.continuation = continuation
                        self.writableWaiters.append(place)
                    }
                }
            }
        } onCancel: {
            // A caller that reads nothing must not outlast the deadline of its request.
            loop.execute {
                place.end()
                self.writableWaiters.removeAll { $0.isOver }
            }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    /// Looks for requests past their deadline, while any is under way.
    private func sweep() {
        guard !running.isEmpty else { return }
        sweeping = true
        loop.scheduleTask(in: .milliseconds(50)) {
            self.sweeping = false
            let now = NIODeadline.now()
            for call in self.running.values where call.deadline <= now && !call.timedOut {
                call.timedOut = true
                call.task?.cancel()
            }
            self.sweep()
        }
    }
}

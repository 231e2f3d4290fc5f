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
    private let loop: any EventLoop
    private let executor: LoopExecutor
    private let reader = FrameReader()
    private var buffer = ByteBuffer()
    private var greeted = false
    private var inRead = false
    private var flushPending = false
    private var closing = false
    private var uid: UInt32 = .max
    private var pid: Int32 = -1
    private var running: [UInt64: Running] = [:]
    /// Methods that this caller was found to have a right to; the table does not change while a process lives.
    private var granted: [String: Router.Route] = [:]
    private var writableWaiters: [CheckedContinuation<Void, Never>] = []
    private var sweeping = false
    private var lastFinished: UInt64?

    private struct Running {
        let task: Task<Void, Never>
        let deadline: NIODeadline
        var timedOut = false
    }

    init(server: RPCServer, caller: Role, uid: UInt32?, channel: any Channel) {
        self.server = server
        self.caller = caller
        expectedUID = uid
        self.channel = channel
        loop = channel.eventLoop
        executor = LoopExecutor(loop)
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
        inRead = true
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
        if buffer.readableBytes == 0 { buffer.clear() } else { buffer.discardReadBytes() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        inRead = false
        channel.flush()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard channel.isWritable else { return }
        let waiters = writableWaiters
        writableWaiters = []
        for waiter in waiters { waiter.resume() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        closing = true
        for entry in running.values { entry.task.cancel() }
        let waiters = writableWaiters
        writableWaiters = []
        for waiter in waiters { waiter.resume() }
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
        if server.state.isDraining, !isControl(envelope.method) {
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
        start(envelope, route.spec, try route.prepare(body))
    }

    /// The route to a method, once it is known that there is one and that this caller may take it.
    private func route(to method: String) throws -> Router.Route {
        guard let route = server.router.routes[method] else {
            throw WireError(.unknownMethod, "\(server.role) has no method '\(method)'.")
        }
        guard server.authorize(caller, method) else {
            throw WireError(.notPermitted, "\(caller) may not call '\(method)'.")
        }
        granted[method] = route
        return route
    }

    private func start(_ envelope: Envelope, _ spec: MethodSpec, _ work: @escaping Router.Work) {
        let patience = min(Int64(clamping: envelope.deadlineMs ?? .max), Int64(spec.deadlineMs))
        let context = CallContext(
            caller: caller, uid: uid, pid: pid, method: spec.name, trace: envelope.trace,
            deadline: .now + .milliseconds(patience), log: server.log)
        let id = envelope.id
        let began = NIODeadline.now()
        if !isControl(spec.name) { server.state.began() }
        lastFinished = nil
        let task = Task.immediate(executorPreference: executor) { [self] in
            let outcome: Result<[UInt8], any Error>
            do { outcome = .success(try await work(context, Port(id: id, connection: self))) } catch {
                outcome = .failure(error)
            }
            finish(id, spec.name, outcome, began)
        }
        // A handler that never waited has replied by now, and needs no timer.
        if lastFinished != id {
            running[id] = Running(task: task, deadline: began + .milliseconds(patience))
            sweep()
        }
    }

    private func finish(
        _ id: UInt64, _ method: String, _ outcome: Result<[UInt8], any Error>, _ began: NIODeadline
    ) {
        guard loop.inEventLoop else {
            return loop.execute { self.finish(id, method, outcome, began) }
        }
        let timedOut = running.removeValue(forKey: id)?.timedOut ?? false
        lastFinished = id
        if !isControl(method) { server.state.ended() }
        var code: ErrorCode?
        switch outcome {
        case .success(let frame): write(frame)
        case .failure(let error):
            let wire =
                timedOut
                ? WireError(.deadlineExceeded, "'\(method)' did not finish in time.")
                : WireError.wrapping(error)
            code = wire.code
            reply(wire, to: id)
        }
        server.observer?.finished(
            method: method, caller: caller, code: code, nanoseconds: (NIODeadline.now() - began).nanoseconds)
    }

    /// Questions about the daemon itself are neither refused while it drains nor waited for.
    private func isControl(_ method: String) -> Bool { method.hasPrefix("control.") }

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
        var writer = JSONWriter()
        try Message.result(
            &writer, id: envelope.id,
            Hello.Reply(
                server: server.role, caller: caller, build: Build.name, interface: Hello.interfaceVersion))
        write(writer.bytes)
    }

    private func cancel(_ body: UnsafeRawBufferPointer) {
        var target: UInt64?
        var scanner = JSONScanner(body)
        try? scanner.object { (s, key) throws(JSONFault) in
            if s.matches(key, "id") { target = try s.unsigned() } else { _ = try s.skip() }
        }
        if let target { running[target]?.task.cancel() }
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
        channel.flush()
        channel.close(promise: nil)
    }

    private func reply(_ error: WireError, to id: UInt64) {
        var writer = JSONWriter()
        Message.error(&writer, id: id, error)
        write(writer.bytes)
    }

    // MARK: Writing, on the loop

    private func write(_ frame: [UInt8]) {
        channel.write(channel.allocator.buffer(bytes: frame), promise: nil)
        guard !inRead, !flushPending else { return }
        flushPending = true
        loop.execute {
            self.flushPending = false
            self.channel.flush()
        }
    }

    fileprivate func send(_ frame: [UInt8]) async throws {
        if Task.isCancelled { throw CancellationError() }
        if loop.inEventLoop { write(frame) } else { loop.execute { self.write(frame) } }
        guard !channel.isWritable else { return }
        await withCheckedContinuation { continuation in
            loop.execute {
                if self.channel.isWritable || self.closing {
                    continuation.resume()
                } else {
                    self.writableWaiters.append(continuation)
                }
            }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    /// Looks for requests past their deadline, while any is under way.
    private func sweep() {
        guard !sweeping, !running.isEmpty else { return }
        sweeping = true
        loop.scheduleTask(in: .milliseconds(50)) {
            self.sweeping = false
            let now = NIODeadline.now()
            for (id, entry) in self.running where entry.deadline <= now && !entry.timedOut {
                self.running[id]?.timedOut = true
                entry.task.cancel()
            }
            self.sweep()
        }
    }
}

/// A request's way back.
private struct Port: ReplyPort {
    let id: UInt64
    let connection: ServerConnection
    func send(_ frame: [UInt8]) async throws { try await connection.send(frame) }
}

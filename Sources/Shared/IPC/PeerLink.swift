// A process's standing line to another: connects when first needed, and again when the other was restarted.
// It must never repeat a request that is not idempotent after any byte of it was sent.

public import Logging
import NIOConcurrencyHelpers
public import NIOCore
import NIOPosix
public import Wire

/// A line to one other process.
public final class PeerLink: Sendable {
    public let callee: Role
    private let path: String
    private let loop: any EventLoop
    private let log: Logger
    private let state = NIOLockedValueBox<State>(.idle)

    private enum State: Sendable {
        case idle
        case connecting(EventLoopFuture<ClientConnection>)
        case open(ClientConnection)
    }

    /// - Parameter path: the socket that the callee's parent bound for this process.
    public init(callee: Role, path: String, loop: any EventLoop, log: Logger) {
        self.callee = callee
        self.path = path
        self.loop = loop
        self.log = log
    }

    /// Calls a method.
    /// - Parameters:
    ///   - trace: the job that the call belongs to.
    ///   - deadlineMs: how long to wait, all attempts together; the method's own deadline when nil.
    /// - Throws: `WireError`: the callee's own, or `unavailable`, `upstream_lost`, `deadline_exceeded`, `cancelled`.
    public nonisolated(nonsending) func call<R: Request>(
        _ request: R, trace: String? = nil, deadlineMs: Int? = nil
    ) async throws -> R.Reply {
        var now = NIODeadline.now()
        let end = now + .milliseconds(Int64(deadlineMs ?? R.spec.deadlineMs))
        while true {
            do {
                // Nearly always open: then not even an empty wait.
                let open = current
                let connection = if let open { open } else { try await connection(until: end) }
                return try await SingleCall.send(
                    request, by: connection, on: loop, trace: trace, from: now, until: end)
            } catch let error as WireError
                where error.code == .upstreamLost && R.spec.idempotent
                && NIODeadline.now() + .milliseconds(20) < end
            {
                try await Task.sleep(for: .milliseconds(10))
                now = .now()
            }
        }
    }

    /// Calls a method whose answer comes in pieces.
    /// - Parameter onEvent: called for each event in order; the next is not read before it returns.
    public func stream<R: StreamRequest>(
        _ request: R, trace: String? = nil, deadlineMs: Int? = nil,
        onEvent: @Sendable (R.Event) async throws -> Void
    ) async throws -> R.Reply {
        let end = NIODeadline.now() + .milliseconds(Int64(deadlineMs ?? R.spec.deadlineMs))
        let connection = try await connection(until: end)
        let call = StreamCall(method: R.spec.name, deadline: end, loop: loop)
        let left = max(0, Int((end - .now()).nanoseconds / 1_000_000))
        onLoop {
            call.begin(connection) { writer, id in
                try Message.request(
                    &writer, id: id, method: R.spec.name, params: request, trace: trace, deadlineMs: left)
            }
        }
        return try await withTaskCancellationHandler {
            do {
                while true {
                    switch await call.next() {
                    case .event(let bytes): try await onEvent(try R.Event.fromJSON(bytes))
                    case .end(.success(let bytes)): return try R.Reply.fromJSON(bytes)
                    case .end(.failure(let error)): throw error
                    }
                }
            } catch {
                onLoop { call.cancel() }
                throw error
            }
        } onCancel: {
            onLoop { call.cancel() }
        }
    }

    /// Closes the line; the next call opens it again.
    public func close() {
        let old = state.withLockedValue { state in
            defer { state = .idle }
            return state
        }
        if case .open(let connection) = old { connection.close() }
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if loop.inEventLoop { body() } else { loop.execute(body) }
    }

    // MARK: Connecting

    /// What its replies have taught the open connection; nil when there is none.
    func learned() async throws -> ReplyWatch? {
        guard let current else { return nil }
        return try await loop.submit { current.watch }.get()
    }

    /// The open connection, when there is one.
    private var current: ClientConnection? {
        if case .open(let connection) = state.withLockedValue({ $0 }) { connection } else { nil }
    }

    private func connection(until end: NIODeadline) async throws -> ClientConnection {
        let future = state.withLockedValue { state in
            switch state {
            case .open(let connection): return loop.makeSucceededFuture(connection)
            case .connecting(let future): return future
            case .idle:
                let future = connect(end)
                state = .connecting(future)
                return future
            }
        }
        do {
            let connection = try await future.get()
            state.withLockedValue { if case .connecting = $0 { $0 = .open(connection) } }
            return connection
        } catch {
            state.withLockedValue { if case .connecting = $0 { $0 = .idle } }
            throw error
        }
    }

    private func connect(_ end: NIODeadline) -> EventLoopFuture<ClientConnection> {
        let connection = ClientConnection(callee: callee, loop: loop)
        let patience = max(TimeAmount.milliseconds(1), min(end - NIODeadline.now(), .seconds(5)))
        let callee = callee
        let path = path
        return ClientBootstrap(group: loop).connectTimeout(patience)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .connect(unixDomainSocketPath: path)
            .flatMapErrorThrowing { error in
                throw WireError(
                    .unavailable, "\(callee) cannot be reached at \(path).",
                    fix: "Look at 'infernetctl status'; is the node running?", cause: "\(error)")
            }
            .flatMap { channel in
                channel.closeFuture.whenComplete { [weak self] _ in self?.forget(connection) }
                return self.greet(connection, channel, patience)
            }
    }

    private func greet(
        _ connection: ClientConnection, _ channel: any Channel, _ patience: TimeAmount
    ) -> EventLoopFuture<ClientConnection> {
        let promise = channel.eventLoop.makePromise(of: Void.self)
        GreetingCall(callee: callee, deadline: .now() + patience, promise: promise).begin(connection) {
            writer, id in
            try Message.request(
                &writer, id: id, method: Hello.spec.name, params: Hello(build: Build.name), trace: nil,
                deadlineMs: nil)
        }
        return promise.futureResult.map { connection }.flatMapErrorThrowing { error in
            channel.close(promise: nil)
            throw error
        }
    }

    private func forget(_ connection: ClientConnection) {
        state.withLockedValue { state in
            if case .open(let current) = state, current === connection { state = .idle }
        }
    }
}

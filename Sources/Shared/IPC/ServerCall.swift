// One request at the server's end: what its handler is told, and the way its events and its reply go back.
// It must never be answered twice, nor answer for a handler that still runs.

import NIOCore
import Wire

/// A request under way.
// `task`, `timedOut` and `isDone` are touched on the connection's event loop only.
final class ServerCall: @unchecked Sendable {  // see above
    let id: UInt64
    let route: Route
    let context: CallContext
    let began: NIODeadline
    var deadline: NIODeadline { context.end }
    private let connection: ServerConnection
    var task: Task<Void, Never>?
    var timedOut = false
    var isDone = false

    init(
        id: UInt64, route: Route, context: CallContext, began: NIODeadline, connection: ServerConnection
    ) {
        self.id = id
        self.route = route
        self.context = context
        self.began = began
        self.connection = connection
    }

    /// Runs a handler from here on, on the loop until it first waits, and answers with what it gives.
    func work<Reply: WireValue>(_ handler: @escaping @Sendable () async throws -> Reply) -> Task<Void, Never>
    {
        Task.immediate(executorPreference: connection.executor) {
            do { try self.succeed(try await handler()) } catch { self.fail(error) }
        }
    }

    /// Answers with what `make` gives, here and now. On the loop.
    func answer(_ make: () throws -> some WireValue) {
        do { try succeed(try make()) } catch { fail(error) }
    }

    /// Sends an event, and waits while the other side is slower than we are.
    func send(_ event: some WireValue) async throws {
        if Task.isCancelled { throw CancellationError() }
        try deliver { writer in
            try Message.event(&writer, id: self.id, event)
        } then: {
        }
        try await connection.room()
    }

    private func succeed(_ reply: some WireValue) throws {
        try deliver { writer in
            try Message.result(&writer, id: self.id, reply)
        } then: {
            self.connection.ended(self, nil)
        }
    }

    private func fail(_ error: any Error) {
        guard connection.loop.inEventLoop else { return connection.loop.execute { self.fail(error) } }
        connection.ended(self, WireError.wrapping(error))
    }

    /// Encodes where the handler runs; what is encoded leaves on the loop.
    private func deliver(
        _ encode: (inout JSONWriter) throws -> Void, then: @escaping @Sendable () -> Void
    ) throws {
        if connection.loop.inEventLoop {
            try connection.outlet.write(encode)
            then()
        } else {
            var writer = JSONWriter()
            try encode(&writer)
            let frame = writer.bytes
            connection.loop.execute {
                self.connection.outlet.write { $0.raw(frame) }
                then()
            }
        }
    }
}

// Which function answers which method. Parameters are decoded here, after the caller was found to be allowed.
// It must never decide who may call.

public import Wire

/// The methods that a process serves.
public struct Router: Sendable {
    /// Decodes the parameters, and gives what is left to do.
    typealias Prepare = @Sendable (UnsafeRawBufferPointer) throws -> Work
    /// Runs the handler and gives the reply's frame.
    typealias Work = @Sendable (CallContext, any ReplyPort) async throws -> [UInt8]

    struct Route: Sendable {
        let spec: MethodSpec
        let prepare: Prepare
    }

    var routes: [String: Route] = [:]

    public init() {}

    /// The specs of the methods that have a handler.
    public var served: [MethodSpec] { routes.values.map(\.spec).sorted { $0.name < $1.name } }

    /// Answers a method with one reply.
    public mutating func on<R: Request>(
        _ type: R.Type, _ handler: @escaping @Sendable (R, CallContext) async throws -> R.Reply
    ) {
        routes[R.spec.name] = Route(spec: R.spec) { json in
            let request = try Self.decode(R.self, json)
            return { context, port in
                let reply = try await handler(request, context)
                var writer = JSONWriter()
                try Message.result(&writer, id: port.id, reply)
                return writer.bytes
            }
        }
    }

    /// Answers a method with events and then a reply.
    public mutating func stream<R: StreamRequest>(
        _ type: R.Type,
        _ handler: @escaping @Sendable (R, CallContext, EventSink<R.Event>) async throws -> R.Reply
    ) {
        routes[R.spec.name] = Route(spec: R.spec) { json in
            let request = try Self.decode(R.self, json)
            return { context, port in
                let reply = try await handler(request, context, EventSink(port: port))
                var writer = JSONWriter()
                try Message.result(&writer, id: port.id, reply)
                return writer.bytes
            }
        }
    }

    private static func decode<R: Request>(_ type: R.Type, _ json: UnsafeRawBufferPointer) throws -> R {
        guard json.isEmpty else { return try R.read(json) }
        return try R.fromJSON([0x7B, 0x7D])
    }
}

/// Where the frames of one request go.
protocol ReplyPort: Sendable {
    var id: UInt64 { get }
    /// Sends a frame, and waits while the other side is slower than we are.
    func send(_ frame: [UInt8]) async throws
}

/// Sends a stream's events to the caller.
public struct EventSink<Event: WireValue>: Sendable {
    private let deliver: @Sendable (Event) async throws -> Void

    init(port: any ReplyPort) {
        deliver = { event in
            var writer = JSONWriter()
            try Message.event(&writer, id: port.id, event)
            try await port.send(writer.bytes)
        }
    }

    /// A sink that is not a socket, for a caller in the same process.
    public init(_ deliver: @escaping @Sendable (Event) async throws -> Void) { self.deliver = deliver }

    /// Sends one event; returns when there is room for the next.
    /// - Throws: `CancellationError` when the caller is gone.
    public func send(_ event: Event) async throws { try await deliver(event) }
}

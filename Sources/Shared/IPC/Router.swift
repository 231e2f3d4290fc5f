// Which function answers which method. Parameters are decoded here, after the caller was found to be allowed.
// It must never decide who may call.

public import Wire

/// The methods that a process serves.
public struct Router: Sendable {
    var routes: [String: Route] = [:]

    public init() {}

    /// The specs of the methods that have a handler.
    public var served: [MethodSpec] { routes.values.map(\.spec).sorted { $0.name < $1.name } }

    /// Answers a method with one reply.
    public mutating func on<R: Request>(
        _ type: R.Type, _ handler: @escaping @Sendable (R, CallContext) async throws -> R.Reply
    ) {
        routes[R.spec.name] = Route(R.spec) { json, call in
            let request = try Self.decode(R.self, json)
            return call.work { try await handler(request, call.context) }
        }
    }

    /// Answers a method at once: for what neither waits nor takes long. It runs on the event loop, between the frames
    /// of its connection, and costs no task.
    public mutating func answer<R: Request>(
        _ type: R.Type, _ handler: @escaping @Sendable (R, CallContext) throws -> R.Reply
    ) {
        routes[R.spec.name] = Route(R.spec) { json, call in
            let request = try Self.decode(R.self, json)
            call.answer { try handler(request, call.context) }
            return nil
        }
    }

    /// Answers a method with events and then a reply.
    public mutating func stream<R: StreamRequest>(
        _ type: R.Type,
        _ handler: @escaping @Sendable (R, CallContext, EventSink<R.Event>) async throws -> R.Reply
    ) {
        routes[R.spec.name] = Route(R.spec) { json, call in
            let request = try Self.decode(R.self, json)
            return call.work { try await handler(request, call.context, EventSink(call)) }
        }
    }

    private static func decode<R: Request>(_ type: R.Type, _ json: UnsafeRawBufferPointer) throws -> R {
        guard json.isEmpty else { return try R.read(json) }
        return try R.fromJSON([0x7B, 0x7D])
    }
}

/// One method and what answers it.
final class Route: Sendable {
    let spec: MethodSpec
    /// Questions about the daemon itself are neither refused while it drains nor waited for.
    let isControl: Bool
    /// Decodes the parameters, then starts the handler, which has ended already when it never had to wait; nil when it
    /// cannot wait.
    let start: Start

    typealias Start = @Sendable (UnsafeRawBufferPointer, ServerCall) throws -> Task<Void, Never>?

    init(_ spec: MethodSpec, start: @escaping Start) {
        self.spec = spec
        isControl = spec.name.hasPrefix("control.")
        self.start = start
    }
}

/// Sends a stream's events to the caller.
public struct EventSink<Event: WireValue>: Sendable {
    private let deliver: @Sendable (Event) async throws -> Void

    init(_ call: ServerCall) { deliver = { event in try await call.send(event) } }

    /// A sink that is not a socket, for a caller in the same process.
    public init(_ deliver: @escaping @Sendable (Event) async throws -> Void) { self.deliver = deliver }

    /// Sends one event; returns when there is room for the next.
    /// - Throws: `CancellationError` when the caller is gone.
    public func send(_ event: Event) async throws { try await deliver(event) }
}

// Serves a router on listening Unix sockets, one for each caller that has any right here.
// It must never take the caller's word for who it is.

public import Logging
public import NIOCore
import NIOPosix
public import Wire

/// What a server tells of each request, for metrics.
public protocol RPCObserver: Sendable {
    func finished(method: String, caller: Role, code: ErrorCode?, nanoseconds: Int64)
    func incident(caller: Role, code: ErrorCode)
}

/// The server side of a process.
public final class RPCServer: Sendable {
    /// How many requests of one connection may be under way.
    public static let maximumConcurrent = 256

    let role: Role
    let router: Router
    let authorize: @Sendable (Role, String) -> Bool
    let log: Logger
    let observer: (any RPCObserver)?
    let state: ServerState
    private let group: any EventLoopGroup

    public init(
        role: Role, router: Router, group: any EventLoopGroup, log: Logger,
        observer: (any RPCObserver)? = nil,
        authorize: @escaping @Sendable (Role, String) -> Bool
    ) {
        self.role = role
        self.router = router
        self.group = group
        self.log = log
        self.observer = observer
        self.authorize = authorize
        state = ServerState()
    }

    /// Serves a socket that the parent bound. The descriptor is owned by the server from here on.
    /// - Parameter uid: the only uid that may call here; nil when all processes share one.
    public func listen(descriptor: Int32, caller: Role, uid: UInt32?) async throws {
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 128)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = ServerConnection(
                        server: self, caller: caller, uid: uid, channel: channel)
                    try channel.pipeline.syncOperations.addHandler(connection)
                }
            }
            .withBoundSocket(descriptor).get()
        state.add(channel)
    }

    /// Refuses new work, and waits for what is under way.
    public func drain(deadline: Duration) async {
        state.startDraining()
        let end = ContinuousClock.now + deadline
        while state.active > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(10)) }
    }

    /// Stops listening; the sockets stay with the parent.
    public func close() async {
        for channel in state.takeChannels() { try? await channel.close() }
    }
}

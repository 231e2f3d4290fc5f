// A real RPC server on a real Unix socket in a test's own directory, and lines to it.
// It must never stand in for a kernel check: it is for handlers, not for identity.

import Glibc
public import IPC
public import Logging
import NIOCore
public import NIOPosix
import NodeSystem
import Policy
public import Wire

/// A server of one role, with the real grants unless a test says otherwise.
public final class LoopbackServer: Sendable {
    public let role: Role
    public let group: MultiThreadedEventLoopGroup
    private let server: RPCServer
    private let runDirectory: String

    /// - Parameters:
    ///   - runDirectory: where `<role>/<caller>.sock` is made; share it to let several servers form a house.
    ///   - callers: whose sockets are made; everybody with a grant when nil.
    public init(
        _ role: Role, runDirectory: String, callers: [Role]? = nil,
        group: MultiThreadedEventLoopGroup = .singleton,
        log: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        authorize: (@Sendable (Role, String) -> Bool)? = nil, routes: (inout Router) -> Void
    ) async throws {
        self.role = role
        self.group = group
        self.runDirectory = runDirectory
        var router = Router()
        routes(&router)
        server = RPCServer(
            role: role, router: router, group: group.next(), log: log,
            authorize: authorize ?? { Grants.allows($0, at: role, $1) })
        mkdir("\(runDirectory)/\(role.rawValue)", 0o700)
        for caller in callers ?? Grants.callers(of: role) {
            let path = ServiceTable.socketPath(runDirectory: runDirectory, callee: role, caller: caller)
            unlink(path)
            try await server.listen(descriptor: try UnixSocket.listen(at: path), caller: caller, uid: nil)
        }
    }

    /// A line to this server as a caller.
    public func link(as caller: Role) -> PeerLink {
        let path = ServiceTable.socketPath(runDirectory: runDirectory, callee: role, caller: caller)
        return PeerLink(
            callee: role, path: path, loop: group.next(),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    public func close() async { await server.close() }
}

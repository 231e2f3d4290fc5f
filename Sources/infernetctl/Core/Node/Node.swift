// The lines to the node's processes, with one answer to "is there anybody?".
// It must never wait without a deadline.

import Glibc
import IPC
import Interfaces
import Logging
import NIOPosix
import NodeConfig
import NodeModel
import Synchronization
import Wire

/// The node on this machine.
final class Node: Sendable {
    let runDirectory: String
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let links = Mutex<[Role: PeerLink]>([:])

    init(runDirectory: String) { self.runDirectory = runDirectory }

    /// Calls a method of one of the node's processes.
    func call<R: Request>(_ request: R, at role: Role, deadlineMs: Int? = nil) async throws -> R.Reply {
        let link = try link(role)
        do { return try await link.call(request, deadlineMs: deadlineMs) } catch {
            throw explained(error, role)
        }
    }

    /// Calls a method that answers in pieces.
    func stream<R: StreamRequest>(
        _ request: R, at role: Role, onEvent: @Sendable (R.Event) async throws -> Void
    ) async throws -> R.Reply {
        let link = try link(role)
        do { return try await link.stream(request, onEvent: onEvent) } catch { throw explained(error, role) }
    }

    /// Calls a method whose answer is only wanted when it comes soon.
    func quick<R: Request>(_ request: R, at role: Role) async -> R.Reply? {
        try? await call(request, at: role, deadlineMs: 1500)
    }

    /// Whether systemd starts the daemons, and keeps their log.
    var isSystemd: Bool {
        get async { await quick(SupervisorInterface.Status(), at: .supervisor)?.mode == "systemd" }
    }

    private func path(_ role: Role) -> String {
        NodePaths.socket(runDirectory: runDirectory, callee: role, caller: .ctl)
    }

    private func link(_ role: Role) throws -> PeerLink {
        let path = path(role)
        var info = stat()
        if lstat(path, &info) != 0, errno == ENOENT || errno == ENOTDIR {
            throw NotRunning(path: path, reason: "no socket")
        }
        return links.withLock { links in
            if let link = links[role] { return link }
            let silent = Logger(label: "infernetctl") { _ in SwiftLogNoOpLogHandler() }
            let link = PeerLink(callee: role, path: path, loop: group.next(), log: silent)
            links[role] = link
            return link
        }
    }

    /// Tells apart: nobody there, not allowed, and a daemon's own answer.
    private func explained(_ error: any Error, _ role: Role) -> any Error {
        guard var error = error as? WireError else { return error }
        if error.code == .upstreamLost || error.code == .deadlineExceeded, error.fix == nil {
            error.fix = "Look at 'infernetctl status', and try again when \(role.rawValue) is ready."
        }
        guard error.code == .unavailable, let cause = error.cause else { return error }
        if cause.contains("errno: \(ECONNREFUSED)") || cause.contains("errno: \(ENOENT)") {
            return NotRunning(path: path(role), reason: "nobody answers")
        }
        if cause.contains("errno: \(EACCES)") || cause.contains("errno: \(EPERM)") {
            return WireError(
                .notPermitted, "You may not talk to the node at \(path(role)).",
                fix:
                    "Become a member of the group 'infernet' (sudo usermod -aG infernet $USER, then log in again), "
                    + "or use sudo.", cause: cause)
        }
        return error
    }
}

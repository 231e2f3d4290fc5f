// Every socket of the node, bound once by its parent: one for each line of the grants, and those to the outside.
// It must never close one while the node runs: callers of a restarting daemon wait in it.

import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// The listening sockets of a node.
struct NodeSockets: Sendable {
    typealias Fault = ServiceStateMachine.Fault

    private let configuration: NodeConfiguration
    private var rpc: [Role: [(caller: Role, descriptor: Int32)]] = [:]
    private var outside: [OutsideSocket: Int32] = [:]
    private var faults: [OutsideSocket: Fault] = [:]
    private var paths: [String] = []

    /// Binds all that can be bound.
    ///
    /// - Throws: `SystemError` when a socket inside the house cannot be had: without those there is no node.
    init(_ configuration: NodeConfiguration, folders: NodeFolders, isolation: Isolation) throws {
        self.configuration = configuration
        for callee in [Role.supervisor] + ServiceTable.rows.map(\.role) {
            for caller in Grants.callers(of: callee) {
                let path = NodePaths.socket(runDirectory: folders.run, callee: callee, caller: caller)
                let descriptor = try place(path, isolation.socketAccess(for: caller))
                rpc[callee, default: []].append((caller, descriptor))
            }
        }
        outside[.handoff] = try place(
            NodePaths.handoffSocket(runDirectory: folders.run), isolation.socketAccess(for: .ctl))
        _ = bindMissing()
    }

    /// Removes the socket files; at the end of the node.
    func remove() {
        for path in paths { unlink(path) }
    }

    /// The run directory is locked, so whoever still serves a socket in it is a dying child of a dead supervisor.
    private mutating func place(
        _ path: String, _ access: (owner: (uid: UInt32, gid: UInt32)?, mode: UInt32)
    ) throws -> Int32 {
        paths.append(path)
        return try UnixSocket.listen(
            at: path, mode: access.mode, owner: access.owner, backlog: 256, replacesServed: true)
    }

    /// The supervisor's own sockets, by caller. They are the server's from here on.
    var own: [(caller: Role, descriptor: Int32)] { rpc[.supervisor] ?? [] }

    /// What a daemon is handed.
    func passed(to row: ServiceRow) -> [SpawnRequest.PassedDescriptor] {
        (rpc[row.role] ?? []).map { .init(ServiceTable.label(for: $0.caller), $0.descriptor) }
            + row.sockets.compactMap { kind in outside[kind].map { .init(kind.rawValue, $0) } }
    }

    /// Why a daemon lacks a socket; nil when it has all that are configured.
    func fault(of row: ServiceRow) -> Fault? {
        let found = row.sockets.compactMap { faults[$0] }
        guard !found.isEmpty else { return nil }
        return Fault(
            reason: found.map(\.reason).joined(separator: "; "), fix: found.lazy.compactMap(\.fix).first)
    }

    var hasFaults: Bool { !faults.isEmpty }

    /// Tries again what could not be bound, and tells which sockets are there now.
    mutating func bindMissing() -> [OutsideSocket] {
        var bound: [OutsideSocket] = []
        for kind in OutsideSocket.allCases {
            guard outside[kind] == nil, let address = address(of: kind), !address.isEmpty else { continue }
            do {
                outside[kind] = try Self.bind(kind, address)
                faults[kind] = nil
                bound.append(kind)
            } catch { faults[kind] = Fault(reason: error.message, fix: error.fix) }
        }
        return bound
    }

    private func address(of kind: OutsideSocket) -> String? {
        switch kind {
        case .http: return configuration.http.listen
        case .sale: return configuration.sale.listen
        case .peer: return configuration.peer.listen
        case .dht: return configuration.dht.listen
        case .dht6: return configuration.dht.listen6
        case .handoff: return nil
        }
    }

    private static func bind(_ kind: OutsideSocket, _ address: String) throws(SystemError) -> Int32 {
        guard let place = HostPort(address) else {
            throw SystemError(.addressInvalid, "'\(address)' is not a numeric host and a port")
        }
        do {
            switch kind {
            case .dht, .dht6: return try UDPSocket.bind(host: place.host, port: place.port)
            case .http, .sale, .peer, .handoff:
                return try TCPListener.bind(host: place.host, port: place.port)
            }
        } catch let error as SystemError { throw error } catch {
            throw SystemError(.callFailed, "cannot use \(address): \(error)")
        }
    }
}

// What every daemon is: a role, a section of the configuration, a table of methods, checks, work, an orderly end.
// It must never reach round its environment to the parent or to another daemon.

public import IPC
public import Interfaces
public import Wire

/// One daemon. `DaemonMain.run` calls the members in the order in which they stand here.
public protocol Daemon: Sendable {
    /// The part of the configuration that it is told.
    associatedtype Config: Codable & Sendable
    static var role: Role { get }

    /// Opens what it needs. Called once, before READY.
    /// - Throws: `StartFailure` with a permanent code for what a restart cannot mend.
    init(_ environment: DaemonEnvironment<Config>) async throws

    /// Binds its interface's methods to functions; every one of them.
    func routes(_ router: inout Router)

    /// What it tried and found, quickly: called every few seconds and by `doctor`.
    func checks() async -> [ControlInterface.Check]

    /// Gives back memory that it holds only to be fast, like a database's pages: called when it has worked and come to rest.
    func rest() async

    /// Works until its task is cancelled. Returning earlier ends the process.
    func run() async throws

    /// Finishes or gives back what is under way; bounded by the kit.
    func drain() async
}

extension Daemon {
    public func run() async throws {
        while !Task.isCancelled { try await Task.sleep(for: .seconds(3600)) }
    }
    public func rest() async {}
    public func drain() async {}
}

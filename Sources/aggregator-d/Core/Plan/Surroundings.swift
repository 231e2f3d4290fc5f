// What the daemons around this one say, remembered for a moment so that each job does not ask again.
// It must never show something older than its caller allows.

import IPC
import Interfaces
import NodeModel
import Wire

/// Cached answers of ledger-d, content-d and exec-d.
actor Surroundings {
    private let links: Links
    private var key: PublicKey?
    private var view: (LocalView, at: ContinuousClock.Instant)?
    private var asking: Task<LocalView, Never>?

    init(links: Links) { self.links = links }

    /// This node's key, asked for once.
    func identity(trace: String?) async throws -> PublicKey {
        if let key { return key }
        let reply = try await links.ledger.call(LedgerInterface.Identity(), trace: trace)
        key = reply.pubkey
        return reply.pubkey
    }

    /// This node's store and engines, at most so many milliseconds old.
    func local(maximumAgeMs: Int = 1_000) async -> LocalView {
        if let view, view.at.duration(to: .now) <= .milliseconds(maximumAgeMs) { return view.0 }
        if let asking { return await asking.value }
        let links = links
        let task = Task {
            async let entries = Self.result { try await links.content.call(ContentInterface.List()).entries }
            async let inventory = Self.result { try await links.exec.call(ExecInterface.Inventory()) }
            return LocalView(entries: await entries, inventory: await inventory)
        }
        asking = task
        let fresh = await task.value
        asking = nil
        view = (fresh, .now)
        return fresh
    }

    /// The same with the store as it is now: who has just added a model, or removed one, looks at once.
    func localWithStore() async -> LocalView {
        let links = links
        let entries = await Self.result { try await links.content.call(ContentInterface.List()).entries }
        return LocalView(entries: entries, inventory: await local().inventory)
    }

    /// Makes the next question a real one, after something turned out to be different.
    func forget() { view = nil }

    private static func result<T: Sendable>(
        _ body: @Sendable () async throws -> T
    ) async -> Result<T, WireError> {
        do { return .success(try await body()) } catch { return .failure(WireError.wrapping(error)) }
    }
}

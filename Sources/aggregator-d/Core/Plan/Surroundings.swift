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
    private var renewing = false
    private var payTo: PayTo?

    init(links: Links) { self.links = links }

    /// This node's key, asked for once.
    func identity(trace: String?) async throws -> PublicKey {
        if let key { return key }
        let reply = try await links.ledger.call(LedgerInterface.Identity(), trace: trace)
        key = reply.pubkey
        return reply.pubkey
    }

    /// Where this node is paid in an asset, asked for once; nil on Lightning, where it makes invoices.
    func payTo(_ asset: Asset) async throws -> PayTo? {
        if let payTo { return payTo }
        let reply = try await links.ledger.call(LedgerInterface.PayTerms(asset: asset))
        payTo = reply.payTo
        return reply.payTo
    }

    /// This node's store and engines, at most so many milliseconds old.
    func local(maximumAgeMs: Int = 1_000) async -> LocalView {
        if let view, view.at.duration(to: .now) <= .milliseconds(maximumAgeMs) { return view.0 }
        return await ask().value
    }

    /// The same for those who lose time by waiting and little by a memory: what is older than a second is renewed
    /// behind them, a moment later, when their request has reached the engine; what is older than five is waited for.
    func remembered() async -> LocalView {
        guard let view else { return await local() }
        let age = view.at.duration(to: .now)
        if age > .seconds(5) { return await local() }
        if age > .seconds(1), !renewing {
            renewing = true
            Task {
                try? await Task.sleep(for: .milliseconds(250))
                _ = await self.ask().value
                self.renewing = false
            }
        }
        return view.0
    }

    /// What was last known, for checks: nobody is waited for, and what is old is asked for behind them.
    func glance() -> LocalView? {
        if view.map({ $0.at.duration(to: .now) > .seconds(30) }) ?? true { _ = ask() }
        return view?.0
    }

    private func ask() -> Task<LocalView, Never> {
        if let asking { return asking }
        let links = links
        let task = Task {
            async let entries = Self.result { try await links.content.call(ContentInterface.List()).entries }
            async let inventory = Self.result { try await links.exec.call(ExecInterface.Inventory()) }
            let fresh = LocalView(entries: await entries, inventory: await inventory)
            self.keep(fresh)
            return fresh
        }
        asking = task
        return task
    }

    private func keep(_ fresh: LocalView) {
        asking = nil
        view = (fresh, .now)
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

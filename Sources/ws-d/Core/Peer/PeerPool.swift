// The sessions to providers: one for each key and endpoint, dialled when first needed, dialled again after a loss.
// It must never give out a session for another key than the one that was asked for.

import IPC
import Interfaces
import Logging
import NIOCore
import NIOWebSocket
import NodeConfig
import NodeModel
import Wire

/// Open sessions to providers.
// Touched on the one event loop only.
final class PeerPool: @unchecked Sendable {  // see above
    private struct Key: Hashable {
        let provider: PublicKey
        let endpoint: String
    }

    private let hub: PeerHub
    private var sessions: [Key: EventLoopFuture<PeerCalling>] = [:]

    init(_ hub: PeerHub) { self.hub = hub }

    /// Carries a job to a provider; `onEvent` gets its events in order.
    func runJob(
        _ request: WSInterface.RunJob, deadlineMs: Int,
        onEvent: @Sendable (PeerInterface.RunJob.Event) async throws -> Void
    ) async throws -> PeerInterface.RunJob.Reply {
        let session = try await session(request.provider, request.endpoint)
        return try await session.perform(request.job, trace: request.job.job.text, deadlineMs: deadlineMs) {
            bytes in
            try await onEvent(try PeerInterface.RunJob.Event.fromJSON(bytes))
        }
    }

    /// Carries an acceptance to a provider.
    func deliver(_ request: WSInterface.DeliverAcceptance, deadlineMs: Int) async throws -> Done {
        try await ask(
            PeerInterface.DeliverAcceptance(bundle: request.bundle), request.provider, request.endpoint,
            deadlineMs)
    }

    /// Carries a request for what is left in a channel to a provider.
    func askRefund(
        _ request: WSInterface.AskRefund, deadlineMs: Int
    ) async throws -> PeerInterface.Refund.Reply {
        try await ask(request.refund, request.provider, request.endpoint, deadlineMs)
    }

    /// Carries a request about credit to a provider.
    func credit(_ request: WSInterface.Credit, deadlineMs: Int) async throws -> CreditAnswer {
        try await ask(
            PeerInterface.Credit(request: request.request), request.provider, request.endpoint, deadlineMs)
    }

    /// Carries a question for a job's price to a provider.
    func quote(_ request: WSInterface.Quote, deadlineMs: Int) async throws -> SignedEvent {
        try await ask(request.quote, request.provider, request.endpoint, deadlineMs)
    }

    /// Carries the voucher for the next piece of an answer to its provider.
    func topUp(_ request: WSInterface.TopUp, deadlineMs: Int) async throws -> Done {
        try await ask(request.topUp, request.provider, request.endpoint, deadlineMs)
    }

    /// How others reach this node, as it announces it.
    var announced: String { hub.limits.advertise }

    func ownKey() async throws -> PublicKey { try await hub.identity().get() }

    /// Providers that are, or are being, connected to.
    var connected: [WSInterface.DialBack.Candidate] {
        sessions.keys.sorted { ($0.endpoint, $0.provider.hex) < ($1.endpoint, $1.provider.hex) }.map {
            WSInterface.DialBack.Candidate(provider: $0.provider, endpoint: $0.endpoint)
        }
    }

    /// What may be repeated: a session that died meanwhile is dialled again.
    func ask<Message: Request>(
        _ message: Message, _ provider: PublicKey, _ endpoint: String, _ deadlineMs: Int
    ) async throws -> Message.Reply {
        let end = NIODeadline.now() + .milliseconds(Int64(deadlineMs))
        do {
            return try await session(provider, endpoint)
                .perform(message, trace: nil, deadlineMs: deadlineMs, onEvent: Self.noEvents)
        } catch let error as WireError where error.code == .upstreamLost && NIODeadline.now() < end {
            let left = Int((end - NIODeadline.now()).nanoseconds / 1_000_000)
            return try await session(provider, endpoint)
                .perform(message, trace: nil, deadlineMs: max(1, left), onEvent: Self.noEvents)
        }
    }

    @Sendable private static func noEvents(_ bytes: [UInt8]) async throws {
        throw WireError(.providerFailed, "The provider sent an event where there are none.")
    }

    private func session(_ provider: PublicKey, _ text: String) async throws -> PeerCalling {
        let endpoint = try PeerEndpoint(text)
        let key = Key(provider: provider, endpoint: text)
        if let known = sessions[key] {
            let session = try await known.get()
            if session.isOpen { return session }
        }
        guard !hub.isDraining else { throw WireError(.draining, "ws-d is stopping.", retryAfterMs: 2_000) }
        // Another caller may have dialled while we waited.
        if let newer = sessions[key] { return try await newer.get() }
        let dialled = hub.identity().flatMap { [hub] own in
            PeerDialer.dial(endpoint, provider: provider, own: own, hub)
        }
        sessions[key] = dialled
        dialled.whenComplete { result in
            switch result {
            case .success(let session): session.whenLost { self.sessions[key] = nil }
            case .failure: self.sessions[key] = nil
            }
        }
        return try await dialled.get()
    }
}

// Pays for an answer while it comes: asks ledger-d for the next voucher and has it brought to the provider, ahead of need.
// It must never keep a piece waiting, nor have two vouchers of one job on their way.

import IPC
import Interfaces
import Logging
import NodeModel
import Synchronization
import Wire

/// The paying end of one answer that is paid piece by piece.
final class AnswerCover: Sendable {
    /// How long a voucher that meets a restart is tried again: as long as the provider waits for it.
    private static let patience = Duration.seconds(12)

    private struct State {
        var plan: CoverPlan
        var isAsking = false
        var isOver = false
    }

    private let job: JobID
    private let offer: Offer
    private let house: Workplace
    private let state: Mutex<State>

    /// - Returns: nil where one voucher pays for all.
    init?(_ quote: SignedEvent?, _ request: InferenceRequest, _ offer: Offer, job: JobID, house: Workplace) {
        guard let plan = quote.flatMap({ Quote(unproven: $0) }).flatMap({ CoverPlan($0, request) }) else {
            return nil
        }
        state = Mutex(State(plan: plan))
        self.job = job
        self.offer = offer
        self.house = house
    }

    /// A piece came; the hot path.
    func saw(tokens: UInt64, weight: Int) {
        let asks = state.withLock { state in
            state.plan.saw(tokens: tokens, weight: weight)
            guard !state.isAsking, !state.isOver, state.plan.next != nil else { return false }
            state.isAsking = true
            return true
        }
        if asks { Task { await pay() } }
    }

    /// The attempt is over: nothing more is paid for it.
    func end() { state.withLock { $0.isOver = true } }

    private func pay() async {
        while let tokens = next() {
            do {
                try await pay(upTo: tokens)
                state.withLock { $0.plan.cover(to: tokens) }
            } catch {
                // The provider ends the answer where its vouchers do, and signs for what it gave.
                let isNews = state.withLock { state in
                    defer { (state.isOver, state.isAsking) = (true, false) }
                    return !state.isOver
                }
                guard isNews else { return }
                house.log.notice(
                    "an answer is not paid any further",
                    metadata: [
                        "job": "\(job)", "tokens": "\(tokens)",
                        "error": "\(WireError.wrapping(error).message)",
                    ])
                return
            }
        }
    }

    private func next() -> Int? {
        state.withLock { state in
            let next = state.isOver ? nil : state.plan.next
            if next == nil { state.isAsking = false }
            return next
        }
    }

    /// A provider may know of more charges than this node does; it is asked once more, as with the first voucher.
    private func pay(upTo tokens: Int) async throws {
        try await Patience.call(until: .now + Self.patience) {
            do { try await self.pay(upTo: tokens, refused: nil) } catch let error as WireError
                where error.code == .paymentRequired && error.cause != nil
            { try await self.pay(upTo: tokens, refused: error.cause) }
        }
    }

    private func pay(upTo tokens: Int, refused: String?) async throws {
        let payment = try await house.links.ledger.call(
            LedgerInterface.TopUp(provider: offer.card.provider, job: job, tokens: tokens, refused: refused),
            trace: job.text
        ).payment
        _ = try await house.links.ws.call(
            WSInterface.TopUp(
                endpoint: offer.card.endpoint, provider: offer.card.provider,
                topUp: PeerInterface.TopUp(job: job, tokens: tokens, payment: payment)), trace: job.text)
    }
}

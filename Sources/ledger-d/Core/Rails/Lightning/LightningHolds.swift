// What is held on Lightning: each invoice on a client's hash is looked at again and again, until it is taken or given back.
// It must never act before what it means to do is on disk, nor take anything without what the client revealed.

import Lightning
import Logging
import NodeModel
import Wire

extension LightningRail {
    /// Drives each on. What is wrong with one alone does not keep others waiting.
    func follow(_ holds: [HeldInvoice]) async throws {
        for hold in holds {
            do {
                try await drive(hold.hash)
                tell(true, "heard")
            } catch let trouble as LightningTrouble {
                if trouble.endsTheLook { throw trouble }
                tell(false, trouble.description)
            }
        }
    }

    private func drive(_ hash: Digest) async throws {
        // What was just asked for is looked up at once.
        for _ in 0..<2 {
            guard let hold = try await ledger.hold(hash), !hold.state.isOver else { return }
            let claim = try await backend.invoice(hash)
            var height: Int64?
            if case .held(until: .some) = claim { height = try? await backend.height() }
            let (now, text) = (clock(), hold.invoice)
            let machine = HoldMachine(
                state: hold.state, since: hold.since / 1000, isRevealed: hold.isRevealed,
                expiresAt: text.flatMap { Self.end(of: $0) }, holdSeconds: holdSeconds)
            switch machine.next(
                claim, height: height, now: now / 1000,
                proves: { $0.count == 32 && Digest(hashing: $0) == hash })
            {
            case .hold:
                try await ledger.hold(hash, at: now)
                return note("a client's payment is held", hash)
            case .settle:
                guard let preimage = try await ledger.revealed(hash) else { return }
                ledger.commits.reach?(.sending)
                try await backend.settle(preimage)
                ledger.commits.reach?(.sent)
            case .cancel(let reason):
                if hold.state != .cancelling { try await ledger.cancel(hash, reason, at: now) }
                ledger.commits.reach?(.sending)
                try await backend.cancel(hash)
                ledger.commits.reach?(.sent)
            case .settled(let shown):
                try await ledger.settle(hash, shown: shown, at: now)
                return note("what was held is taken", hash)
            case .end(let state, let reason):
                try await ledger.end(hash, state, reason, at: now)
                return note("what was held is over: \(state.rawValue)", hash)
            case .wait: return
            }
        }
    }

    /// When an invoice runs out; Unix seconds.
    private static func end(of text: String) -> Int64? {
        (try? Invoice(text)).map { Int64(clamping: $0.expiresAt) }
    }
}

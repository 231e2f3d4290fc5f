// What is done next with an authorization that somebody else was given, and the doing of it.
// It must never give money back while the authorization could still pass.

import EVM
import NodeModel

/// What is done next with an authorization that somebody else has, as a pure decision.
struct GivenPaymentMachine: Sendable {
    enum Action: Hashable, Sendable {
        case settle([UInt8])
        case fail(String)
        case wait(String)
    }

    /// Unix seconds.
    let validBefore: Int64
    let awaits: String
    let expiry: String

    func next(_ view: EVMPaymentMachine.View, now: Int64) -> Action {
        if view.usedFinally {
            if let paid = view.seen.first(where: { $0.pays && $0.block <= view.finalNumber }) {
                return .settle(paid.hash)
            }
            return .wait("the transaction in which the token moved the money")
        }
        if view.usedNow { return .wait("the block that paid to become final") }
        if now > validBefore + EVMPaymentMachine.grace, view.finalTime > UInt64(clamping: validBefore) {
            return .fail(expiry)
        }
        return .wait(awaits)
    }
}

extension EVMRail {
    /// What was given to somebody else is watched to its end.
    func follow(
        _ payment: OutgoingPayment, _ errand: any EVMErrand, _ view: EVMPaymentMachine.View
    ) async throws {
        let now = now
        let machine = GivenPaymentMachine(
            validBefore: errand.validBefore, awaits: errand.awaits, expiry: errand.expiry)
        switch machine.next(view, now: now / 1000) {
        case .settle(let hash):
            let spent = try await errand.spent(client, .number(view.finalNumber))
            let proof =
                hash.isEmpty ? "the contract's word at block \(view.finalNumber)" : "0x\(Hex.encode(hash))"
            try await ledger.end(payment.id, .settled, "paid by \(proof)", at: now, spent: spent)
            awaited[payment.id] = nil
        case .fail(let reason):
            try await ledger.end(payment.id, .failed, reason, at: now)
            awaited[payment.id] = nil
        case .wait(let what): awaited[payment.id] = what
        }
    }
}

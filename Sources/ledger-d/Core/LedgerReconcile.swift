// Books that have what the account on the chain has not: the difference is written off when a person says so, together with
// the deposits that it keeps from being booked. It must never be more than that, nor happen by itself.

import EVM
import Interfaces
import NodeModel
import Wire

extension LedgerDaemon {
    func reconcile(_ request: LedgerInterface.Reconcile) async throws -> LedgerInterface.Reconcile.Reply {
        let (rail, token) = try requireToken(request.asset)
        let missing = await rail.missing[token.asset] ?? 0
        if let amount = request.amount {
            guard amount > 0, amount == missing else {
                throw WireError(
                    .conflict, "\(amount) \(token.symbol) are not what is missing, which is \(missing) now.",
                    fix: "Look again: 'infernetctl wallet reconcile'.")
            }
            await rail.writeOff(missing, of: token)
            bell.yield()
        }
        return .init(
            asset: token.asset, booked: try await ledger.balance(of: Operation.wallet, token.asset),
            missing: missing, isWrittenOff: request.amount != nil)
    }
}

extension EVMRail {
    /// The next look books what came in, and so much as gone, in one transaction; where it is another amount by then, neither.
    func writeOff(_ amount: Int64, of token: EVMToken) { writtenOff[token.asset] = amount }
}

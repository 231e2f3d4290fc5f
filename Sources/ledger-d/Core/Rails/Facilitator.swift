// The way to an x402 facilitator: it is asked once to carry a stranger's payment, and then the chain is looked at.
// It must never be believed: what it says is a place to look, and when it brings nothing this node carries by itself.

import EVM
import NodeModel
import Wire
import X402

struct Facilitator: Sendable {
    let endpoint: String
    let carrier: any Carrier

    /// Seconds that it has until this node carries by itself.
    static let patience: Int64 = 30

    /// Asks it.
    ///
    /// - Returns: the transaction that it names, and what it says.
    func settle(_ sale: SaleTerms) async -> (hash: [UInt8]?, words: String) {
        do {
            let payment = try sale.made().payment
            let body = SettlementRequest(payment: payment, requirements: payment.accepted).json
            let reply = try await carrier.carry(endpoint, String(decoding: body, as: UTF8.self))
            let said = try SettlementResponse(X402Value(Array(reply.body.utf8)))
            guard said.success, said.network == payment.accepted.network else {
                return (
                    nil, "the facilitator did not carry it: " + StrangersWords.plain(said.errorReason ?? "no")
                )
            }
            return (
                Hex.decode(said.transaction.dropFirst(2).lowercased(), count: 32), "the facilitator's block"
            )
        } catch let error as WireError { return (nil, error.message) } catch {
            return (nil, "the facilitator's answer cannot be read")
        }
    }
}

extension EVMRail {
    /// Lets the facilitator carry a sale that nobody here has signed a transaction for.
    ///
    /// - Returns: whether it is still its turn.
    func leavesToFacilitator(_ payment: OutgoingPayment, _ sale: SaleTerms) async -> Bool {
        guard let facilitator, payment.letters.isEmpty else { return false }
        if let asked = asked[payment.id] { return now / 1000 - asked < Facilitator.patience }
        asked[payment.id] = now / 1000
        awaited[payment.id] = "the facilitator"
        ledger.commits.reach?(.sending)
        let (hash, words) = await facilitator.settle(sale)
        ledger.commits.reach?(.sent)
        awaited[payment.id] = words
        named[payment.id] = hash
        // A plain no leaves nothing to wait for.
        if hash == nil { asked[payment.id] = now / 1000 - Facilitator.patience }
        return true
    }
}

// The signing policy as a table: each intent, who may ask, what the key does, how far. What has no row is refused.
// It must never grant by a pattern, nor hold an intent that is a bare digest.

import Interfaces
import NodeModel
import Wire

/// The rows of the policy, with the configured ceilings.
struct SigningTable: Sendable {
    struct Row: Sendable {
        let intent: MethodSpec
        let callers: [Role]
        let effect: String
        var ceilings: SpendingLimit?
    }

    let rows: [Row]
    private let callersByIntent: [String: [Role]]

    init(_ limit: SpendingLimit) {
        rows = [
            Row(
                intent: LedgerInterface.Identity.spec, callers: [.ctl, .ws, .aggregator],
                effect: "tells the public key"),
            Row(
                intent: LedgerInterface.SignPeerAuth.spec, callers: [.ws],
                effect: "proves this node's key to one peer, at one endpoint, for one minute"),
            Row(
                intent: LedgerInterface.SignRelayAuth.spec, callers: [.ws],
                effect: "tells a relay which key asks, over its challenge"),
            Row(
                intent: LedgerInterface.SignCard.spec, callers: [.aggregator],
                effect: "announces this node's own card"),
            Row(
                intent: LedgerInterface.SignDescriptor.spec, callers: [.aggregator],
                effect: "tells all of this node's hardware, models, prices and addresses"),
            Row(
                intent: LedgerInterface.SignStatus.spec, callers: [.aggregator],
                effect: "tells one asker how this node is now, over his challenge"),
            Row(
                intent: LedgerInterface.TakeJob.spec, callers: [.aggregator],
                effect: "writes down that a client's job is taken, and on which terms"),
            Row(
                intent: LedgerInterface.SignQuote.spec, callers: [.aggregator],
                effect:
                    "tells one client what one job costs at most, up to \(Deed.largestAmount) units, for \(Quote.life) s; moves nothing"
            ),
            Row(
                intent: LedgerInterface.SignReceipt.spec, callers: [.aggregator],
                effect:
                    "signs a receipt for work of this node, once per job and client, on the terms of taking it"
            ),
            Row(
                intent: LedgerInterface.SignCounterfoil.spec, callers: [.aggregator],
                effect: "signs the part of one of this node's receipts that may be published"),
            Row(
                intent: LedgerInterface.SignEvidence.spec, callers: [.aggregator],
                effect:
                    "says to everybody that a job went well whose receipt it accepted, or ill of one it did not"
            ),
            Row(
                intent: LedgerInterface.AcceptReceipt.spec, callers: [.aggregator],
                effect: "accepts a provider's signed receipt once per job, and books what it costs",
                ceilings: limit),
            Row(
                intent: LedgerInterface.RecordAcceptance.spec, callers: [.aggregator],
                effect: "books an earning that a client signed for"),
            Row(
                intent: LedgerInterface.BookOwn.spec, callers: [.aggregator],
                effect:
                    "signs, accepts and books a job of this node on its own engine, once; nothing is earned or spent"
            ),
            Row(
                intent: LedgerInterface.FindOwn.spec, callers: [.aggregator],
                effect: "reads what is booked of this node's own jobs; signs nothing"),
            Row(
                intent: LedgerInterface.WrapKey.spec, callers: [.aggregator],
                effect: "encrypts a job's content key to its provider"),
            Row(
                intent: LedgerInterface.UnwrapKey.spec, callers: [.exec],
                effect: "opens the content key of a job that was taken and has no receipt yet"),
            Row(
                intent: LedgerInterface.Pay.spec, callers: [.ctl],
                effect:
                    "pays once by id from this node's account on a chain, within the ceilings of ledger.chains"
            ),
            Row(
                intent: LedgerInterface.Buy.spec, callers: [.ctl],
                effect:
                    "buys once by id at a shop of ledger.shops, within its ceiling and those of ledger.chains"
            ),
            Row(
                intent: LedgerInterface.OpenChannel.spec, callers: [.ctl],
                effect:
                    "puts money into a channel with a provider once by id, within the ceilings of ledger.chains"
            ),
            Row(
                intent: LedgerInterface.LeaveChannel.spec, callers: [.ctl],
                effect: "asks a channel's contract for what is left in it, and takes it after the delay"),
            Row(
                intent: LedgerInterface.Reconcile.spec, callers: [.ctl],
                effect: "writes off what the books have and an account on a chain does not; signs nothing"),
            Row(
                intent: LedgerInterface.AskRefund.spec, callers: [.aggregator],
                effect: "signs a request to a channel's payee for what is left, and keeps jobs off it"),
            Row(
                intent: LedgerInterface.GiveRefund.spec, callers: [.aggregator],
                effect:
                    "gives a channel's payer back, at its signed request, what is left when nothing is due"),
            Row(
                intent: LedgerInterface.PromisePrice.spec, callers: [.aggregator],
                effect:
                    "signs a voucher for one job on its provider's quote, within ledger.channels.max_at_risk, or draws on credit",
                ceilings: limit),
            Row(
                intent: LedgerInterface.TopUp.spec, callers: [.aggregator],
                effect:
                    "signs the voucher for the next piece of a promised job, up to its quote's ceiling, within ledger.channels.max_at_risk"
            ),
            Row(
                intent: LedgerInterface.TakeTopUp.spec, callers: [.aggregator],
                effect:
                    "writes down a client's voucher for the next piece of a job that was taken; signs nothing"
            ),
            Row(
                intent: LedgerInterface.AskCredit.spec, callers: [.ctl],
                effect: "asks one provider for an invoice that buys credit with it"),
            Row(
                intent: LedgerInterface.PayCredit.spec, callers: [.ctl],
                effect:
                    "pays a provider's signed invoice once, within ledger.credit.max_prepaid and ledger.lightning"
            ),
            Row(
                intent: LedgerInterface.WithdrawCredit.spec, callers: [.ctl],
                effect: "asks one provider to pay this node's own invoice out of its credit"),
            Row(
                intent: LedgerInterface.ServeCredit.spec, callers: [.aggregator],
                effect:
                    "signs for a client's invoice, or pays one once out of the client's credit, as the client signed"
            ),
            Row(
                intent: LedgerInterface.Credits.spec, callers: [.ctl],
                effect: "reads credit with other nodes, and of others with this one"),
            Row(
                intent: LedgerInterface.ReleasePrice.spec, callers: [.aggregator],
                effect: "takes back what was promised for a job that got no receipt"),
            Row(
                intent: LedgerInterface.TakeSale.spec, callers: [.aggregator],
                effect: "writes a stranger's payment for one job down; nothing is signed"),
            Row(
                intent: LedgerInterface.SettleSale.spec, callers: [.aggregator],
                effect: "brings a stranger's own authorization to the token, which pays this node"),
            Row(
                intent: LedgerInterface.EndSale.spec, callers: [.aggregator],
                effect: "writes down whether a stranger got what it paid for"),
            Row(
                intent: LedgerInterface.Resume.spec, callers: [.aggregator],
                effect: "ends what was promised for jobs that died with aggregator-d; signs nothing"),
            Row(
                intent: LedgerInterface.PayTerms.spec, callers: [.aggregator],
                effect: "tells where this node is paid, for its card"),
            Row(
                intent: LedgerInterface.Channels.spec, callers: [.ctl],
                effect: "reads this node's channels"),
            Row(
                intent: LedgerInterface.PayInvoice.spec, callers: [.ctl],
                effect:
                    "pays an invoice once from this node's account on Lightning, within the ceilings of ledger.lightning"
            ),
            Row(
                intent: LedgerInterface.MakeInvoice.spec, callers: [.ctl],
                effect: "has an invoice made, to be paid to this node"),
            Row(
                intent: LedgerInterface.Invoices.spec, callers: [.ctl], effect: "reads this node's invoices"),
            Row(
                intent: LedgerInterface.Payments.spec, callers: [.ctl],
                effect: "reads payments that leave the node"),
            Row(
                intent: LedgerInterface.Accounts.spec, callers: [.ctl],
                effect: "reads this node's accounts on chains"),
            Row(intent: LedgerInterface.Balance.spec, callers: [.ctl], effect: "reads sums"),
            Row(intent: LedgerInterface.History.spec, callers: [.ctl], effect: "reads transfers"),
            Row(
                intent: LedgerInterface.Earnings.spec, callers: [.ctl],
                effect: "reads what others' jobs and sales brought in"),
            Row(
                intent: LedgerInterface.Sales.spec, callers: [.ctl],
                effect: "reads what strangers bought over HTTP"),
            Row(intent: LedgerInterface.Policy.spec, callers: [.ctl], effect: "reads this table"),
            Row(intent: LedgerInterface.Audit.spec, callers: [.ctl], effect: "proves the ledger"),
            Row(
                intent: LedgerInterface.Backup.spec, callers: [.ctl],
                effect: "hands out the key under a passphrase, and copies the ledger"),
            Row(
                intent: LedgerInterface.Restore.spec, callers: [.ctl],
                effect: "takes over another key, while nothing was booked under the present one"),
            Row(
                intent: LedgerInterface.RotateKey.spec, callers: [.ctl],
                effect: "makes a new key and names it as the one that follows"),
            Row(
                intent: LedgerInterface.Successions.spec, callers: [.ctl],
                effect: "reads whom the key follows"),
        ]
        callersByIntent = Dictionary(uniqueKeysWithValues: rows.map { ($0.intent.name, $0.callers) })
    }

    /// Refuses an intent that the caller has no row for.
    func check(_ intent: String, by caller: Role) throws(WireError) {
        guard callersByIntent[intent]?.contains(caller) == true else {
            throw WireError(
                .notPermitted,
                "The signing policy has no row that lets \(caller.rawValue) ask for '\(intent)'.",
                fix: "See 'infernetctl wallet policy'.")
        }
    }

    /// The table as people see it.
    var shown: [LedgerInterface.Policy.Row] {
        rows.map { row in
            LedgerInterface.Policy.Row(
                intent: row.intent.name, callers: row.callers.map(\.rawValue), effect: row.effect,
                perCall: row.ceilings?.perJob, perDay: row.ceilings?.perDay, perPeer: row.ceilings?.perPeer)
        }
    }
}

// How much this node may spend: on one job, in one day (UTC), and in one day on one peer.
// It must never be checked outside the transaction that books the spending: two at once would both fit.

import NodeModel
import Wire

/// The configured ceilings, in micro-units of the one asset.
struct SpendingLimit: Sendable, Equatable {
    var perJob: Int64
    var perDay: Int64
    var perPeer: Int64

    /// Refuses what is beyond a ceiling.
    ///
    /// - Parameters:
    ///   - price: of the job that is to be accepted.
    ///   - spentToday: what was already spent on the day of booking.
    ///   - spentOnPeer: how much of that on the provider of this job.
    func check(price: Int64, spentToday: Int64, spentOnPeer: Int64) throws(WireError) {
        guard price <= perJob else {
            throw WireError(
                .policyRefused,
                "The job costs \(price) micro-units, more than the ceiling of \(perJob) for one job.",
                fix: "Raise ledger.max_per_job if this is what you want.")
        }
        let (sum, overflow) = spentToday.addingReportingOverflow(price)
        guard !overflow, sum <= perDay else {
            throw WireError(
                .policyRefused,
                "The job costs \(price) micro-units; with the \(spentToday) spent today it would pass the day's "
                    + "ceiling of \(perDay).",
                fix: "Wait until midnight UTC, or raise ledger.max_per_day.")
        }
        let (onPeer, overflowToo) = spentOnPeer.addingReportingOverflow(price)
        guard !overflowToo, onPeer <= perPeer else {
            throw WireError(
                .policyRefused,
                "The job costs \(price) micro-units; with the \(spentOnPeer) spent on this peer today it would "
                    + "pass the ceiling of \(perPeer) for one peer.",
                fix: "Wait until midnight UTC, use another provider, or raise ledger.max_per_peer.")
        }
    }
}

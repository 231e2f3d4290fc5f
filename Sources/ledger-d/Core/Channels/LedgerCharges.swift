// What jobs cost: promised out of a purse, charged by the receipt, given back without one. The same for vouchers and credit.
// It must never charge more than was promised, nor leave a promise open that is charged.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// The purse that a receipt charges: the provider's when it is signed, the client's when it is accepted; nil for one
    /// in test credits, and where it was charged before.
    ///
    /// - Throws: when it was not promised, or not so much.
    static func charged(_ operation: Operation, _ body: ReceiptBody, _ db: Database) throws -> Purse? {
        let side: PaymentChannel.Side
        switch operation.kind {
        case .issue: side = .payee
        case .spend: side = .payer
        case .earn, .own: return nil
        }
        guard body.unitPrice.asset != .testCredit, operation.client != operation.provider else { return nil }
        let peer = side == .payee ? operation.client : operation.provider
        guard let purse = try promised(operation.job, by: peer, side, db),
            let pledge = try pledge(operation.job, purse.id, db)
        else {
            throw WireError(.policyRefused, "Nothing was promised for \(operation.job).")
        }
        guard purse.asset == body.unitPrice.asset, !pledge.isOver, body.price <= pledge.covered else {
            throw WireError(
                .policyRefused,
                "\(operation.job) costs \(body.price) by its receipt; \(pledge.isOver ? 0 : pledge.covered) are covered."
            )
        }
        return purse
    }

    /// Charges a purse what a receipt says.
    static func charge(
        _ purse: Purse, _ operation: Operation, _ body: ReceiptBody, at: Int64, _ writer: LedgerWriter
    ) throws {
        if try postpone(purse, operation, body.price, at: at, writer) { return }
        try charge(purse, operation, price: body.price, at: at, writer)
        if purse.side == .payer { try reveal(operation.job, purse, at: at, writer) }
    }

    static func charge(
        _ purse: Purse, _ operation: Operation, price: Int64, at: Int64, _ writer: LedgerWriter
    ) throws {
        for (id, deed) in chargeDeeds(purse, operation, price) {
            _ = try perform(deed, id: id, at: at, writer)
        }
        try close(operation.job, purse.id, price, at: at, writer)
    }

    /// What is booked when a job is charged.
    static func chargeDeeds(_ purse: Purse, _ operation: Operation, _ price: Int64) -> [(String, Deed)] {
        let reservation = purse.reservation(operation.job)
        switch purse.side {
        case .payer:
            return [
                (
                    "spent/\(operation.job)/\(operation.provider.hex)",
                    .post(reservation, price, purse.asset, to: operation.spentBy, of: purse.account)
                )
            ]
        case .payee:
            // What was charged to a channel is due. Credit is here already: it is no longer owed, and this node's own.
            var deeds: [(String, Deed)] = []
            if purse.isCredit {
                deeds.append(
                    (
                        "drawn/\(operation.client.hex)/\(operation.job)",
                        .post(reservation, price, purse.asset, to: operation.chargedTo, of: purse.account)
                    ))
            }
            if price > 0 {
                deeds.append(
                    (
                        "charge/\(operation.client.hex)/\(operation.job)",
                        .deposit(
                            price, purse.asset, from: operation.chargedTo,
                            into: purse.isCredit ? nil : purse.account)
                    ))
            }
            return deeds
        }
    }

    /// Gives back what was promised for a job that got no receipt. Again is the same; what is charged stays so.
    func release(_ job: JobID, peer: PublicKey, _ side: PaymentChannel.Side, at: Int64) async throws {
        try await writing { writer in
            guard let purse = try Self.promised(job, by: peer, side, writer.db) else { return }
            try Self.release(job, purse, at: at, writer)
        }
    }

    /// Gives back all that was promised too long ago for a receipt to come.
    func releaseStale(_ rail: String, at: Int64) async throws {
        let stale = try await reading { db in try Self.stale(rail, at: at, db) }
        for (job, purse) in stale {
            try await writing { writer in try Self.release(job, purse, at: at, writer) }
        }
    }

    static func release(_ job: JobID, _ purse: Purse, at: Int64, _ writer: LedgerWriter) throws {
        guard let pledge = try pledge(job, purse.id, writer.db), !pledge.isOver,
            try !isDue(job, purse.id, writer.db)
        else { return }
        try end(job, purse, at: at, writer)
    }

    /// The end of a promise out of which nothing is charged.
    static func end(_ job: JobID, _ purse: Purse, at: Int64, _ writer: LedgerWriter) throws {
        for (id, deed) in releaseDeeds(purse, job) { _ = try perform(deed, id: id, at: at, writer) }
        try close(job, purse.id, 0, at: at, writer)
    }

    /// What is booked when a promise ends without a receipt. A provider sets aside only what it holds: of a channel it holds
    /// nothing yet.
    static func releaseDeeds(_ purse: Purse, _ job: JobID) -> [(String, Deed)] {
        guard purse.side == .payer || purse.isCredit else { return [] }
        let id =
            purse.side == .payer ? "back/\(job)/\(purse.peer.hex)" : "undrawn/\(purse.peer.hex)/\(job)"
        return [(id, .void(purse.reservation(job), purse.asset, of: purse.account))]
    }

    /// - Parameter first: how much of it the first voucher covers; all where it is paid in another way.
    static func pledge(
        _ job: JobID, _ channel: Digest, _ amount: Int64, first: Int64? = nil, _ process: Digest?,
        _ quote: KeptQuote?, at: Int64, _ writer: LedgerWriter
    ) throws {
        try writer.insert(
            "pledge",
            [
                "channel": Data(channel.bytes), "job": job.text, "amount": amount, "at": at, "first": first,
                "process": process.map { Data($0.bytes) }, "quote": quote?.event.id,
            ])
    }

    private static func close(
        _ job: JobID, _ channel: Digest, _ amount: Int64, at: Int64, _ writer: LedgerWriter
    ) throws {
        let charged = try charged(channel, writer.db)
        try writer.insert(
            "charge",
            [
                "channel": Data(channel.bytes), "job": job.text, "amount": amount, "total": charged + amount,
                "at": at,
            ])
        try sweepLate(job, channel, at: at, writer)
    }
}

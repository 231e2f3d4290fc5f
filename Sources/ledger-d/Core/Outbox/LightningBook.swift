// What the ledger keeps of Lightning: tries at invoices of others, invoices of its own, and the preimages that prove
// both paid. It must never book without a preimage that was hashed here.

import FoundationEssentials
import GRDB
import NodeModel
import Wire

/// An invoice that this node made.
struct OwnInvoice: Sendable, Equatable {
    enum State: String, Sendable {
        case open, paid, expired
    }
    var hash: Digest
    var backend: String
    var rail: String
    var asset: Asset
    /// Millisatoshis.
    var amount: Int64
    var text: String
    /// Unix milliseconds.
    var at: Int64
    var state: State
}

extension Ledger {
    /// Sets the money of a try at an invoice aside. While an earlier try may still pay, or has paid, it is that one.
    ///
    /// - Parameter draft: what is to be paid, by the number of the try.
    func ask(
        _ hash: Digest, at: Int64, _ draft: @escaping @Sendable (Int) throws -> PaymentDraft
    ) async throws -> OutgoingPayment {
        try await writing { writer in
            // What is paid for credit, or out of it, is not paid as anything else.
            guard try Self.offer(hash, writer.db) == nil, try Self.creditReturn(hash, writer.db) == nil,
                try Self.purchase(hash, writer.db) == nil
            else {
                throw WireError(
                    .conflict, "This invoice is about credit.", fix: "See 'infernetctl wallet credit'.")
            }
            return try Self.ask(hash, at: at, writer, draft)
        }
    }

    /// The same inside a transaction.
    static func ask(
        _ hash: Digest, at: Int64, _ writer: LedgerWriter, _ draft: (Int) throws -> PaymentDraft
    ) throws -> OutgoingPayment {
        let own = try Row.fetchOne(
            writer.db, sql: "SELECT 1 FROM invoice WHERE hash = ?", arguments: [Data(hash.bytes)])
        guard own == nil else { throw LightningRefusal.ownInvoice.wire }
        var attempt = 1
        while let earlier = try payment(LightningTerms.id(hash, attempt: attempt), writer.db),
            earlier.state == .failed
        { attempt += 1 }
        return try ask(try draft(attempt), at: at, writer)
    }

    /// Writes an invoice down; it may be shown to others when this has returned.
    func keep(_ invoice: OwnInvoice) async throws {
        try await writing { writer in try Self.keep(invoice, writer) }
    }

    static func keep(_ invoice: OwnInvoice, _ writer: LedgerWriter) throws {
        // Whoever knows the preimage of a hash could claim that it was paid.
        for table in ["preimage", "invoice", "purchase"] {
            let known = try Row.fetchOne(
                writer.db, sql: "SELECT 1 FROM \(table) WHERE hash = ?",
                arguments: [Data(invoice.hash.bytes)])
            guard known == nil else {
                throw WireError(.verificationFailed, "The backend gave an invoice that is not a new one.")
            }
        }
        try writer.insert(
            "invoice",
            [
                "hash": Data(invoice.hash.bytes), "backend": invoice.backend, "rail": invoice.rail,
                "asset": invoice.asset.rawValue, "amount": invoice.amount, "text": invoice.text,
                "at": invoice.at,
            ])
    }

    /// Books a paid invoice, once: as this node's own, or as the credit of the client that it was made for.
    func credit(_ invoice: OwnInvoice, preimage: [UInt8], at: Int64) async throws -> Bool {
        try await writing { writer in
            let place = Self.place(invoice)
            let outcome = try Self.perform(
                try Self.income(invoice, writer.db), id: "in/\(place)", at: at, writer)
            if outcome.repeated { return false }
            try Self.keep(preimage, of: invoice.hash, at: at, writer)
            try Self.endReturn(invoice.hash, paid: true, at: at, writer)
            try Self.close(invoice.hash, .paid, at, writer)
            return true
        }
    }

    /// What a paid invoice brings.
    static func income(_ invoice: OwnInvoice, _ db: Database) throws -> Deed {
        .deposit(
            invoice.amount, invoice.asset, from: place(invoice),
            into: try offer(invoice.hash, db)?.purse.account)
    }

    /// Nobody can pay it any more.
    func expire(_ hash: Digest, at: Int64) async throws {
        try await writing { writer in
            try Self.endReturn(hash, paid: false, at: at, writer)
            try Self.close(hash, .expired, at, writer)
        }
    }

    /// Invoices that may still be paid, oldest first.
    func openInvoices(_ backend: String) async throws -> [OwnInvoice] {
        try await invoices(
            """
            WHERE backend = ? AND NOT EXISTS (SELECT 1 FROM invoice_end WHERE invoice_end.hash = invoice.hash)
                AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.hash = invoice.hash)
            ORDER BY invoice.at, invoice.hash
            """, [backend])
    }

    /// The last invoices, newest first.
    func invoices(limit: Int) async throws -> [OwnInvoice] {
        guard (1...200).contains(limit) else {
            throw WireError(.invalidParams, "'limit' must be from 1 to 200, not \(limit).")
        }
        return try await invoices("ORDER BY invoice.at DESC, invoice.hash LIMIT ?", [limit])
    }

    private func invoices(_ rest: String, _ arguments: StatementArguments) async throws -> [OwnInvoice] {
        try await reading { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT invoice.*, invoice_end.state FROM invoice
                    LEFT JOIN invoice_end ON invoice_end.hash = invoice.hash \(rest)
                    """, arguments: arguments
            ).map(Self.invoice)
        }
    }

    static func invoice(_ row: Row) throws -> OwnInvoice {
        guard let hash = Digest(bytes: Array(row["hash"] as Data)) else {
            throw WireError(.corrupt, "An invoice has no hash.")
        }
        let state = (row["state"] as String?).flatMap { OwnInvoice.State(rawValue: $0) }
        return OwnInvoice(
            hash: hash, backend: row["backend"], rail: row["rail"], asset: Asset(rawValue: row["asset"]),
            amount: row["amount"], text: row["text"], at: row["at"], state: state ?? .open)
    }

    /// From where the money of an invoice comes, as the books name it.
    static func place(_ invoice: OwnInvoice) -> String { "\(invoice.rail):\(invoice.hash.hex)" }

    static func close(
        _ hash: Digest, _ state: OwnInvoice.State, _ at: Int64, _ writer: LedgerWriter
    ) throws {
        try writer.insert("invoice_end", ["hash": Data(hash.bytes), "state": state.rawValue, "at": at])
    }

    /// Stores a preimage, which must be one.
    static func keep(_ preimage: [UInt8], of hash: Digest, at: Int64, _ writer: LedgerWriter) throws {
        guard preimage.count == 32, Digest(hashing: preimage) == hash else {
            throw WireError(.verificationFailed, "That is not the preimage of \(hash).")
        }
        try writer.insert(
            "preimage", ["hash": Data(hash.bytes), "preimage": Data(preimage), "at": at])
    }
}

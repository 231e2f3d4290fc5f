// The provider's side of credit whose payment is held: an invoice on the client's hash, what is held, and what became of it.
// It must never book what is held as this node's own, nor charge a job before its payment was taken.

import FoundationEssentials
import GRDB
import NodeModel
import Nostr
import Wire

/// An invoice of this node's on a client's hash.
struct HeldInvoice: Sendable {
    var hash: Digest
    var backend: String
    /// Of this purchase alone.
    var purse: Purse
    var amount: Int64
    /// Unix milliseconds.
    var at: Int64
    var state: HoldMachine.State
    var reason: String
    var since: Int64
    var isRevealed: Bool
    /// Nil while there is none.
    var invoice: String?
}

extension Ledger {
    /// Writes a client's hash down. The backend may be asked for an invoice when this has returned.
    ///
    /// - Parameter most: that this node holds of one client's.
    func ask(_ hash: Digest, _ purse: Purse, _ amount: Int64, backend: String, most: Int64, at: Int64)
        async throws
    {
        try await writing { writer in
            try Self.requireNew(hash, writer.db)
            try Self.requireRoom(amount, purse, most: most, writer.db)
            try Self.keep(purse, at: at, writer)
            try writer.insert(
                "hold",
                [
                    "hash": Data(hash.bytes), "backend": backend, "channel": Data(purse.id.bytes),
                    "amount": amount, "at": at,
                ])
            try Self.step(hash, .asked, "the client drew the hash", at, writer)
        }
    }

    /// Writes the invoice down, with this node's word on it. Both may leave when this has returned.
    func open(_ offered: OfferedCredit, invoice: OwnInvoice, at: Int64) async throws {
        try await writing { writer in
            guard let hold = try Self.hold(invoice.hash, writer.db), hold.purse == offered.purse,
                hold.amount == invoice.amount, offered.offer.hash == hold.hash, offered.offer.isHeld
            else { throw WireError(.conflict, "The invoice is not one that a client asked for.") }
            try Self.allow(.open, hold)
            try Self.keep(invoice, writer)
            try Self.keep(offered, at: at, writer)
            try Self.step(hold.hash, .open, "the invoice is made", at, writer)
        }
    }

    /// The client's payment waits here: jobs may be promised out of it.
    func hold(_ hash: Digest, at: Int64) async throws {
        try await writing { writer in
            let hold = try Self.requireHold(hash, writer.db)
            if hold.state == .held { return }
            try Self.allow(.held, hold)
            try Self.receive(hold, at: at, writer)
            try Self.step(hash, .held, "the client's payment waits", at, writer)
        }
    }

    private static func receive(_ hold: HeldInvoice, at: Int64, _ writer: LedgerWriter) throws {
        guard let text = hold.invoice else { return }
        let own = OwnInvoice(
            hash: hold.hash, backend: hold.backend, rail: hold.purse.rail, asset: hold.purse.asset,
            amount: hold.amount, text: text, at: hold.at, state: .open)
        _ = try perform(try income(own, writer.db), id: "in/\(place(own))", at: at, writer)
    }

    /// Takes a preimage in that the client revealed.
    ///
    /// - Returns: how it stands.
    func reveal(
        _ hash: Digest, _ preimage: [UInt8], by client: PublicKey, _ event: SignedEvent, at: Int64
    ) async throws -> HeldInvoice {
        try await writing { writer in
            guard let hold = try Self.hold(hash, writer.db), hold.purse.peer == client else {
                throw WireError(.notFound, "This node has no invoice of yours on this hash.")
            }
            if hold.isRevealed || hold.state != .held { return hold }
            try writer.store(event)
            try writer.insert(
                "reveal",
                [
                    "hash": Data(hash.bytes), "preimage": Data(preimage), "job": nil, "event": event.id,
                    "at": at,
                ])
            return try Self.requireHold(hash, writer.db)
        }
    }

    /// It is to be given back: nothing that is revealed after this counts.
    func cancel(_ hash: Digest, _ reason: String, at: Int64) async throws {
        try await writing { writer in
            let hold = try Self.requireHold(hash, writer.db)
            if hold.state == .cancelling { return }
            guard !hold.isRevealed else {
                throw WireError(.conflict, "What was revealed is not given back.")
            }
            try Self.allow(.cancelling, hold)
            try Self.step(hash, .cancelling, reason, at, writer)
        }
    }

    /// It was taken: what jobs cost is this node's own, the rest the client's credit.
    func settle(_ hash: Digest, shown: [UInt8]?, at: Int64) async throws {
        try await writing { writer in
            let hold = try Self.requireHold(hash, writer.db)
            if hold.state == .settled { return }
            try Self.allow(.settled, hold)
            let revealed = try Data.fetchOne(
                writer.db, sql: "SELECT preimage FROM reveal WHERE hash = ?", arguments: [Data(hash.bytes)])
            guard let preimage = shown ?? revealed.map({ Array($0) }) else {
                throw WireError(.verificationFailed, "Nothing proves that it was taken.")
            }
            // A restored backup may not know that it was held.
            try Self.receive(hold, at: at, writer)
            try Self.keep(preimage, of: hash, at: at, writer)
            try Self.close(hash, .paid, at, writer)
            try Self.step(hash, .settled, "taken, with the preimage", at, writer)
            try Self.chargeDue(hold, at: at, writer)
            try Self.sweep(hold.purse, hash, "end", at: at, writer)
        }
    }

    /// It was not taken, and cannot be any more.
    func end(_ hash: Digest, _ state: HoldMachine.State, _ reason: String, at: Int64) async throws {
        try await writing { writer in
            let hold = try Self.requireHold(hash, writer.db)
            if hold.state == state { return }
            guard state.isOver, state != .settled else {
                throw WireError(.internalError, "'\(state)' is no such end.")
            }
            try Self.allow(state, hold)
            try Self.giveUp(hold.purse, hash, "unheld", at: at, writer)
            if hold.invoice != nil { try Self.close(hash, .expired, at, writer) }
            try Self.step(hash, state, reason, at, writer)
        }
    }

    /// What a job under a hold costs: not charged before the payment was taken.
    ///
    /// - Returns: whether it is one.
    static func postpone(
        _ purse: Purse, _ operation: Operation, _ price: Int64, at: Int64, _ writer: LedgerWriter
    ) throws -> Bool {
        guard purse.side == .payee, let hash = try heldHash(purse.id, writer.db),
            let hold = try hold(hash, writer.db), hold.state != .settled
        else { return false }
        guard !hold.state.isOver else {
            throw WireError(.policyRefused, "The payment that \(operation.job) was promised from has ended.")
        }
        try writer.insert(
            "due",
            [
                "channel": Data(purse.id.bytes), "job": operation.job.text, "amount": price,
                "client": operation.client.hex, "at": at,
            ])
        return true
    }

    private static func chargeDue(_ hold: HeldInvoice, at: Int64, _ writer: LedgerWriter) throws {
        let rows = try Row.fetchAll(
            writer.db, sql: "SELECT job, amount, client FROM due WHERE channel = ? ORDER BY at, job",
            arguments: [Data(hold.purse.id.bytes)])
        for row in rows {
            guard let job = JobID(row["job"]), let client = PublicKey(hex: row["client"]) else { continue }
            let operation = Operation(
                kind: .issue, job: job, client: client, provider: writer.key.publicKey)
            try charge(hold.purse, operation, price: row["amount"], at: at, writer)
        }
    }

    /// Whether a receipt of this job is signed, and waits for its payment.
    static func isDue(_ job: JobID, _ channel: Digest, _ db: Database) throws -> Bool {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM due WHERE channel = ? AND job = ?"),
            arguments: [Data(channel.bytes), job.text]) != nil
    }

    private static func allow(_ next: HoldMachine.State, _ hold: HeldInvoice) throws {
        guard hold.state.mayBecome(next) else {
            throw WireError(
                .conflict, "What is \(hold.state.rawValue) cannot become \(next.rawValue).")
        }
    }

    private static func step(
        _ hash: Digest, _ state: HoldMachine.State, _ reason: String, _ at: Int64, _ writer: LedgerWriter
    ) throws {
        let last = try Int.fetchOne(
            writer.db, sql: "SELECT max(number) FROM hold_step WHERE hash = ?",
            arguments: [Data(hash.bytes)])
        try writer.insert(
            "hold_step",
            [
                "hash": Data(hash.bytes), "number": (last ?? 0) + 1, "state": state.rawValue,
                "reason": reason, "at": at,
            ])
    }
}

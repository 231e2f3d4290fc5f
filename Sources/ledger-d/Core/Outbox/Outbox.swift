// The outbox: what leaves the node is stored with its reservation before it leaves, and followed to its end.
// It must never give money back or pay it out but together with the step that says why.

import FoundationEssentials
import GRDB
import Lightning
import NodeModel
import Wire

extension Ledger {
    /// What a payment asks for.
    struct PaymentDraft: Sendable {
        var id: String
        var rail: String
        var asset: Asset
        var amount: Int64
        var payee: String
        var terms: [UInt8]
        var perPayment: Int64
        var perDay: Int64
        /// Of one day, for one party.
        var perPeer = Int64.max
        /// Where the ceilings stand.
        var ceilings = "of the token under ledger.chains"
        /// Whose money it is, where it is not the wallet's.
        var account: String?

        var party: String { "\(rail):\(payee)" }
    }

    /// Sets the money of a payment aside, once for each id.
    ///
    /// - Parameter at: Unix milliseconds.
    /// - Throws: what `perform` throws, and `.policyRefused` beyond a ceiling.
    func ask(_ draft: PaymentDraft, at: Int64) async throws -> OutgoingPayment {
        try await writing { writer in try Self.ask(draft, at: at, writer) }
    }

    /// The same inside a transaction.
    static func ask(_ draft: PaymentDraft, at: Int64, _ writer: LedgerWriter) throws -> OutgoingPayment {
        let deed = Deed.reserve(draft.amount, draft.asset, for: draft.party, of: draft.account)
        let reservation = OutgoingPayment.reservation(draft.id)
        // What comes home passes no ceiling.
        if draft.account == nil, try payment(draft.id, writer.db) == nil {
            try checkCeilings(draft, at, writer.db)
        }
        // The same id for another payee or amount is a conflict of the deed.
        if !(try perform(deed, id: reservation, at: at, writer)).repeated {
            try writer.insert(
                "payment",
                [
                    "id": draft.id, "reservation": Deed.operation(reservation), "rail": draft.rail,
                    "asset": draft.asset.rawValue, "amount": draft.amount, "party": draft.party, "at": at,
                    "day": at / 86_400_000, "terms": Data(draft.terms),
                ])
            try step(draft.id, .asked, "the money is set aside", at, writer)
        }
        return try requirePayment(draft.id, writer.db)
    }

    /// Stores signed bytes; they may leave when this has returned.
    func sign(_ letter: Letter, for id: String, reason: String) async throws {
        try await writing { writer in
            try Self.allow(.signed, id, writer.db)
            try writer.insert(
                "letter",
                [
                    "payment": id, "number": letter.number, "at": letter.at, "lane": letter.lane,
                    "place": Int64(clamping: letter.place), "hash": Data(letter.hash),
                    "raw": Data(letter.raw),
                ])
            try Self.step(id, .signed, reason, letter.at, writer, letter: letter.number)
        }
    }

    /// Writes down a state that moves no money.
    func move(_ id: String, to state: PaymentState, _ reason: String, at: Int64, letter: Int? = nil)
        async throws
    {
        try await writing { writer in
            try Self.move(id, to: state, reason, at: at, writer, letter: letter)
        }
    }

    /// The same inside a transaction.
    static func move(
        _ id: String, to state: PaymentState, _ reason: String, at: Int64, _ writer: LedgerWriter,
        letter: Int? = nil
    ) throws {
        guard !state.isOver else {
            throw WireError(.internalError, "'\(id)' cannot end without its money.")
        }
        try allow(state, id, writer.db)
        try step(id, state, reason, at, writer, letter: letter)
    }

    /// The end: the money is paid out, or comes back.
    ///
    /// - Parameters:
    ///   - spent: how much of what was set aside is paid; all of it when nil.
    ///   - proof: the preimage that proves a Lightning payment, by its hash.
    func end(
        _ id: String, _ state: PaymentState, _ reason: String, at: Int64, spent: Int64? = nil,
        proof: (hash: Digest, preimage: [UInt8])? = nil
    ) async throws {
        try await writing { writer in
            try Self.end(id, state, reason, at: at, writer, spent: spent, proof: proof)
        }
    }

    /// The same inside a transaction.
    static func end(
        _ id: String, _ state: PaymentState, _ reason: String, at: Int64, _ writer: LedgerWriter,
        spent: Int64? = nil, proof: (hash: Digest, preimage: [UInt8])? = nil
    ) throws {
        guard state.isOver else { throw WireError(.internalError, "'\(state)' is no end.") }
        let payment = try requirePayment(id, writer.db)
        // An end that was written before a crash and is told again is the same end.
        if payment.state == state { return }
        try allow(state, id, writer.db)
        let reservation = OutgoingPayment.reservation(id)
        let held = try reserved(reservation, writer.db)
        let deed =
            state == .settled
            ? Deed.post(
                reservation, spent ?? payment.amount, payment.asset, to: held.party, of: held.account)
            : Deed.void(reservation, payment.asset, of: held.account)
        _ = try perform(deed, id: "\(state.rawValue)/\(id)", at: at, writer)
        if let proof {
            try keep(proof.preimage, of: proof.hash, at: at, writer)
            try receiveCredit(proof.hash, at: at, writer)
        }
        if state == .failed, payment.isLightning {
            try returnPurchase(try LightningTerms(payment.terms).decoded().paymentHash, at: at, writer)
        }
        try step(id, state, reason, at, writer)
    }

    /// Books what came in, and how far was looked, in one transaction.
    ///
    /// - Parameters:
    ///   - through: the last block that was searched; nil when it need not be remembered yet.
    ///   - lost: what is in the books and not in the account, and written off with it.
    func credit(
        _ deposits: [(id: String, amount: Int64, party: String)], _ asset: Asset, through: Int64?,
        lost: Int64 = 0, at: Int64
    ) async throws -> Int {
        try await writing { writer in
            var booked = 0
            for deposit in deposits {
                let outcome = try Self.perform(
                    .deposit(deposit.amount, asset, from: deposit.party), id: deposit.id, at: at, writer)
                booked += outcome.repeated ? 0 : 1
            }
            if lost > 0 {
                let number = try Int64.fetchOne(writer.db, sql: "SELECT max(sequence) FROM link") ?? 0
                let place = "\(asset.rawValue):difference:\(number)"
                _ = try Self.perform(
                    .withdraw(lost, asset, to: place), id: "difference/\(number)", at: at, writer)
            }
            if let through {
                let known = try Int.fetchOne(
                    writer.db, sql: "SELECT 1 FROM searched WHERE asset = ? AND block = ?",
                    arguments: [asset.rawValue, through])
                if known == nil {
                    try writer.insert("searched", ["asset": asset.rawValue, "block": through, "at": at])
                }
            }
            return booked
        }
    }

    /// The last block, not above another, in which deposits of an asset were looked for.
    func searched(_ asset: Asset, upTo final: Int64) async throws -> Int64? {
        try await reading { db in
            try Int64.fetchOne(
                db, sql: "SELECT max(block) FROM searched WHERE asset = ? AND block <= ?",
                arguments: [asset.rawValue, final])
        }
    }

    private static func allow(_ next: PaymentState, _ id: String, _ db: Database) throws {
        let payment = try requirePayment(id, db)
        // What a shop is given has no letter either.
        let signs = try !payment.isLightning && EVMErrands.read(payment.terms).isCarriedHere
        guard payment.state.mayBecome(next, signs: signs) else {
            throw WireError(
                .conflict,
                "The payment '\(id)' is \(payment.state.rawValue) and cannot become \(next.rawValue).")
        }
    }

    private static func checkCeilings(_ draft: PaymentDraft, _ at: Int64, _ db: Database) throws {
        guard draft.amount <= draft.perPayment else {
            throw WireError(
                .policyRefused,
                "\(draft.amount) is more than the ceiling of \(draft.perPayment) for one payment.",
                fix: "Raise max_per_payment \(draft.ceilings) if this is what you want.")
        }
        let today = try left(draft, at, to: nil, db)
        let (sum, overflow) = today.addingReportingOverflow(draft.amount)
        guard !overflow, sum <= draft.perDay else {
            throw WireError(
                .policyRefused,
                "\(draft.amount), with the \(today) of today, is more than the day's ceiling of \(draft.perDay).",
                fix: "Wait until midnight UTC, or raise max_per_day \(draft.ceilings).")
        }
        let (onPeer, overflowToo) = try left(draft, at, to: draft.party, db)
            .addingReportingOverflow(draft.amount)
        guard !overflowToo, onPeer <= draft.perPeer else {
            throw WireError(
                .policyRefused,
                "\(draft.amount), with what this payee gets today, is more than the day's ceiling of "
                    + "\(draft.perPeer) for one payee.",
                fix: "Wait until midnight UTC, or raise max_per_peer \(draft.ceilings).")
        }
    }

    /// What left of an asset on a day, or is to: to one party, or to all.
    private static func left(
        _ draft: PaymentDraft, _ at: Int64, to party: String?, _ db: Database
    ) throws -> Int64 {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT coalesce(sum(amount), 0) FROM payment WHERE asset = ? AND day = ?
                    AND party = coalesce(?, party) AND \(leaving) AND NOT EXISTS (
                        SELECT 1 FROM step WHERE step.payment = payment.id AND step.state = 'failed')
                """, arguments: [draft.asset.rawValue, at / 86_400_000, party]) ?? 0
    }

    private static func step(
        _ id: String, _ state: PaymentState, _ reason: String, _ at: Int64, _ writer: LedgerWriter,
        letter: Int? = nil
    ) throws {
        let last = try Int.fetchOne(
            writer.db.cachedStatement(sql: "SELECT max(number) FROM step WHERE payment = ?"), arguments: [id])
        try writer.insert(
            "step",
            [
                "payment": id, "number": (last ?? 0) + 1, "state": state.rawValue, "reason": reason,
                "letter": letter, "at": at,
            ])
    }

    func writing<T: Sendable>(_ body: @escaping @Sendable (LedgerWriter) throws -> T) async throws
        -> T
    {
        do { return try await commits.write(body) } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        }
    }
}

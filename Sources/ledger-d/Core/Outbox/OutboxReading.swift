// What the outbox holds: payments with their letters, read and audited.
// It must never write.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import Wire

extension Ledger {
    /// What of an asset can be paid, and what is set aside for payments.
    func holdings(_ asset: Asset) async throws -> (available: Int64, held: Int64) {
        try await reading { db in
            let held = try Int64.fetchOne(
                db,
                sql: """
                    SELECT coalesce(sum(amount), 0) FROM under_way JOIN payment ON payment.id = under_way.payment
                    WHERE asset = ? AND \(Self.leaving)
                    """, arguments: [asset.rawValue])
            return (try Self.balance(Operation.wallet, asset, db), held ?? 0)
        }
    }

    /// Of the payments, those whose money leaves: a claim, a sale, and what is taken or given back, bring it home; and what
    /// clients get back of their credit is theirs.
    static let leaving = """
        payment.party NOT GLOB '*:claim:*' AND payment.party NOT GLOB '*:leaving:*'
        AND payment.party NOT GLOB '*:withdraw:*' AND payment.party NOT GLOB '*:sale:*'
        AND payment.party NOT GLOB '*:refund:*' AND payment.party NOT GLOB '*:back:*'
        AND payment.party NOT GLOB '*:back'
        """

    /// The deed that set a payment's money aside.
    static func reserved(_ id: String, _ db: Database) throws -> Deed {
        let payload = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT payload FROM operation WHERE id = ? AND kind = 'reserve'"),
            arguments: [Deed.operation(id)])
        guard let payload else { throw WireError(.notFound, "There is no reservation '\(id)'.") }
        return try CanonicalJSON.decode(Deed.self, from: payload)
    }

    /// Payments of a rail that are under way, oldest first.
    func openPayments(_ rail: String) async throws -> [OutgoingPayment] {
        try await reading { db in
            try String.fetchAll(
                db,
                sql: """
                    SELECT id FROM under_way JOIN payment ON payment.id = under_way.payment
                    WHERE rail = ? ORDER BY at, id
                    """, arguments: [rail]
            ).map { try Self.requirePayment($0, db) }
        }
    }

    /// Whether a payment to somebody is under way.
    static func isUnderWay(_ party: String, _ db: Database) throws -> Bool {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT 1 FROM payment JOIN under_way ON under_way.payment = payment.id WHERE party = ?
                    """), arguments: [party]) != nil
    }

    /// Whether these bytes were signed before.
    func knows(letter hash: [UInt8]) async throws -> Bool {
        try await reading { db in
            try Row.fetchOne(
                db.cachedStatement(sql: "SELECT 1 FROM letter WHERE hash = ?"), arguments: [Data(hash)])
                != nil
        }
    }

    /// One payment.
    func payment(_ id: String) async throws -> OutgoingPayment {
        try await reading { db in try Self.requirePayment(id, db) }
    }

    /// The last payments, newest first.
    func payments(limit: Int) async throws -> [OutgoingPayment] {
        guard (1...200).contains(limit) else {
            throw WireError(.invalidParams, "'limit' must be from 1 to 200, not \(limit).")
        }
        return try await reading { db in
            try String.fetchAll(
                db, sql: "SELECT id FROM payment ORDER BY at DESC, id DESC LIMIT ?", arguments: [limit]
            ).map { try Self.requirePayment($0, db) }
        }
    }

    /// What the wallet would hold of an asset with these deposits; those that are booked already add nothing.
    func unbooked(
        _ deposits: [(id: String, amount: Int64, party: String)], _ asset: Asset
    ) async throws -> Int64 {
        try await reading { db in
            var sum = try Self.balance(Operation.wallet, asset, db)
            for deposit in deposits {
                let booked = try Row.fetchOne(
                    db.cachedStatement(sql: "SELECT 1 FROM operation WHERE id = ?"),
                    arguments: [Deed.operation(deposit.id)])
                if booked == nil {
                    let (next, over) = sum.addingReportingOverflow(deposit.amount)
                    sum = over ? .max : next
                }
            }
            return sum
        }
    }

    static func requirePayment(_ id: String, _ db: Database) throws -> OutgoingPayment {
        guard let payment = try payment(id, db) else {
            throw WireError(.notFound, "There is no payment '\(id)'.")
        }
        return payment
    }

    static func payment(_ id: String, _ db: Database) throws -> OutgoingPayment? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT payment.*, step.state, step.reason, step.at AS since FROM payment
                        JOIN step ON step.payment = payment.id WHERE id = ? ORDER BY step.number DESC LIMIT 1
                        """), arguments: [id])
        else { return nil }
        guard let state = PaymentState(rawValue: row["state"]) else {
            throw WireError(.corrupt, "The payment '\(id)' is in an unknown state.")
        }
        let letters = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT letter.*, EXISTS (SELECT 1 FROM step WHERE step.payment = letter.payment
                        AND step.letter = letter.number AND step.state = 'handed') AS handed
                    FROM letter WHERE payment = ? ORDER BY number
                    """), arguments: [id]
        ).map { row in
            Letter(
                number: row["number"], at: row["at"], lane: row["lane"],
                place: UInt64(clamping: row["place"] as Int64), hash: Array(row["hash"] as Data),
                raw: Array(row["raw"] as Data), wasHanded: row["handed"])
        }
        return OutgoingPayment(
            id: id, rail: row["rail"], asset: Asset(rawValue: row["asset"]), amount: row["amount"],
            terms: Array(row["terms"] as Data), at: row["at"], state: state, reason: row["reason"],
            since: row["since"], letters: letters)
    }

    /// Every payment must be what its reservation and its terms say, end as its reservation was closed, and every
    /// letter must pay exactly that.
    static func auditOutbox(_ db: Database, _ report: inout AuditReport) throws {
        let strays = try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM payment LEFT JOIN under_way ON under_way.payment = payment.id
                WHERE (under_way.payment IS NULL) <> EXISTS (SELECT 1 FROM step
                    WHERE step.payment = payment.id AND step.state IN ('settled', 'failed'))
                """)
        if strays != 0 { report.fault("\(strays ?? 0) payments are under way and over, or neither") }
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT payment.id, payment.party, reserved.payload AS reserved, closed.kind AS closed FROM payment
                LEFT JOIN operation AS reserved ON reserved.id = payment.reservation
                LEFT JOIN closing ON closing.reservation = payment.reservation
                LEFT JOIN operation AS closed ON closed.id = closing.operation
                """)
        while let row = try rows.next() {
            let id: String = row["id"]
            do {
                let payment = try requirePayment(id, db)
                let deed = try (row["reserved"] as Data?).map {
                    try CanonicalJSON.decode(Deed.self, from: $0)
                }
                let errand = payment.isLightning ? nil : try EVMErrands.read(payment.terms)
                let account =
                    try payment.isLightning
                    ? LightningTerms(payment.terms).account : errand?.account(payment.rail)
                guard
                    deed == .reserve(payment.amount, payment.asset, for: row["party"], of: account)
                else { throw ChainFault(description: "its reservation is for something else") }
                let due: String? =
                    payment.state == .settled ? "post" : payment.state == .failed ? "void" : nil
                guard row["closed"] == due else {
                    throw ChainFault(description: "it is \(payment.state.rawValue), and its money is not")
                }
                if payment.isLightning {
                    try auditLightning(payment, party: row["party"], db)
                } else if let errand {
                    guard errand.amount == payment.amount,
                        "\(payment.rail):\(errand.payee)" == row["party"] as String
                    else { throw ChainFault(description: "its terms are of another payment") }
                    for letter in payment.letters { try errand.check(letter) }
                }
            } catch { report.fault("the payment '\(id)': \(error)") }
        }
    }
}

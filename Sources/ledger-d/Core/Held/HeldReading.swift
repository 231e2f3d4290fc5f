// What the books hold of credit whose payment is held, read.
// It must never write.

import FoundationEssentials
import GRDB
import Interfaces
import NodeModel
import Wire

extension Ledger {
    /// All purses with the same node in the same asset: the common one, and those of single purchases.
    static func purses(with purse: Purse, _ db: Database) throws -> [Purse] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT * FROM channel WHERE peer = ? AND asset = ? AND side = ? AND length(config) = 0
                    ORDER BY at, id
                    """), arguments: [purse.peer.hex, purse.asset.rawValue, purse.side.rawValue]
        ).map { try Purse($0) }
    }

    /// The hash of the purchase that a purse is of; nil for the common one.
    static func heldHash(_ channel: Digest, _ db: Database) throws -> Digest? {
        try Data.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT hash FROM purchase WHERE channel = ? UNION ALL SELECT hash FROM hold WHERE channel = ?
                    """), arguments: [Data(channel.bytes), Data(channel.bytes)]
        ).flatMap { Digest(bytes: Array($0)) }
    }

    static func purchase(_ hash: Digest, _ db: Database) throws -> HeldPurchase? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT channel.*, purchase.hash, purchase.preimage, purchase.amount, event.json,
                        purchase.at AS drawn FROM purchase
                    JOIN channel ON channel.id = purchase.channel JOIN event ON event.id = purchase.event
                    WHERE hash = ?
                    """), arguments: [Data(hash.bytes)]
        ).map { row in
            HeldPurchase(
                hash: hash, preimage: Array(row["preimage"] as Data), purse: try Purse(row),
                amount: row["amount"],
                event: try CanonicalJSON.decode(SignedEvent.self, from: row["json"] as Data),
                at: row["drawn"])
        }
    }

    static func purchase(of purse: Purse, _ db: Database) throws -> HeldPurchase? {
        guard purse.side == .payer else { return nil }
        return try heldHash(purse.id, db).flatMap { try purchase($0, db) }
    }

    static func isRevealed(_ hash: Digest, _ db: Database) throws -> Bool {
        try Row.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM reveal WHERE hash = ?"), arguments: [Data(hash.bytes)])
            != nil
    }

    /// The preimage that a client revealed.
    func revealed(_ hash: Digest) async throws -> [UInt8]? {
        try await reading { db in
            try Data.fetchOne(
                db, sql: "SELECT preimage FROM reveal WHERE hash = ?", arguments: [Data(hash.bytes)]
            ).map { Array($0) }
        }
    }

    /// How much longer than its invoice a payment may be under way, in seconds: as long as its payee may hold it.
    func patience(_ hash: Digest) async throws -> Int64 {
        try await reading { db in
            guard try Self.purchase(hash, db) != nil else { return 0 }
            return try Self.isRevealed(hash, db) ? HoldMachine.dead : HoldMachine.longest
        }
    }

    static func requireHold(_ hash: Digest, _ db: Database) throws -> HeldInvoice {
        guard let found = try hold(hash, db) else {
            throw WireError(.notFound, "There is no invoice of this node's on the hash \(hash.hex).")
        }
        return found
    }

    func hold(_ hash: Digest) async throws -> HeldInvoice? {
        try await reading { db in try Self.hold(hash, db) }
    }

    static func hold(_ hash: Digest, _ db: Database) throws -> HeldInvoice? {
        try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT channel.*, hold.hash, hold.backend, hold.amount, hold.at AS asked, hold_step.state,
                        hold_step.reason, hold_step.at AS since, invoice.text,
                        EXISTS (SELECT 1 FROM reveal WHERE reveal.hash = hold.hash) AS revealed
                    FROM hold JOIN channel ON channel.id = hold.channel
                    JOIN hold_step ON hold_step.hash = hold.hash
                    LEFT JOIN invoice ON invoice.hash = hold.hash
                    WHERE hold.hash = ? ORDER BY hold_step.number DESC LIMIT 1
                    """), arguments: [Data(hash.bytes)]
        ).map { row in
            guard let state = HoldMachine.State(rawValue: row["state"]) else {
                throw WireError(.corrupt, "The invoice on \(hash.hex) is in an unknown state.")
            }
            return HeldInvoice(
                hash: hash, backend: row["backend"], purse: try Purse(row), amount: row["amount"],
                at: row["asked"], state: state, reason: row["reason"], since: row["since"],
                isRevealed: row["revealed"], invoice: row["text"])
        }
    }

    /// Invoices on clients' hashes that are not over, oldest first.
    func openHolds(_ backend: String) async throws -> [HeldInvoice] {
        try await reading { db in
            try Data.fetchAll(
                db,
                sql: "SELECT hash FROM hold WHERE backend = ? AND \(Self.holdIsOpen) ORDER BY at, hash",
                arguments: [backend]
            ).compactMap { Digest(bytes: Array($0)) }.map { try Self.requireHold($0, db) }
        }
    }

    static let holdIsOpen = """
        NOT EXISTS (SELECT 1 FROM hold_step WHERE hold_step.hash = hold.hash
            AND state IN ('settled', 'cancelled', 'expired'))
        """

    /// How many of one client's invoices on hashes are not over, and what those may bring that are not paid.
    static func holds(_ purse: Purse, _ db: Database) throws -> (count: Int, coming: Int64) {
        let all = try purses(with: purse, db).compactMap { try heldHash($0.id, db) }
            .compactMap { try hold($0, db) }.filter { !$0.state.isOver }
        let unpaid = all.filter { $0.state == .asked || $0.state == .open }
        return (all.count, unpaid.reduce(0) { $0 + $1.amount })
    }

    /// This node's word on an invoice on a hash.
    func word(_ hash: Digest) async throws -> SignedEvent? {
        try await reading { db in try Self.offer(hash, db)?.event }
    }

    /// Purchases that are not over, or ended within a day; newest first.
    func heldCredits(at now: Int64) async throws -> [LedgerInterface.HeldCredit] {
        try await reading { db in
            let hashes = try Data.fetchAll(
                db,
                sql: """
                    SELECT hash FROM (SELECT hash, at FROM purchase UNION ALL SELECT hash, at FROM hold)
                    ORDER BY at DESC, hash LIMIT 200
                    """
            ).compactMap { Digest(bytes: Array($0)) }
            return try hashes.compactMap { hash in
                let shown =
                    if let purchase = try Self.purchase(hash, db) {
                        try Self.shown(purchase, now, db)
                    } else { try Self.shown(try Self.requireHold(hash, db), db) }
                let isOver = shown.awaiting == nil && shown.balance == 0
                return isOver && now - shown.at > 86_400_000 ? nil : shown
            }
        }
    }

    private static func shown(
        _ purchase: HeldPurchase, _ now: Int64, _ db: Database
    ) throws -> LedgerInterface.HeldCredit {
        let payment = try lastTry(purchase.hash, db)
        let isRevealed = try isRevealed(purchase.hash, db)
        let isBusy = try held(purchase.purse, db) > 0
        let (state, awaiting): (String, String?) =
            switch payment?.state {
            case nil where now - purchase.at > 3_600_000: ("back", nil)
            case nil: ("drawn", "the provider's invoice on it")
            case .settled: ("settled", nil)
            case .failed: ("back", nil)
            case _ where isRevealed: ("revealed", "the provider to take what is held")
            case .answered:
                (
                    "held",
                    isBusy
                        ? "the answer to the job that is under way"
                        : "a job with this provider, whose answer is accepted"
                )
            default: ("paying", "the account, to say that the payment is under way")
            }
        return LedgerInterface.HeldCredit(
            hash: purchase.hash, isPayee: false, peer: purchase.purse.peer, asset: purchase.purse.asset,
            amount: purchase.amount,
            balance: try balance(purchase.purse.account, purchase.purse.asset, db), state: state,
            reason: payment?.reason ?? (state == "back" ? "nothing was paid for it" : "the hash is drawn"),
            awaiting: awaiting, at: payment?.since ?? purchase.at)
    }

    private static func shown(_ hold: HeldInvoice, _ db: Database) throws -> LedgerInterface.HeldCredit {
        let isRevealed = hold.isRevealed && !hold.state.isOver
        let awaiting: String? =
            switch hold.state {
            case .asked: "the backend to make the invoice"
            case .open: "the client's payment"
            case .held where isRevealed: "the backend to take it"
            case .held: "the client to accept an answer, and to reveal the preimage"
            case .cancelling: "the backend to give it back"
            case .settled, .cancelled, .expired: nil
            }
        return LedgerInterface.HeldCredit(
            hash: hold.hash, isPayee: true, peer: hold.purse.peer, asset: hold.purse.asset,
            amount: hold.amount, balance: try balance(hold.purse.account, hold.purse.asset, db),
            state: isRevealed ? "revealed" : hold.state.rawValue, reason: hold.reason, awaiting: awaiting,
            at: hold.since)
    }
}

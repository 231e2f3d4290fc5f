// The part of the audit that proves purchases whose payment is held: hashes, who asked, and that what is in their purses is what
// became of the payment. It must never take a state on its word: the books must say the same.

import FoundationEssentials
import GRDB
import NodeModel

extension Ledger {
    static func auditHeld(_ owners: [PublicKey], _ db: Database, _ report: inout AuditReport) throws {
        for hash in try hashes("purchase", db) {
            do { try auditPurchase(hash, owners, db) } catch {
                report.fault("the purchase \(hash.hex): \(error)")
            }
        }
        for hash in try hashes("hold", db) {
            do { try auditHold(hash, owners, db) } catch {
                report.fault("the held invoice \(hash.hex): \(error)")
            }
        }
        for hash in try hashes("reveal", db) {
            let kept = try Data.fetchOne(
                db, sql: "SELECT preimage FROM reveal WHERE hash = ?", arguments: [Data(hash.bytes)])
            if kept.map({ Digest(hashing: Array($0)) }) != hash {
                report.fault("what was revealed for \(hash.hex) is not its preimage")
            }
        }
    }

    private static func auditPurchase(_ hash: Digest, _ owners: [PublicKey], _ db: Database) throws {
        guard let purchase = try purchase(hash, db), Digest(hashing: purchase.preimage) == hash,
            let asked = CreditRequest(purchase.event), asked.wish == .hold(purchase.amount, hash),
            asked.asset == purchase.purse.asset,
            isBetween(
                purchase.purse, owners, client: asked.client, provider: asked.provider, held: hash)
        else { throw ChainFault(description: "it is not what its node drew and signed") }
        try auditPurse(
            purchase.purse, hash, isPaid: lastTry(hash, db).map { $0.state != .failed } ?? false, db)
    }

    private static func auditHold(_ hash: Digest, _ owners: [PublicKey], _ db: Database) throws {
        let hold = try requireHold(hash, db)
        guard
            owners.contains(where: {
                Purse.held(.payee, own: $0, peer: hold.purse.peer, asset: hold.purse.asset, hash: hash)
                    == hold.purse
            })
        else { throw ChainFault(description: "it is not between the nodes it names") }
        try auditPurse(
            hold.purse, hash, isPaid: hold.state != .cancelled && hold.state != .expired, db)
        let open = try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM due WHERE channel = ? AND NOT EXISTS (SELECT 1 FROM charge
                    WHERE charge.channel = due.channel AND charge.job = due.job)
                """, arguments: [Data(hold.purse.id.bytes)])
        guard !hold.state.isOver || open == 0 else {
            throw ChainFault(description: "it is over, and a job under it is not charged")
        }
    }

    /// What came to nothing holds nothing; what is swept is in the common purse.
    private static func auditPurse(_ purse: Purse, _ hash: Digest, isPaid: Bool, _ db: Database) throws {
        guard try isPaid || (balance(purse.account, purse.asset, db) == 0 && held(purse, db) == 0) else {
            throw ChainFault(description: "it came to nothing, and something is left of it")
        }
        let rest = try Row.fetchOne(
            db,
            sql: """
                SELECT coalesce(sum(CASE WHEN id GLOB 'deed/rest/*' THEN 1 ELSE -1 END), 0) AS count
                FROM operation WHERE id GLOB 'deed/rest/' || ? || '/*' OR id GLOB 'deed/kept/' || ? || '/*'
                """, arguments: [hash.hex, hash.hex])
        guard rest?["count"] == 0 else {
            throw ChainFault(description: "what was left of it is in no purse")
        }
    }
}

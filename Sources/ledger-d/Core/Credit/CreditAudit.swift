// The part of the audit that proves credit: who signed what, and that what was bought, drawn and paid back is booked so.
// It must never take an amount on its word: it is in an event, whose signature is checked.

import FoundationEssentials
import GRDB
import NodeModel

extension Ledger {
    /// Every credit must be what its id says, every offer, note and request signed by whom it says, and booked as it says.
    static func auditCredits(_ db: Database, _ report: inout AuditReport) throws {
        let owners = try owners(db).compactMap { PublicKey(hex: $0) }
        for row in try Row.fetchAll(db, sql: "SELECT * FROM channel WHERE length(config) = 0 ORDER BY id") {
            let purse = try Purse(row)
            do {
                let hash = try heldHash(purse.id, db)
                guard
                    owners.contains(where: {
                        ofBoth(purse.side, own: $0, peer: purse.peer, asset: purse.asset, hash) == purse
                    })
                else { throw ChainFault(description: "it is not between the nodes it names") }
                _ = try auditCharges(purse, db)
                try auditNotes(purse, owners, db)
            } catch { report.fault("the credit \(purse.id.hex): \(error)") }
        }
        try auditHeld(owners, db, &report)
        for hash in try hashes("credit_offer", db) {
            do { try auditOffer(hash, owners, db) } catch { report.fault("the offer \(hash.hex): \(error)") }
        }
        for hash in try hashes("credit_return", db) {
            do { try auditReturn(hash, owners, db) } catch {
                report.fault("the return \(hash.hex): \(error)")
            }
        }
    }

    static func hashes(_ table: String, _ db: Database) throws -> [Digest] {
        try Data.fetchAll(db, sql: "SELECT hash FROM \(table) ORDER BY hash").compactMap {
            Digest(bytes: Array($0))
        }
    }

    private static func auditNotes(_ purse: Purse, _ owners: [PublicKey], _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT pledge.job, pledge.amount, event.json FROM pledge
                LEFT JOIN note ON note.channel = pledge.channel AND note.job = pledge.job
                LEFT JOIN event ON event.id = note.event WHERE pledge.channel = ?
                """, arguments: [Data(purse.id.bytes)])
        while let row = try rows.next() {
            let event = try (row["json"] as Data?).map {
                try CanonicalJSON.decode(SignedEvent.self, from: $0)
            }
            guard let note = event.flatMap({ CreditNote($0) }), note.job.text == row["job"],
                note.ceiling >= row["amount"] as Int64, note.asset == purse.asset,
                note.held == (try heldHash(purse.id, db)),
                isBetween(purse, owners, client: note.client, provider: note.provider, held: note.held)
            else { throw ChainFault(description: "no note of its client's covers \(row["job"] as String)") }
        }
    }

    private static func auditOffer(_ hash: Digest, _ owners: [PublicKey], _ db: Database) throws {
        guard let stored = try offer(hash, db), let signed = CreditOffer(stored.event), signed.hash == hash,
            signed.amount == stored.amount, signed.asset == stored.purse.asset,
            isBetween(
                stored.purse, owners, client: signed.client, provider: signed.provider,
                held: signed.isHeld ? hash : nil)
        else { throw ChainFault(description: "its provider did not sign it") }
        // A provider's is booked with its invoice; what this node bought, when its payment has settled.
        guard stored.purse.side == .payer else { return }
        let (id, deed) = stored.deed(hash)
        // What is held is in its purse from the first: drawn on before it is paid, and taken out when it is not.
        let isPaid = try signed.isHeld || lastTry(hash, db)?.state == .settled
        guard try booked(id, db) == (isPaid ? deed : nil) else {
            throw ChainFault(description: "what is booked is not what it says")
        }
    }

    private static func auditReturn(_ hash: Digest, _ owners: [PublicKey], _ db: Database) throws {
        guard let stored = try creditReturn(hash, db), let signed = CreditRequest(stored.event),
            case .back(stored.amount, fee: stored.fee, invoice: _) = signed.wish,
            signed.asset == stored.purse.asset,
            isBetween(stored.purse, owners, client: signed.client, provider: signed.provider)
        else { throw ChainFault(description: "its client did not sign it") }
        guard stored.purse.side == .payer else { return }
        let state = try String.fetchOne(
            db, sql: "SELECT state FROM invoice_end WHERE hash = ?", arguments: [Data(hash.bytes)])
        for paid in [true, false] {
            let (id, deed) = stored.end(paid: paid)
            let isDue = state == (paid ? OwnInvoice.State.paid : .expired).rawValue
            guard try booked(id, db) == (isDue ? deed : nil) else {
                throw ChainFault(description: "what is booked is not what became of its invoice")
            }
        }
    }

    private static func ofBoth(
        _ side: PaymentChannel.Side, own: PublicKey, peer: PublicKey, asset: Asset, _ held: Digest?
    ) -> Purse {
        held.map { .held(side, own: own, peer: peer, asset: asset, hash: $0) }
            ?? .credit(side, own: own, peer: peer, asset: asset)
    }

    static func isBetween(
        _ purse: Purse, _ owners: [PublicKey], client: PublicKey, provider: PublicKey, held: Digest? = nil
    ) -> Bool {
        let (own, peer) = purse.side == .payer ? (client, provider) : (provider, client)
        return owners.contains(own)
            && ofBoth(purse.side, own: own, peer: peer, asset: purse.asset, held) == purse
    }

    private static func booked(_ id: String, _ db: Database) throws -> Deed? {
        try Data.fetchOne(
            db.cachedStatement(sql: "SELECT payload FROM operation WHERE id = ?"),
            arguments: [Deed.operation(id)]
        ).map { try CanonicalJSON.decode(Deed.self, from: $0) }
    }
}

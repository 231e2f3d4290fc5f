// The part of the audit that proves channels: ids, every voucher's signature, and that what was charged is booked.
// It must never take a ceiling on its word: its signature is checked against the channel's own payer.

import EVM
import FoundationEssentials
import GRDB
import NodeModel
import X402

extension Ledger {
    /// Every channel must be what its id says and between the nodes it names, every voucher signed and above the last,
    /// every charge promised and booked, and nothing charged beyond what is signed.
    static func auditChannels(_ db: Database, _ report: inout AuditReport) throws {
        let owners = try owners(db)
        for row in try Row.fetchAll(db, sql: "SELECT * FROM channel WHERE length(config) > 0 ORDER BY id") {
            do {
                let channel = try channel(row)
                try audit(channel, owners, db)
            } catch { report.fault("the channel \(Hex.encode(row["id"] as Data)): \(error)") }
        }
    }

    private static func audit(_ channel: PaymentChannel, _ owners: [String], _ db: Database) throws {
        guard try channel.config.id(chainID: channel.chainID) == channel.id,
            channel.asset.rawValue == "\(channel.rail)/erc20:\(channel.config.token.lowercase)"
        else { throw ChainFault(description: "it is not what its id says") }
        let isOfBoth = owners.contains { owner in
            guard let owner = PublicKey(hex: owner) else { return false }
            let (client, provider) =
                channel.side == .payer ? (owner, channel.peer) : (channel.peer, owner)
            return PaymentChannel.salt(client: client, provider: provider) == channel.config.salt
        }
        guard isOfBoth else { throw ChainFault(description: "it is not between the nodes it names") }
        let vouchers = try Row.fetchCursor(
            db, sql: "SELECT * FROM voucher WHERE channel = ? ORDER BY ceiling",
            arguments: [Data(channel.id.bytes)])
        var highest: Int64 = 0
        while let row = try vouchers.next() {
            highest = row["ceiling"]
            guard try voucher(row).isSigned(for: channel.config, chainID: channel.chainID) else {
                throw ChainFault(description: "the voucher of \(highest) is not signed by its payer")
            }
        }
        try auditTopUps(channel.id, db)
        let charged = try auditCharges(channel.purse, db)
        guard charged <= highest else {
            throw ChainFault(description: "\(charged) are charged, and \(highest) signed")
        }
    }

    /// Each piece of a job is one that its quote says: more than the first voucher covered, less than or as much as the whole, what so
    /// many tokens cost; and a voucher, whose signature is checked above, reaches so far.
    private static func auditTopUps(_ channel: Digest, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT covered.*, event.json, voucher.ceiling AS signed FROM covered
                LEFT JOIN pledge ON pledge.channel = covered.channel AND pledge.job = covered.job
                LEFT JOIN event ON event.id = pledge.quote
                LEFT JOIN voucher ON voucher.channel = covered.channel AND voucher.ceiling = covered.ceiling
                WHERE covered.channel = ?
                """, arguments: [Data(channel.bytes)])
        while let row = try rows.next() {
            let (job, amount) = (row["job"] as String, row["amount"] as Int64)
            guard let json: Data = row["json"],
                let quote = Quote(unproven: try CanonicalJSON.decode(SignedEvent.self, from: json)),
                amount > quote.first, amount <= quote.ceiling,
                quote.amount(tokens: Int(quote.tokens(for: amount))) == amount
            else { throw ChainFault(description: "what is covered of \(job) is not on its quote") }
            guard let signed: Int64 = row["signed"], amount <= signed else {
                throw ChainFault(description: "no voucher covers \(amount) of \(job)")
            }
        }
    }

    /// Adds the charges up in the order of their totals, and finds each in the books.
    static func auditCharges(_ purse: Purse, _ db: Database) throws -> Int64 {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT charge.*, exposure.covered FROM charge JOIN exposure
                    ON exposure.channel = charge.channel AND exposure.job = charge.job
                WHERE charge.channel = ? ORDER BY charge.total, charge.amount DESC
                """, arguments: [Data(purse.id.bytes)])
        var sum: Int64 = 0
        while let row = try rows.next() {
            let (amount, name) = (row["amount"] as Int64, row["job"] as String)
            sum += amount
            guard sum == row["total"], amount <= row["covered"] as Int64 else {
                throw ChainFault(description: "the charge of \(name) does not add up")
            }
            guard let job = JobID(name) else { throw ChainFault(description: "\(name) is no job") }
            // Of the two keys only the other node's is in what is booked.
            let operation = Operation(
                kind: purse.side == .payer ? .spend : .issue, job: job, client: purse.peer,
                provider: purse.peer)
            let isCharged = try areBooked(chargeDeeds(purse, operation, amount), db)
            guard try isCharged || (amount == 0 && areBooked(releaseDeeds(purse, job), db)) else {
                throw ChainFault(description: "the charge of \(name) is not what is booked")
            }
        }
        return sum
    }

    private static func areBooked(_ deeds: [(String, Deed)], _ db: Database) throws -> Bool {
        try deeds.allSatisfy { id, deed in
            let booked = try Data.fetchOne(
                db.cachedStatement(sql: "SELECT payload FROM operation WHERE id = ?"),
                arguments: [Deed.operation(id)])
            return booked == Data(try deed.canonical())
        }
    }
}

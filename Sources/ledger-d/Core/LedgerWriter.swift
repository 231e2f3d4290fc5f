// The one place where the ledger writes: each statement is a boundary at which a process may die, and has a name.
// It must never be used outside a transaction, nor hold a rule: rules are in the schema and in those who call it.

import FoundationEssentials
import GRDB
import NodeModel
import Nostr

/// A boundary between two effects of the ledger. Tests kill the process at each of them; nobody else listens.
enum LedgerStep: Hashable, Sendable {
    /// Before and after one statement, named by the table it writes.
    case before(String)
    case after(String)
    /// Before COMMIT, and after it, when nobody has been answered yet.
    case committing
    case committed
    /// Before signed bytes are handed to the carrier, and after it has answered.
    case sending
    case sent
}

/// Writes rows inside one transaction.
struct LedgerWriter {
    let db: Database
    /// Signs the heads of days.
    let key: SecretKey
    let reach: (@Sendable (LedgerStep) -> Void)?

    /// Inserts one row.
    func insert(_ table: String, _ columns: KeyValuePairs<String, (any DatabaseValueConvertible)?>) throws {
        reach?(.before(table))
        let names = columns.map(\.key).joined(separator: ", ")
        let places = columns.map { _ in "?" }.joined(separator: ", ")
        try db.cachedStatement(sql: "INSERT INTO \(table) (\(names)) VALUES (\(places))")
            .execute(arguments: StatementArguments(columns.map(\.value)))
        reach?(.after(table))
    }

    /// Stores a signed event, unless it is there already.
    func store(_ event: SignedEvent) throws {
        guard
            try Int.fetchOne(
                db.cachedStatement(sql: "SELECT 1 FROM event WHERE id = ?"), arguments: [event.id]) == nil
        else { return }
        try insert("event", ["id": event.id, "json": Data(try CanonicalJSON.encode(event))])
    }

    /// Appends a transfer with its postings, and closes it with its link.
    ///
    /// - Returns: its place in the chain.
    @discardableResult
    func append(_ draft: TransferDraft) throws -> Int64 {
        let head = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT link.sequence, link.hash, transfer.day FROM link
                    JOIN transfer ON transfer.sequence = link.sequence ORDER BY link.sequence DESC LIMIT 1
                    """))
        try closeDay(head, before: draft.at)
        let previous = head.map { row in Array(row["hash"] as Data) } ?? ChainEntry.genesis
        let sequence = (head.map { row in row["sequence"] as Int64 } ?? 0) + 1
        let entry = ChainEntry(
            sequence: sequence, operation: draft.operation, kind: draft.kind, job: draft.job, at: draft.at,
            asset: draft.asset.rawValue, receipt: draft.receipt, acceptance: draft.acceptance,
            payload: draft.payload.map { Digest(hashing: $0).hex },
            postings: draft.postings.sorted { $0.account < $1.account }, previous: Hex.encode(previous))
        try insert(
            "transfer",
            [
                "sequence": sequence, "operation": draft.operation, "kind": draft.kind, "at": draft.at,
                "day": draft.at / 86_400_000, "asset": draft.asset.rawValue,
            ])
        for posting in draft.postings {
            try insert(
                "posting",
                ["transfer": sequence, "account": posting.account, "amount": posting.amount])
        }
        try insert(
            "link",
            ["sequence": sequence, "previous": Data(previous), "hash": Data(try entry.hash())])
        return sequence
    }
}

extension LedgerWriter {
    /// Signs the last link of the last day with bookings, when a later day begins.
    private func closeDay(_ last: Row?, before at: Int64) throws {
        guard let last, at / 86_400_000 > last["day"] as Int64 else { return }
        let day: Int64 = last["day"]
        let closed = try Int64.fetchOne(db.cachedStatement(sql: "SELECT max(day) FROM head")) ?? .min
        // A clock that was set back closes no day twice.
        guard day > closed else { return }
        let head = DayHead(day: day, hash: Hex.encode(last["hash"] as Data), sequence: last["sequence"])
        let event = try key.sign(try head.template(node: key.publicKey, at: at / 1000))
        try store(event)
        try insert("head", ["day": day, "sequence": head.sequence, "event": event.id])
    }
}

/// A transfer that is about to be appended.
struct TransferDraft {
    var operation: String
    var kind: String
    var job = ""
    var at: Int64
    var asset: Asset
    var receipt = ""
    var acceptance = ""
    /// The canonical JSON of the deed, where there is no receipt.
    var payload: [UInt8]?
    var postings: [ChainEntry.Posting]
}

// A copy of the ledger while it is in use (SQLite's online backup), proven before it counts.
// It must never leave half a copy under the final name, nor replace a copy with one that does not hold.

import FoundationEssentials
import GRDB
import Glibc
import NodeModel
import Wire

extension Ledger {
    static let backupName = "ledger-backup.db"

    /// What a copy holds.
    struct BackupOutcome: Sendable, Equatable {
        var path: String
        var transfers: Int64
        var head: String
    }

    /// Copies the ledger into `directory`; an earlier copy is replaced by the whole new one.
    func backUp(to directory: String) throws -> BackupOutcome {
        let path = directory + "/" + Self.backupName
        let fresh = path + ".new"
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(fresh + suffix) }
        let head: (sequence: Int64, hash: String)
        do {
            let copy = try DatabaseQueue(path: fresh)
            try pool.backup(to: copy)
            head = try copy.writeWithoutTransaction { db in
                // One file is what people carry away; the log's mode was copied too.
                try db.execute(sql: "PRAGMA journal_mode = DELETE")
                // What is carried away is what somebody will stand on one day: all of it is proven, not its end alone.
                if let fault = try Self.audit(db).faults.first { throw ChainFault(description: fault) }
                let row = try Row.fetchOne(
                    db, sql: "SELECT sequence, hash FROM link ORDER BY sequence DESC LIMIT 1")
                return (
                    row?["sequence"] ?? 0,
                    Hex.encode(row.map { Array($0["hash"] as Data) } ?? ChainEntry.genesis)
                )
            }
            try copy.close()
        } catch let error as DatabaseError {
            throw LedgerFailure.wire(error)
        } catch let fault as ChainFault {
            throw WireError(
                .corrupt, "The copy does not hold: \(fault).", fix: "Run 'infernetctl wallet audit'.")
        }
        // The log of a copy that somebody opened in its place would be taken for the new copy's.
        for suffix in ["-wal", "-shm", "-journal"] { unlink(path + suffix) }
        guard chmod(fresh, 0o600) == 0, DurableFile.sync(fresh), rename(fresh, path) == 0,
            DurableFile.sync(directory)
        else {
            throw WireError(
                .internalError, "The copy cannot be put in place.", cause: String(cString: strerror(errno)))
        }
        return BackupOutcome(path: path, transfers: head.sequence, head: head.hash)
    }
}

/// Makes what was written last.
enum DurableFile {
    /// Flushes a file or a directory to disk.
    static func sync(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }
}

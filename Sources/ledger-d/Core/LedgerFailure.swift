// What the ledger's storage can fail with, in words and with a fix.
// It must never hide that nothing was done: a failed booking did not happen.

import GRDB
import Wire

enum LedgerFailure {
    /// An error of a question, which changed nothing and may be asked again.
    static func reading(_ error: DatabaseError) -> WireError {
        WireError(
            .unavailable, "The ledger cannot be read.", fix: "See 'infernetctl doctor'; ask again.",
            retryAfterMs: 1_000, cause: error.message)
    }

    /// SQLite's error as one that may cross the wire.
    static func wire(_ error: DatabaseError) -> WireError {
        switch error.resultCode {
        case .SQLITE_FULL:
            WireError(
                .diskFull, "The disk is full; nothing was booked.",
                fix: "Free some space in the state directory.",
                cause: error.message)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            WireError(
                .unavailable, "Another process holds the ledger; nothing was booked.",
                fix: "See who else has opened ledger.db.", retryAfterMs: 1_000, cause: error.message)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            WireError(
                .corrupt, "The ledger's file is damaged; nothing was booked.",
                fix: "Keep the file for examination and restore the last backup.", cause: error.message)
        case .SQLITE_CONSTRAINT:
            WireError(
                .internalError, "The ledger's own rules refused the booking; nothing was booked.",
                cause: error.message)
        default:
            WireError(
                .internalError, "The ledger cannot be written; nothing was booked.", cause: error.message)
        }
    }
}

// An empty ledger that all migrations made once: hundreds of tests that begin with one need not make each again.
// It must never be what proves the migrations: other fixtures open their ledgers where there is none.

import Foundation
import GRDB
import TestKit

@testable import LedgerCore

enum LedgerTemplate {
    private static let whole = Result {
        let place = try TemporaryDirectory()
        let path = place.appending(Ledger.fileName)
        let pool = try DatabasePool(path: path)
        try LedgerSchema.migrator.migrate(pool)
        // Nothing is left beside the file.
        try pool.close()
        return try Data(contentsOf: URL(fileURLWithPath: path))
    }

    /// Puts an empty ledger, which belongs to no key yet, into a directory.
    static func place(in directory: String) throws {
        try whole.get().write(to: URL(fileURLWithPath: directory + "/" + Ledger.fileName))
    }
}

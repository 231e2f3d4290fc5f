// The ledger's tables, and the rules that SQLite itself enforces: nothing changes, nothing vanishes, all sums
// are zero, every transfer follows the one before. It must never be altered in place: a new rule is a new
// migration.

import GRDB

enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: double entry") { db in
            try db.execute(sql: tables + appendOnly + bookkeeping)
        }
        return migrator
    }

    private static let tables = """
        CREATE TABLE node (
            singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
            pubkey TEXT NOT NULL
        ) STRICT;

        -- Signed events as canonical JSON: the evidence for every operation.
        CREATE TABLE event (
            id TEXT PRIMARY KEY,
            json BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- What was done once and never again: issue, spend, earn, own.
        CREATE TABLE operation (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('issue', 'spend', 'earn', 'own')),
            job TEXT NOT NULL,
            at INTEGER NOT NULL,
            receipt TEXT NOT NULL REFERENCES event (id),
            acceptance TEXT REFERENCES event (id),
            CHECK ((kind = 'issue') = (acceptance IS NULL))
        ) STRICT, WITHOUT ROWID;

        -- `at` is Unix milliseconds, `day` the days since 1970 (UTC).
        CREATE TABLE transfer (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            operation TEXT NOT NULL UNIQUE REFERENCES operation (id),
            kind TEXT NOT NULL,
            at INTEGER NOT NULL,
            day INTEGER NOT NULL CHECK (day = at / 86400000),
            asset TEXT NOT NULL
        ) STRICT;
        CREATE INDEX transfer_day ON transfer (kind, day);

        -- Amounts in micro-units; debits are positive, credits negative.
        CREATE TABLE posting (
            transfer INTEGER NOT NULL REFERENCES transfer (sequence),
            account TEXT NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (transfer, account)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX posting_account ON posting (account, amount);

        -- The hash chain. Inserting a link closes its transfer.
        CREATE TABLE link (
            sequence INTEGER PRIMARY KEY REFERENCES transfer (sequence),
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
        ) STRICT;

        """

    private static let appendOnly = ["node", "event", "operation", "transfer", "posting", "link"].map {
        table in
        """
        CREATE TRIGGER \(table)_no_update BEFORE UPDATE ON \(table)
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
        CREATE TRIGGER \(table)_no_delete BEFORE DELETE ON \(table)
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

        """
    }.joined()

    private static let bookkeeping = """
        CREATE TRIGGER posting_closed BEFORE INSERT ON posting
            WHEN EXISTS (SELECT 1 FROM link WHERE sequence = NEW.transfer)
            BEGIN SELECT RAISE(ABORT, 'the transfer is closed'); END;
        CREATE TRIGGER link_balanced BEFORE INSERT ON link
            WHEN (SELECT count(*) < 2 OR sum(amount) <> 0 FROM posting WHERE transfer = NEW.sequence)
            BEGIN SELECT RAISE(ABORT, 'the postings do not sum to zero'); END;
        CREATE TRIGGER link_follows BEFORE INSERT ON link
            WHEN NEW.sequence <> 1 + coalesce((SELECT max(sequence) FROM link), 0)
                OR NEW.previous <> coalesce(
                    (SELECT hash FROM link ORDER BY sequence DESC LIMIT 1), zeroblob(32))
            BEGIN SELECT RAISE(ABORT, 'the link does not follow the chain'); END;
        """
}

// Signed events in the order in which they were kept. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// In a table without row numbers SQLite puts all of a row beyond a quarter of a page into pages of its own: a receipt of
    /// 1.1 KiB took 4 KiB more, half of all that a ledger is.
    static let eventRows = """
        PRAGMA legacy_alter_table = ON;
        CREATE TABLE event_2 (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            json BLOB NOT NULL
        ) STRICT;
        INSERT INTO event_2 (id, json) SELECT id, json FROM event;
        DROP TABLE event;
        ALTER TABLE event_2 RENAME TO event;
        PRAGMA legacy_alter_table = OFF;

        """
}

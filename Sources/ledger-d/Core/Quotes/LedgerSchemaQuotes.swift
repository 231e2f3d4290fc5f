// Quotes in the ledger: what is promised is promised on one, and one serves one promise.
// It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// Nothing for what was promised before this was kept.
    static let quotes = """
        ALTER TABLE pledge ADD COLUMN quote TEXT REFERENCES event (id);
        CREATE UNIQUE INDEX pledge_quote ON pledge (quote) WHERE quote IS NOT NULL;
        CREATE TRIGGER pledge_quoted BEFORE INSERT ON pledge WHEN NEW.quote IS NULL
            BEGIN SELECT RAISE(ABORT, 'no quote says what the pledge is for'); END;

        """
}

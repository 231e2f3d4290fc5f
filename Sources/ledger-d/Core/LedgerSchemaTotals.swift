// Running totals, so that neither a ceiling nor a balance needs a sum over the books, and the balances' trigger again, in a
// form that SQLite runs in place. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// What is kept twice is written twice, for every transfer there will ever be: two indexes that only sums needed are gone.
    static let totals = """
        DROP INDEX posting_account;
        DROP INDEX transfer_day;

        -- What was spent on one day (UTC), after a transfer: on one account of a peer, and under '' on all.
        CREATE TABLE spending (
            account TEXT NOT NULL,
            asset TEXT NOT NULL,
            day INTEGER NOT NULL,
            transfer INTEGER NOT NULL REFERENCES transfer (sequence),
            amount INTEGER NOT NULL,
            PRIMARY KEY (account, asset, day, transfer)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO spending
            SELECT account, asset, day, sequence, sum(amount) OVER (PARTITION BY account, asset, day ORDER BY sequence)
            FROM posting JOIN transfer ON sequence = transfer WHERE account GLOB 'spend:*';
        INSERT INTO spending
            SELECT '', asset, day, sequence, sum(amount) OVER (PARTITION BY asset, day ORDER BY sequence)
            FROM posting JOIN transfer ON sequence = transfer WHERE account GLOB 'spend:*';

        -- What was ever spent ('spend'), and earned ('earn', below zero as its accounts are), after a transfer.
        CREATE TABLE total (
            name TEXT NOT NULL CHECK (name IN ('spend', 'earn')),
            asset TEXT NOT NULL,
            transfer INTEGER NOT NULL REFERENCES transfer (sequence),
            amount INTEGER NOT NULL,
            PRIMARY KEY (name, asset, transfer)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO total
            SELECT 'spend', asset, sequence, sum(amount) OVER (PARTITION BY asset ORDER BY sequence)
            FROM posting JOIN transfer ON sequence = transfer WHERE account GLOB 'spend:*';
        INSERT INTO total
            SELECT 'earn', asset, sequence, sum(amount) OVER (PARTITION BY asset ORDER BY sequence)
            FROM posting JOIN transfer ON sequence = transfer WHERE account GLOB 'earn:*';

        """

    /// The same rules as before. SQLite makes a table of its own for each IN of more than two words, every time a row is written:
    /// that was a third of a deed. A hash that appears twice is a broken SHA-256, which no index mends.
    static let lean = """
        PRAGMA legacy_alter_table = ON;
        CREATE TABLE operation_3 (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL,
            job TEXT NOT NULL,
            at INTEGER NOT NULL,
            receipt TEXT REFERENCES event (id),
            acceptance TEXT REFERENCES event (id),
            payload BLOB,
            CHECK (CASE kind
                WHEN 'issue' THEN receipt IS NOT NULL AND acceptance IS NULL AND payload IS NULL
                WHEN 'spend' THEN receipt IS NOT NULL AND acceptance IS NOT NULL AND payload IS NULL
                WHEN 'earn' THEN receipt IS NOT NULL AND acceptance IS NOT NULL AND payload IS NULL
                WHEN 'own' THEN receipt IS NOT NULL AND acceptance IS NOT NULL AND payload IS NULL
                WHEN 'deposit' THEN receipt IS NULL AND acceptance IS NULL AND payload IS NOT NULL
                WHEN 'reserve' THEN receipt IS NULL AND acceptance IS NULL AND payload IS NOT NULL
                WHEN 'post' THEN receipt IS NULL AND acceptance IS NULL AND payload IS NOT NULL
                WHEN 'void' THEN receipt IS NULL AND acceptance IS NULL AND payload IS NOT NULL
                WHEN 'withdraw' THEN receipt IS NULL AND acceptance IS NULL AND payload IS NOT NULL
                ELSE 0 END)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO operation_3 SELECT id, kind, job, at, receipt, acceptance, payload FROM operation;
        DROP TABLE operation;
        ALTER TABLE operation_3 RENAME TO operation;

        CREATE TABLE link_2 (
            sequence INTEGER PRIMARY KEY REFERENCES transfer (sequence),
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL CHECK (length(hash) = 32)
        ) STRICT;
        INSERT INTO link_2 SELECT sequence, previous, hash FROM link;
        DROP TABLE link;
        ALTER TABLE link_2 RENAME TO link;
        PRAGMA legacy_alter_table = OFF;

        """

    /// VALUES with questions in it, and not INSERT … SELECT: that one would be gathered in a table of its own first, whose
    /// making cost a third of a deed.
    static let totalsTriggers = """
        DROP TRIGGER posting_balance;
        CREATE TRIGGER posting_balance AFTER INSERT ON posting
            BEGIN
        \(added("balance", "account, asset", ["NEW.account", asset]))
            END;
        CREATE TRIGGER posting_spending AFTER INSERT ON posting WHEN NEW.account GLOB 'spend:*'
            BEGIN
        \(added("spending", "account, asset, day", ["NEW.account", asset, day]))
        \(added("spending", "account, asset, day", ["''", asset, day]))
        \(added("total", "name, asset", ["'spend'", asset]))
            END;
        CREATE TRIGGER posting_earned AFTER INSERT ON posting WHEN NEW.account GLOB 'earn:*'
            BEGIN
        \(added("total", "name, asset", ["'earn'", asset]))
            END;

        """

    private static let asset = "(SELECT asset FROM transfer WHERE sequence = NEW.transfer)"
    private static let day = "(SELECT day FROM transfer WHERE sequence = NEW.transfer)"

    /// Adds the new posting to what `table` last had under `key`.
    private static func added(_ table: String, _ key: String, _ values: [String]) -> String {
        let here = zip(key.split(separator: ", "), values).map { "\($0) = \($1)" }.joined(separator: " AND ")
        return """
                INSERT INTO \(table) (\(key), transfer, amount) VALUES (\(values.joined(separator: ", ")),
                    NEW.transfer, NEW.amount + coalesce((SELECT amount FROM \(table) WHERE \(here)
                        ORDER BY transfer DESC LIMIT 1), 0));
            """
    }
}

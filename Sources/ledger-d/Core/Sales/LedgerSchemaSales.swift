// The tables of what strangers buy over HTTP, and the rules that SQLite itself enforces: one authorization is one sale, whose
// answer is delivered once, in few turns and never two at a time. It must never be altered in place.

extension LedgerSchema {
    static let sales = """
        -- One authorization of a stranger, which the token lets pass once. `payment` is the outbox's name for carrying it.
        CREATE TABLE sale (
            payment TEXT PRIMARY KEY,
            asset TEXT NOT NULL,
            payer TEXT NOT NULL,
            nonce BLOB NOT NULL CHECK (length(nonce) = 32),
            amount INTEGER NOT NULL CHECK (amount > 0),
            request BLOB NOT NULL CHECK (length(request) = 32),
            terms BLOB NOT NULL,
            at INTEGER NOT NULL,
            UNIQUE (asset, payer, nonce)
        ) STRICT, WITHOUT ROWID;

        -- A job that is to give what was paid for.
        CREATE TABLE turn (
            job TEXT PRIMARY KEY,
            payment TEXT NOT NULL REFERENCES sale (payment),
            number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 3),
            at INTEGER NOT NULL,
            UNIQUE (payment, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE turn_end (
            job TEXT PRIMARY KEY REFERENCES turn (job),
            delivered INTEGER NOT NULL CHECK (delivered IN (0, 1)),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER turn_once BEFORE INSERT ON turn
            WHEN EXISTS (SELECT 1 FROM turn JOIN turn_end ON turn_end.job = turn.job
                WHERE turn.payment = NEW.payment AND delivered = 1)
            BEGIN SELECT RAISE(ABORT, 'what was paid for is delivered'); END;
        CREATE TRIGGER turn_alone BEFORE INSERT ON turn
            WHEN EXISTS (SELECT 1 FROM turn WHERE payment = NEW.payment AND at > NEW.at - 900000
                AND NOT EXISTS (SELECT 1 FROM turn_end WHERE turn_end.job = turn.job))
            BEGIN SELECT RAISE(ABORT, 'what was paid for is being made'); END;

        """
}

// The tables of credit whose payment is held, and the rules that SQLite itself enforces: a preimage leaves after an accepted
// receipt, and nothing is taken without it. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    static let held = """
        -- What this node buys: hashes that it drew. Their preimages are in no other table until what they pay for is paid.
        CREATE TABLE purchase (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            preimage BLOB NOT NULL CHECK (length(preimage) = 32),
            channel BLOB NOT NULL UNIQUE REFERENCES channel (id),
            amount INTEGER NOT NULL CHECK (amount > 0),
            event TEXT NOT NULL REFERENCES event (id),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- What clients buy of this node: invoices on their hashes.
        CREATE TABLE hold (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            backend TEXT NOT NULL,
            channel BLOB NOT NULL UNIQUE REFERENCES channel (id),
            amount INTEGER NOT NULL CHECK (amount > 0),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE hold_step (
            hash BLOB NOT NULL REFERENCES hold (hash),
            number INTEGER NOT NULL CHECK (number > 0),
            state TEXT NOT NULL CHECK (
                state IN ('asked', 'open', 'held', 'cancelling', 'settled', 'cancelled', 'expired')),
            reason TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (hash, number)
        ) STRICT, WITHOUT ROWID;

        -- The signed event that brings a preimage to the provider. With the client it is made together with the acceptance of
        -- a receipt; `job` is that receipt's, and nothing with the provider.
        CREATE TABLE reveal (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            preimage BLOB NOT NULL CHECK (length(preimage) = 32),
            job TEXT,
            event TEXT NOT NULL REFERENCES event (id),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER reveal_earned BEFORE INSERT ON reveal
            WHEN NOT EXISTS (SELECT 1 FROM purchase JOIN pledge ON pledge.channel = purchase.channel
                    JOIN operation ON operation.id = 'spend/' || pledge.job
                    WHERE purchase.hash = NEW.hash AND purchase.preimage = NEW.preimage AND pledge.job = NEW.job)
                AND NOT (NEW.job IS NULL AND EXISTS (SELECT 1 FROM hold WHERE hash = NEW.hash) AND 'held' IS
                    (SELECT state FROM hold_step WHERE hash = NEW.hash ORDER BY number DESC LIMIT 1))
            BEGIN SELECT RAISE(ABORT, 'nothing was accepted for the preimage, or nothing is held'); END;

        -- What a job costs whose receipt was signed while its payment is held: charged when that was taken.
        CREATE TABLE due (
            channel BLOB NOT NULL,
            job TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount >= 0),
            client TEXT NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, job),
            FOREIGN KEY (channel, job) REFERENCES pledge (channel, job)
        ) STRICT, WITHOUT ROWID;

        CREATE TRIGGER hold_step_follows BEFORE INSERT ON hold_step
            WHEN NEW.number <> 1 + (SELECT count(*) FROM hold_step WHERE hash = NEW.hash)
            BEGIN SELECT RAISE(ABORT, 'the step does not follow the one before'); END;
        CREATE TRIGGER hold_over BEFORE INSERT ON hold_step
            WHEN EXISTS (SELECT 1 FROM hold_step WHERE hash = NEW.hash
                AND state IN ('settled', 'cancelled', 'expired'))
            BEGIN SELECT RAISE(ABORT, 'the hold is over'); END;
        CREATE TRIGGER hold_proven BEFORE INSERT ON hold_step
            WHEN NEW.state = 'settled' AND NOT EXISTS (SELECT 1 FROM preimage WHERE hash = NEW.hash)
            BEGIN SELECT RAISE(ABORT, 'what is held is taken by its preimage'); END;
        CREATE TRIGGER hold_kept BEFORE INSERT ON hold_step
            WHEN NEW.state = 'cancelling' AND EXISTS (SELECT 1 FROM reveal WHERE hash = NEW.hash)
            BEGIN SELECT RAISE(ABORT, 'what was revealed is not given back'); END;

        """
}

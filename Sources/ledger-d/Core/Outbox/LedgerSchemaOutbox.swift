// The tables of what leaves the node, on chains and on Lightning, and the rules that SQLite itself enforces: each step follows the
// one before, and a payment ends together with its reservation. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// Payments that leave: asked for, signed bytes, and each step on the way.
    static let outbox = """
        CREATE TABLE payment (
            id TEXT PRIMARY KEY,
            reservation TEXT NOT NULL UNIQUE REFERENCES operation (id),
            rail TEXT NOT NULL,
            asset TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            party TEXT NOT NULL,
            at INTEGER NOT NULL,
            day INTEGER NOT NULL CHECK (day = at / 86400000),
            terms BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX payment_day ON payment (asset, day);

        -- Signed bytes, stored before they leave. `place` is the nonce.
        CREATE TABLE letter (
            payment TEXT NOT NULL REFERENCES payment (id),
            number INTEGER NOT NULL CHECK (number > 0),
            at INTEGER NOT NULL,
            lane TEXT NOT NULL,
            place INTEGER NOT NULL CHECK (place >= 0),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
            raw BLOB NOT NULL,
            PRIMARY KEY (payment, number)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE step (
            payment TEXT NOT NULL REFERENCES payment (id),
            number INTEGER NOT NULL CHECK (number > 0),
            state TEXT NOT NULL CHECK (
                state IN ('asked', 'signed', 'handed', 'answered', 'settled', 'failed')),
            reason TEXT NOT NULL,
            letter INTEGER,
            at INTEGER NOT NULL,
            PRIMARY KEY (payment, number),
            FOREIGN KEY (payment, letter) REFERENCES letter (payment, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER step_follows BEFORE INSERT ON step
            WHEN NEW.number <> 1 + (SELECT count(*) FROM step WHERE payment = NEW.payment)
            BEGIN SELECT RAISE(ABORT, 'the step does not follow the one before'); END;
        CREATE TRIGGER step_over BEFORE INSERT ON step
            WHEN EXISTS (SELECT 1 FROM step WHERE payment = NEW.payment AND state IN ('settled', 'failed'))
            BEGIN SELECT RAISE(ABORT, 'the payment is over'); END;
        CREATE TRIGGER step_ends BEFORE INSERT ON step
            WHEN (NEW.state IN ('settled', 'failed')) <> EXISTS (SELECT 1 FROM closing JOIN payment
                ON payment.reservation = closing.reservation WHERE payment.id = NEW.payment)
            BEGIN SELECT RAISE(ABORT, 'a payment ends together with its reservation'); END;

        -- The last block in which deposits were looked for.
        CREATE TABLE searched (
            asset TEXT NOT NULL,
            block INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (asset, block)
        ) STRICT, WITHOUT ROWID;

        """

    /// Which payments are under way, so that a look at the few need not pass by all that ever were. It follows from `payment`
    /// and `step`: a row comes with the one and goes with the other's end, and in no other way.
    static let underWay = """
        CREATE TABLE under_way (
            payment TEXT PRIMARY KEY REFERENCES payment (id)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO under_way SELECT id FROM payment WHERE NOT EXISTS (
            SELECT 1 FROM step WHERE step.payment = payment.id AND step.state IN ('settled', 'failed'));
        CREATE TRIGGER under_way_no_update BEFORE UPDATE ON under_way
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
        CREATE TRIGGER under_way_no_delete BEFORE DELETE ON under_way
            WHEN NOT EXISTS (SELECT 1 FROM step
                WHERE step.payment = OLD.payment AND step.state IN ('settled', 'failed'))
            BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
        CREATE TRIGGER under_way_begins AFTER INSERT ON payment
            BEGIN INSERT INTO under_way VALUES (NEW.id); END;
        CREATE TRIGGER under_way_ends AFTER INSERT ON step WHEN NEW.state IN ('settled', 'failed')
            BEGIN DELETE FROM under_way WHERE payment = NEW.payment; END;
        CREATE INDEX payment_party ON payment (party);

        """

    /// Invoices that this node made, and what proves that they and its own payments were paid.
    static let lightning = """
        -- Whoever reads it can hash it.
        CREATE TABLE preimage (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            preimage BLOB NOT NULL CHECK (length(preimage) = 32),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE invoice (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            backend TEXT NOT NULL,
            rail TEXT NOT NULL,
            asset TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            text TEXT NOT NULL,
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX invoice_at ON invoice (at);

        -- Nothing more is asked about an invoice.
        CREATE TABLE invoice_end (
            hash BLOB PRIMARY KEY REFERENCES invoice (hash),
            state TEXT NOT NULL CHECK (state IN ('paid', 'expired')),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER invoice_proven BEFORE INSERT ON invoice_end
            WHEN NEW.state = 'paid' AND NOT EXISTS (SELECT 1 FROM preimage WHERE hash = NEW.hash)
            BEGIN SELECT RAISE(ABORT, 'an invoice is paid by its preimage'); END;

        """
}

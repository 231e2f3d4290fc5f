// The tables of credit and the rules that SQLite itself enforces: what jobs draw on was paid before.
// It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// A credit is a channel without a contract's configuration: what covers its pledges is money that is set aside.
    static let credit = """
        -- A provider's word on an invoice that buys credit: this node's, or one that this node pays.
        CREATE TABLE credit_offer (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            channel BLOB NOT NULL REFERENCES channel (id),
            amount INTEGER NOT NULL CHECK (amount > 0),
            event TEXT NOT NULL REFERENCES event (id),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX credit_offer_channel ON credit_offer (channel);

        -- A client's request to have an invoice of its own paid out of its credit: this node's, or one that this node pays.
        CREATE TABLE credit_return (
            hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
            channel BLOB NOT NULL REFERENCES channel (id),
            amount INTEGER NOT NULL CHECK (amount > 0),
            fee INTEGER NOT NULL CHECK (fee >= 0),
            event TEXT NOT NULL REFERENCES event (id),
            at INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX credit_return_channel ON credit_return (channel);

        -- What a client signed for a job that draws on credit.
        CREATE TABLE note (
            channel BLOB NOT NULL,
            job TEXT NOT NULL,
            event TEXT NOT NULL REFERENCES event (id),
            PRIMARY KEY (channel, job),
            FOREIGN KEY (channel, job) REFERENCES pledge (channel, job)
        ) STRICT, WITHOUT ROWID;

        DROP TRIGGER pledge_covered;
        CREATE TRIGGER pledge_covered BEFORE INSERT ON pledge
            WHEN (SELECT length(config) FROM channel WHERE id = NEW.channel) > 0
                AND NEW.amount + coalesce((SELECT max(total) FROM charge WHERE channel = NEW.channel), 0)
                + coalesce((SELECT sum(amount) FROM pledge WHERE channel = NEW.channel
                    AND at > NEW.at - 172800000 AND NOT EXISTS (SELECT 1 FROM charge
                        WHERE charge.channel = pledge.channel AND charge.job = pledge.job)), 0)
                > coalesce((SELECT max(ceiling) FROM voucher WHERE channel = NEW.channel), 0)
            BEGIN SELECT RAISE(ABORT, 'no voucher covers the pledge'); END;
        CREATE TRIGGER pledge_paid BEFORE INSERT ON pledge
            WHEN (SELECT length(config) FROM channel WHERE id = NEW.channel) = 0
                AND NEW.amount IS NOT (SELECT amount FROM balance
                    WHERE account = 'held:job/' || NEW.job || '/' || lower(hex(NEW.channel))
                    ORDER BY transfer DESC LIMIT 1)
            BEGIN SELECT RAISE(ABORT, 'no credit is set aside for the pledge'); END;
        CREATE TRIGGER credit_balance BEFORE INSERT ON balance
            WHEN NEW.amount < 0 AND (NEW.account GLOB 'paid:*:credit:*' OR NEW.account GLOB 'owed:*')
            BEGIN SELECT RAISE(ABORT, 'a credit has less than nothing'); END;

        """
}

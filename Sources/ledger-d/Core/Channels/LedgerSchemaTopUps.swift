// The table of what vouchers cover of jobs under way, piece by piece, and the rules that SQLite itself enforces: it grows, up to
// what was promised, under a voucher, and bounds what is charged. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    /// Where `first` is nothing, all of the promise was covered when it was made.
    static let topUps = """
        ALTER TABLE pledge ADD COLUMN first INTEGER CHECK (first > 0 AND first <= amount);

        -- A job is covered up to so much, of what it may cost, by the voucher of this ceiling.
        CREATE TABLE covered (
            channel BLOB NOT NULL,
            job TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            ceiling INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, job, amount),
            FOREIGN KEY (channel, job) REFERENCES pledge (channel, job),
            FOREIGN KEY (channel, ceiling) REFERENCES voucher (channel, ceiling)
        ) STRICT, WITHOUT ROWID;

        -- Each promise with what it exposes: `covered` can be claimed, if the worst comes; the rest of `amount` cannot.
        CREATE VIEW exposure AS SELECT pledge.channel, pledge.job, pledge.at, pledge.quote, pledge.amount,
            coalesce((SELECT max(covered.amount) FROM covered WHERE covered.channel = pledge.channel
                AND covered.job = pledge.job), pledge.first, pledge.amount) AS covered,
            EXISTS (SELECT 1 FROM charge WHERE charge.channel = pledge.channel
                AND charge.job = pledge.job) AS is_over
            FROM pledge;

        CREATE TRIGGER covered_grows BEFORE INSERT ON covered
            WHEN NEW.amount <= (SELECT covered FROM exposure WHERE channel = NEW.channel AND job = NEW.job)
            BEGIN SELECT RAISE(ABORT, 'so much of the job is covered already'); END;
        CREATE TRIGGER covered_promised BEFORE INSERT ON covered
            WHEN NEW.amount > (SELECT amount FROM pledge WHERE channel = NEW.channel AND job = NEW.job)
            BEGIN SELECT RAISE(ABORT, 'more is covered than was promised'); END;
        CREATE TRIGGER covered_open BEFORE INSERT ON covered
            WHEN EXISTS (SELECT 1 FROM charge WHERE channel = NEW.channel AND job = NEW.job)
            BEGIN SELECT RAISE(ABORT, 'the job is over'); END;
        CREATE TRIGGER covered_signed BEFORE INSERT ON covered
            WHEN NEW.ceiling IS NOT (SELECT max(ceiling) FROM voucher WHERE channel = NEW.channel)
                OR NEW.amount + coalesce((SELECT max(total) FROM charge WHERE channel = NEW.channel), 0)
                + coalesce((SELECT sum(covered) FROM exposure WHERE channel = NEW.channel AND job <> NEW.job
                    AND at > NEW.at - 172800000 AND is_over = 0), 0) > NEW.ceiling
            BEGIN SELECT RAISE(ABORT, 'no voucher covers so much of the job'); END;

        DROP TRIGGER pledge_covered;
        CREATE TRIGGER pledge_covered BEFORE INSERT ON pledge
            WHEN (SELECT length(config) FROM channel WHERE id = NEW.channel) > 0
                AND coalesce(NEW.first, NEW.amount)
                + coalesce((SELECT max(total) FROM charge WHERE channel = NEW.channel), 0)
                + coalesce((SELECT sum(covered) FROM exposure WHERE channel = NEW.channel
                    AND at > NEW.at - 172800000 AND is_over = 0), 0)
                > coalesce((SELECT max(ceiling) FROM voucher WHERE channel = NEW.channel), 0)
            BEGIN SELECT RAISE(ABORT, 'no voucher covers the pledge'); END;
        DROP TRIGGER charge_promised;
        CREATE TRIGGER charge_promised BEFORE INSERT ON charge
            WHEN NEW.amount > (SELECT covered FROM exposure WHERE channel = NEW.channel AND job = NEW.job)
            BEGIN SELECT RAISE(ABORT, 'more is charged than is covered'); END;

        """
}

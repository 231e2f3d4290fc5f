// The tables of payment channels and the rules that SQLite itself enforces: ceilings grow, what is promised is covered,
// what is charged was promised. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    static let channels = """
        -- Channels in which this node pays (payer) or is paid (payee). `peer` is the other node's key.
        CREATE TABLE channel (
            id BLOB PRIMARY KEY CHECK (length(id) = 32),
            side TEXT NOT NULL CHECK (side IN ('payer', 'payee')),
            peer TEXT NOT NULL,
            rail TEXT NOT NULL,
            asset TEXT NOT NULL,
            at INTEGER NOT NULL,
            config BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX channel_peer ON channel (peer, asset);

        -- Vouchers that this node signed, or took. A later one stands for all before it.
        CREATE TABLE voucher (
            channel BLOB NOT NULL REFERENCES channel (id),
            ceiling INTEGER NOT NULL CHECK (ceiling > 0),
            signature BLOB NOT NULL CHECK (length(signature) = 65),
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, ceiling)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER voucher_grows BEFORE INSERT ON voucher
            WHEN NEW.ceiling <= (SELECT max(ceiling) FROM voucher WHERE channel = NEW.channel)
            BEGIN SELECT RAISE(ABORT, 'the voucher is not above the one before'); END;

        -- The most that a job may cost, out of what vouchers allow.
        CREATE TABLE pledge (
            channel BLOB NOT NULL REFERENCES channel (id),
            job TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount > 0),
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, job)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX pledge_at ON pledge (channel, at);
        CREATE INDEX pledge_job ON pledge (job);

        -- What it did cost: the end of a pledge. Nothing, when there was no receipt.
        CREATE TABLE charge (
            channel BLOB NOT NULL,
            job TEXT NOT NULL,
            amount INTEGER NOT NULL CHECK (amount >= 0),
            total INTEGER NOT NULL,
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, job),
            FOREIGN KEY (channel, job) REFERENCES pledge (channel, job)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX charge_total ON charge (channel, total);
        CREATE TRIGGER charge_adds BEFORE INSERT ON charge
            WHEN NEW.total <> NEW.amount
                + coalesce((SELECT max(total) FROM charge WHERE channel = NEW.channel), 0)
            BEGIN SELECT RAISE(ABORT, 'the charge does not follow the one before'); END;
        CREATE TRIGGER charge_promised BEFORE INSERT ON charge
            WHEN NEW.amount > (SELECT amount FROM pledge WHERE channel = NEW.channel AND job = NEW.job)
            BEGIN SELECT RAISE(ABORT, 'more is charged than was promised'); END;
        CREATE TRIGGER pledge_covered BEFORE INSERT ON pledge
            WHEN NEW.amount + coalesce((SELECT max(total) FROM charge WHERE channel = NEW.channel), 0)
                + coalesce((SELECT sum(amount) FROM pledge WHERE channel = NEW.channel
                    AND at > NEW.at - 172800000 AND NOT EXISTS (SELECT 1 FROM charge
                        WHERE charge.channel = pledge.channel AND charge.job = pledge.job)), 0)
                > coalesce((SELECT max(ceiling) FROM voucher WHERE channel = NEW.channel), 0)
            BEGIN SELECT RAISE(ABORT, 'no voucher covers the pledge'); END;
        CREATE TRIGGER channel_balance BEFORE INSERT ON balance
            WHEN NEW.amount < 0 AND (NEW.account GLOB 'paid:*:channel:*' OR NEW.account GLOB 'due:*')
            BEGIN SELECT RAISE(ABORT, 'a channel has less than nothing'); END;

        """
}

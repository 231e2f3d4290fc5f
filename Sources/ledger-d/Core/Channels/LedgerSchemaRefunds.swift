// The tables of what payers ask back and this node, the payee, gives; and the rules that SQLite itself enforces: one at a time,
// never beside a job, and no job beside one. It must never be altered in place: a new rule is a new migration.

extension LedgerSchema {
    static let refunds = """
        -- A payer has asked for so much back. `nonce` is the contract's, which lets one refund pass.
        CREATE TABLE refund (
            channel BLOB NOT NULL REFERENCES channel (id),
            number INTEGER NOT NULL CHECK (number > 0),
            amount INTEGER NOT NULL CHECK (amount > 0),
            nonce INTEGER NOT NULL CHECK (nonce >= 0),
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, number)
        ) STRICT, WITHOUT ROWID;

        -- It is given, by the final block, or there is nothing to give any more.
        CREATE TABLE refund_end (
            channel BLOB NOT NULL,
            number INTEGER NOT NULL,
            given INTEGER NOT NULL CHECK (given BETWEEN 0 AND 1),
            at INTEGER NOT NULL,
            PRIMARY KEY (channel, number),
            FOREIGN KEY (channel, number) REFERENCES refund (channel, number)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER refund_alone BEFORE INSERT ON refund
            WHEN EXISTS (SELECT 1 FROM refund WHERE channel = NEW.channel AND NOT EXISTS (SELECT 1 FROM refund_end
                WHERE refund_end.channel = refund.channel AND refund_end.number = refund.number))
            BEGIN SELECT RAISE(ABORT, 'a refund of the channel is under way'); END;
        CREATE TRIGGER refund_idle BEFORE INSERT ON refund
            WHEN EXISTS (SELECT 1 FROM pledge WHERE channel = NEW.channel AND at > NEW.at - 172800000
                AND NOT EXISTS (SELECT 1 FROM charge
                    WHERE charge.channel = pledge.channel AND charge.job = pledge.job))
            BEGIN SELECT RAISE(ABORT, 'a job of the channel is under way'); END;
        CREATE TRIGGER pledge_refunded BEFORE INSERT ON pledge
            WHEN EXISTS (SELECT 1 FROM refund WHERE channel = NEW.channel AND NOT EXISTS (SELECT 1 FROM refund_end
                WHERE refund_end.channel = refund.channel AND refund_end.number = refund.number))
            BEGIN SELECT RAISE(ABORT, 'the channel is on its way back to its payer'); END;

        """
}

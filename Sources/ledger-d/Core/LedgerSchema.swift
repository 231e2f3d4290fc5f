// The ledger's tables, and the rules that SQLite itself enforces: nothing changes, nothing vanishes, all sums
// are zero, every transfer follows the one before. It must never be altered in place: a new rule is a new
// migration.

import GRDB

enum LedgerSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: double entry") { db in
            try db.execute(sql: tables + appendOnly(firstTables) + bookkeeping)
        }
        migrator.registerMigration("2: deeds, balances, heads") { db in
            try db.execute(sql: deeds + appendOnly(["operation", "closing", "balance", "head"]) + balances)
        }
        migrator.registerMigration("3: taken jobs") { db in
            try db.execute(sql: jobs + appendOnly(["taken"]))
        }
        migrator.registerMigration("4: successions") { db in
            try db.execute(sql: successions + appendOnly(["succession"]))
        }
        migrator.registerMigration("5: outbox") { db in
            try db.execute(sql: outbox + appendOnly(["payment", "letter", "step", "searched"]))
        }
        migrator.registerMigration("6: Lightning") { db in
            try db.execute(sql: lightning + appendOnly(["preimage", "invoice", "invoice_end"]))
        }
        migrator.registerMigration("7: channels") { db in
            try db.execute(sql: channels + appendOnly(["channel", "voucher", "pledge", "charge"]))
        }
        migrator.registerMigration("8: totals") { db in
            try db.execute(
                sql: totals + lean + appendOnly(["spending", "total", "operation", "link"]) + linkRules
                    + totalsTriggers)
        }
        migrator.registerMigration("9: sales") { db in
            try db.execute(sql: sales + appendOnly(["sale", "turn", "turn_end"]))
        }
        migrator.registerMigration("10: refunds") { db in
            try db.execute(sql: refunds + appendOnly(["refund", "refund_end"]))
        }
        migrator.registerMigration("11: credit") { db in
            try db.execute(sql: credit + appendOnly(["credit_offer", "credit_return", "note"]))
        }
        migrator.registerMigration("12: processes") { db in
            // Which process of aggregator-d is at a job; nothing for what was begun before this was kept.
            try db.execute(
                sql: "ALTER TABLE pledge ADD COLUMN process BLOB; ALTER TABLE turn ADD COLUMN process BLOB;")
        }
        migrator.registerMigration("13: what was sold") { db in
            // Nothing of it decides anything: it is for people.
            try db.execute(
                sql: """
                    ALTER TABLE turn ADD COLUMN model TEXT;
                    ALTER TABLE turn_end ADD COLUMN prompt_tokens INTEGER;
                    ALTER TABLE turn_end ADD COLUMN completion_tokens INTEGER;
                    """)
        }
        migrator.registerMigration("14: held credit") { db in
            try db.execute(sql: held + appendOnly(["purchase", "hold", "hold_step", "reveal", "due"]))
        }
        migrator.registerMigration("16: quotes") { db in try db.execute(sql: quotes) }
        migrator.registerMigration("17: top-ups") { db in
            try db.execute(sql: topUps + appendOnly(["covered"]))
        }
        migrator.registerMigration("20: events in rows") { db in
            try db.execute(sql: eventRows + appendOnly(["event"]))
        }
        migrator.registerMigration("21: payments under way") { db in try db.execute(sql: underWay) }
        return migrator
    }

    private static let tables = """
        CREATE TABLE node (
            singleton INTEGER PRIMARY KEY CHECK (singleton = 1),
            pubkey TEXT NOT NULL
        ) STRICT;

        -- Signed events as canonical JSON: the evidence for every operation.
        CREATE TABLE event (
            id TEXT PRIMARY KEY,
            json BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;

        -- What was done once and never again: issue, spend, earn, own.
        CREATE TABLE operation (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('issue', 'spend', 'earn', 'own')),
            job TEXT NOT NULL,
            at INTEGER NOT NULL,
            receipt TEXT NOT NULL REFERENCES event (id),
            acceptance TEXT REFERENCES event (id),
            CHECK ((kind = 'issue') = (acceptance IS NULL))
        ) STRICT, WITHOUT ROWID;

        -- `at` is Unix milliseconds, `day` the days since 1970 (UTC).
        CREATE TABLE transfer (
            sequence INTEGER PRIMARY KEY CHECK (sequence > 0),
            operation TEXT NOT NULL UNIQUE REFERENCES operation (id),
            kind TEXT NOT NULL,
            at INTEGER NOT NULL,
            day INTEGER NOT NULL CHECK (day = at / 86400000),
            asset TEXT NOT NULL
        ) STRICT;
        CREATE INDEX transfer_day ON transfer (kind, day);

        -- Amounts in micro-units; debits are positive, credits negative.
        CREATE TABLE posting (
            transfer INTEGER NOT NULL REFERENCES transfer (sequence),
            account TEXT NOT NULL,
            amount INTEGER NOT NULL,
            PRIMARY KEY (transfer, account)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX posting_account ON posting (account, amount);

        -- The hash chain. Inserting a link closes its transfer.
        CREATE TABLE link (
            sequence INTEGER PRIMARY KEY REFERENCES transfer (sequence),
            previous BLOB NOT NULL CHECK (length(previous) = 32),
            hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
        ) STRICT;

        """

    private static let firstTables = ["node", "event", "operation", "transfer", "posting", "link"]

    /// Deeds without a receipt carry their own payload. Balances are rows of their own, one for each posting, so that
    /// reading one takes no sum and nothing is ever updated.
    private static let deeds = """
        CREATE TABLE operation_2 (
            id TEXT PRIMARY KEY,
            kind TEXT NOT NULL CHECK (kind IN ('issue', 'spend', 'earn', 'own',
                'deposit', 'reserve', 'post', 'void', 'withdraw')),
            job TEXT NOT NULL,
            at INTEGER NOT NULL,
            receipt TEXT REFERENCES event (id),
            acceptance TEXT REFERENCES event (id),
            payload BLOB,
            CHECK ((kind IN ('issue', 'spend', 'earn', 'own')) = (receipt IS NOT NULL)),
            CHECK ((receipt IS NULL) = (payload IS NOT NULL)),
            CHECK ((kind IN ('spend', 'earn', 'own')) = (acceptance IS NOT NULL))
        ) STRICT, WITHOUT ROWID;
        INSERT INTO operation_2 SELECT id, kind, job, at, receipt, acceptance, NULL FROM operation;
        DROP TABLE operation;
        ALTER TABLE operation_2 RENAME TO operation;

        -- A reservation is closed once: by what posted it, or what voided it.
        CREATE TABLE closing (
            reservation TEXT PRIMARY KEY REFERENCES operation (id),
            operation TEXT NOT NULL UNIQUE REFERENCES operation (id)
        ) STRICT, WITHOUT ROWID;

        -- What an account holds after a transfer. What is set aside, and a wallet of anything but test credits, is
        -- never below zero.
        CREATE TABLE balance (
            account TEXT NOT NULL,
            asset TEXT NOT NULL,
            transfer INTEGER NOT NULL REFERENCES transfer (sequence),
            amount INTEGER NOT NULL CHECK (amount >= 0 OR NOT (
                account GLOB 'held:*' OR (account = 'wallet' AND asset <> 'test:credit'))),
            PRIMARY KEY (account, asset, transfer)
        ) STRICT, WITHOUT ROWID;
        INSERT INTO balance
            SELECT account, asset, transfer, sum(amount) OVER (PARTITION BY account, asset ORDER BY transfer)
            FROM posting JOIN transfer ON transfer.sequence = posting.transfer;

        -- The last link of a day, signed: kept elsewhere, it shows when the end of the chain was cut off.
        CREATE TABLE head (
            day INTEGER PRIMARY KEY,
            sequence INTEGER NOT NULL UNIQUE REFERENCES link (sequence),
            event TEXT NOT NULL UNIQUE REFERENCES event (id)
        ) STRICT;

        """

    /// What strangers asked for and this node took, with the terms as canonical JSON.
    private static let jobs = """
        CREATE TABLE taken (
            client TEXT NOT NULL,
            job TEXT NOT NULL,
            at INTEGER NOT NULL,
            terms BLOB NOT NULL,
            PRIMARY KEY (client, job)
        ) STRICT, WITHOUT ROWID;

        """

    /// Which key followed which, from the one in `node` on.
    private static let successions = """
        CREATE TABLE succession (
            number INTEGER PRIMARY KEY CHECK (number > 0),
            event TEXT NOT NULL UNIQUE REFERENCES event (id),
            successor TEXT NOT NULL UNIQUE
        ) STRICT;
        CREATE TRIGGER succession_follows BEFORE INSERT ON succession
            WHEN NEW.number <> 1 + (SELECT count(*) FROM succession)
            BEGIN SELECT RAISE(ABORT, 'the succession does not follow the one before'); END;

        """

    private static let balances = """
        CREATE TRIGGER posting_balance AFTER INSERT ON posting
            BEGIN
                INSERT INTO balance (account, asset, transfer, amount)
                SELECT NEW.account, transfer.asset, NEW.transfer, NEW.amount + coalesce(
                    (SELECT earlier.amount FROM balance AS earlier
                        WHERE earlier.account = NEW.account AND earlier.asset = transfer.asset
                        ORDER BY earlier.transfer DESC LIMIT 1), 0)
                FROM transfer WHERE transfer.sequence = NEW.transfer;
            END;
        CREATE TRIGGER closing_reservation BEFORE INSERT ON closing
            WHEN (SELECT kind FROM operation WHERE id = NEW.reservation) IS NOT 'reserve'
            BEGIN SELECT RAISE(ABORT, 'only a reservation can be closed'); END;
        CREATE TRIGGER head_follows BEFORE INSERT ON head
            WHEN NEW.day <= (SELECT max(day) FROM head) OR NEW.sequence <= (SELECT max(sequence) FROM head)
            BEGIN SELECT RAISE(ABORT, 'the head does not follow the one before'); END;
        """

    private static func appendOnly(_ tables: [String]) -> String {
        tables.map { table in
            """
            CREATE TRIGGER \(table)_no_update BEFORE UPDATE ON \(table)
                BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
            CREATE TRIGGER \(table)_no_delete BEFORE DELETE ON \(table)
                BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

            """
        }.joined()
    }

    private static let bookkeeping = """
        CREATE TRIGGER posting_closed BEFORE INSERT ON posting
            WHEN EXISTS (SELECT 1 FROM link WHERE sequence = NEW.transfer)
            BEGIN SELECT RAISE(ABORT, 'the transfer is closed'); END;
        """ + linkRules

    private static let linkRules = """
        CREATE TRIGGER link_balanced BEFORE INSERT ON link
            WHEN (SELECT count(*) < 2 OR sum(amount) <> 0 FROM posting WHERE transfer = NEW.sequence)
            BEGIN SELECT RAISE(ABORT, 'the postings do not sum to zero'); END;
        CREATE TRIGGER link_follows BEFORE INSERT ON link
            WHEN NEW.sequence <> 1 + coalesce((SELECT max(sequence) FROM link), 0)
                OR NEW.previous <> coalesce(
                    (SELECT hash FROM link ORDER BY sequence DESC LIMIT 1), zeroblob(32))
            BEGIN SELECT RAISE(ABORT, 'the link does not follow the chain'); END;
        """
}

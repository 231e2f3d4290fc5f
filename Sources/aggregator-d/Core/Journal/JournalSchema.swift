// The journal's tables. It must never be edited in place: a change is a new migration.

import GRDB

enum JournalSchema {
    /// Brings a database to the newest form.
    static func migrate(_ database: any DatabaseWriter) throws {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    CREATE TABLE jobs (
                        job TEXT NOT NULL, served INTEGER NOT NULL, side TEXT NOT NULL, state TEXT NOT NULL,
                        reason TEXT NOT NULL, fix TEXT,
                        model TEXT NOT NULL, peer TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
                        prompt_tokens INTEGER, completion_tokens INTEGER, queue_ms INTEGER, load_ms INTEGER,
                        first_token_ms INTEGER, generate_ms INTEGER, price INTEGER, asset TEXT,
                        PRIMARY KEY (job, served)) STRICT;
                    CREATE INDEX jobs_by_age ON jobs (created_at);
                    CREATE TABLE steps (
                        id INTEGER PRIMARY KEY, job TEXT NOT NULL, served INTEGER NOT NULL, state TEXT NOT NULL,
                        reason TEXT NOT NULL, at INTEGER NOT NULL,
                        FOREIGN KEY (job, served) REFERENCES jobs (job, served) ON DELETE CASCADE) STRICT;
                    CREATE INDEX steps_by_job ON steps (job, served);
                    CREATE TABLE receipts (
                        job TEXT NOT NULL, served INTEGER NOT NULL, event TEXT NOT NULL, receipt TEXT NOT NULL,
                        acceptance TEXT, at INTEGER NOT NULL, PRIMARY KEY (job, served),
                        FOREIGN KEY (job, served) REFERENCES jobs (job, served) ON DELETE CASCADE) STRICT;
                    CREATE INDEX receipts_by_age ON receipts (at);
                    CREATE TABLE outbox (
                        job TEXT NOT NULL, served INTEGER NOT NULL, provider TEXT NOT NULL, endpoint TEXT,
                        attempts INTEGER NOT NULL, next_at INTEGER NOT NULL, error TEXT, PRIMARY KEY (job, served),
                        FOREIGN KEY (job, served) REFERENCES jobs (job, served) ON DELETE CASCADE) STRICT;
                    """)
        }
        migrator.registerMigration("2") { db in
            try db.execute(
                sql: """
                    CREATE TABLE experience (
                        provider TEXT PRIMARY KEY, good REAL NOT NULL, bad REAL NOT NULL, at INTEGER NOT NULL) STRICT
                    """)
        }
        migrator.registerMigration("3") { db in
            try db.execute(
                sql: """
                    CREATE TABLE verification (
                        provider TEXT NOT NULL, model TEXT NOT NULL, consecutive REAL NOT NULL, at INTEGER NOT NULL,
                        PRIMARY KEY (provider, model)) STRICT
                    """)
        }
        migrator.registerMigration("4") { db in
            try db.execute(sql: "ALTER TABLE jobs ADD COLUMN quote TEXT")
        }
        try migrator.migrate(database)
    }
}

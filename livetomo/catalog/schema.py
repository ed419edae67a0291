"""The catalog's tables, as numbered steps: a step that has landed is never changed, a change is a new step."""

import sqlite3

from livetomo.errors import ConfigurationError

STEPS: tuple[str, ...] = (
    """
    CREATE TABLE tomograms (
        id INTEGER PRIMARY KEY,
        watch TEXT NOT NULL,
        session TEXT NOT NULL,
        name TEXT NOT NULL,
        path TEXT NOT NULL,             -- relative to the watch's root
        producer TEXT NOT NULL,
        UNIQUE (watch, session, name),
        UNIQUE (watch, path)
    ) STRICT;
    CREATE TABLE revisions (
        id INTEGER PRIMARY KEY,
        tomogram INTEGER NOT NULL REFERENCES tomograms,
        number INTEGER NOT NULL,
        size INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        digest TEXT NOT NULL,
        halves TEXT NOT NULL,           -- JSON
        metadata TEXT NOT NULL,         -- JSON
        settled_at REAL NOT NULL,
        UNIQUE (tomogram, number)
    ) STRICT;
    CREATE TABLE left_alone (           -- files that were there before the watch was first started
        watch TEXT NOT NULL,
        path TEXT NOT NULL,
        size INTEGER NOT NULL,
        modified_ns INTEGER NOT NULL,
        PRIMARY KEY (watch, path)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE watches (
        name TEXT PRIMARY KEY,
        first_scan_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE recipes (
        hash TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        settings TEXT NOT NULL          -- JSON: what is in force for jobs made under this hash
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY,
        revision INTEGER NOT NULL REFERENCES revisions,
        recipe TEXT NOT NULL REFERENCES recipes,
        state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'superseded', 'cancelled')),
        turn INTEGER NOT NULL DEFAULT 1,        -- grows when a person asks for another try
        attempts INTEGER NOT NULL DEFAULT 0,    -- charged to the input
        interruptions INTEGER NOT NULL DEFAULT 0,  -- in a row, not charged
        not_before REAL NOT NULL DEFAULT 0,
        token TEXT,                             -- of the attempt that holds the lease
        device TEXT,
        lease_until REAL,
        started_at REAL,
        finished_at REAL,
        fault_kind TEXT,
        fault_reason TEXT,
        fault_message TEXT,
        fault_traceback TEXT,
        UNIQUE (revision, recipe)
    ) STRICT;
    CREATE INDEX jobs_by_state ON jobs (state, not_before);
    CREATE TABLE results (
        job INTEGER PRIMARY KEY REFERENCES jobs,
        result_id TEXT NOT NULL UNIQUE,
        folder TEXT NOT NULL,
        verdict TEXT NOT NULL,
        summary TEXT NOT NULL,          -- JSON: quality, counts, previews
        committed_at REAL NOT NULL
    ) STRICT;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        time TEXT NOT NULL,
        kind TEXT NOT NULL,
        watch TEXT NOT NULL,
        session TEXT NOT NULL,
        tomogram TEXT NOT NULL,
        revision INTEGER NOT NULL,
        recipe TEXT NOT NULL,
        version TEXT NOT NULL,
        body TEXT NOT NULL              -- JSON
    ) STRICT;
    CREATE TABLE cursors (
        consumer TEXT PRIMARY KEY,
        seq INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    """,
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, each step in its own transaction; a newer schema is refused."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(STEPS):
        raise ConfigurationError(
            f"the catalog was written by a newer livetomo (schema {version}, this one knows {len(STEPS)}). "
            "Install that version again, or give this one another state."
        )
    for number, step in enumerate(STEPS[version:], start=version + 1):
        connection.executescript(f"BEGIN; {step}; PRAGMA user_version = {number}; COMMIT;")

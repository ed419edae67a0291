-- The first tables. A step that has landed is never changed; blank lines divide its statements.
CREATE TABLE watches (
    name TEXT PRIMARY KEY,
    first_scan_at REAL,             -- NULL until its first scan is complete
    last_claim_at REAL NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE left_alone (       -- files that were there before the watch was first started
    watch TEXT NOT NULL,
    path TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    PRIMARY KEY (watch, path)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    watch TEXT NOT NULL,
    session TEXT NOT NULL,
    opened_at REAL NOT NULL,
    touched_at REAL NOT NULL,       -- when something last landed; 0 before that
    overrides TEXT NOT NULL DEFAULT '{}',   -- JSON: what a person has said about it
    PRIMARY KEY (watch, session)
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_time ON sessions (touched_at);

CREATE TABLE tomograms (
    id INTEGER PRIMARY KEY,
    watch TEXT NOT NULL,
    session TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,         -- relative to the watch's root
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
    halves TEXT NOT NULL,       -- JSON: paths of "even" and "odd"
    metadata TEXT NOT NULL,     -- JSON: what sidecars say
    warning TEXT NOT NULL,
    settled_at REAL NOT NULL,
    UNIQUE (tomogram, number)
) STRICT;

CREATE TABLE recipes (
    hash TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    settings TEXT NOT NULL      -- JSON: what is in force for the jobs made with it
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    queue TEXT NOT NULL,                        -- its tomogram's watch, for the index
    revision INTEGER NOT NULL REFERENCES revisions,
    recipe TEXT NOT NULL REFERENCES recipes,
    urgency INTEGER NOT NULL DEFAULT 0,         -- 0: live; 1: reprocessing
    state TEXT NOT NULL
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'superseded', 'cancelled')),
    turn INTEGER NOT NULL DEFAULT 1,            -- grows when a person asks for another try
    attempts INTEGER NOT NULL DEFAULT 0,        -- charged to the input
    interruptions INTEGER NOT NULL DEFAULT 0,   -- in a row, charged to nobody
    not_before REAL NOT NULL DEFAULT 0,
    token TEXT UNIQUE,                          -- of the attempt that holds the lease
    device TEXT,
    lease_until REAL,
    started_at REAL,
    finished_at REAL,
    fault TEXT,                                 -- JSON: the last one
    UNIQUE (revision, recipe),
    CHECK ((state = 'running') = (token IS NOT NULL))
) STRICT;

CREATE INDEX jobs_by_state ON jobs (state);

-- Counting a million jobs at every scrape would take 50 ms.
CREATE TABLE job_counts (state TEXT PRIMARY KEY, number INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TRIGGER job_made AFTER INSERT ON jobs BEGIN
    INSERT INTO job_counts (state, number) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER job_changed AFTER UPDATE OF state ON jobs BEGIN
    UPDATE job_counts SET number = number - 1 WHERE state = old.state;
    INSERT INTO job_counts (state, number) VALUES (new.state, 1)
        ON CONFLICT (state) DO UPDATE SET number = number + 1;
END;

CREATE INDEX jobs_waiting ON jobs (urgency, queue, id) WHERE state = 'waiting';

CREATE TABLE results (
    job INTEGER PRIMARY KEY REFERENCES jobs,
    result_id TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,
    manifest TEXT NOT NULL,     -- JSON: result.json without its lists of picks
    committed_at REAL NOT NULL,
    maps_removed_at REAL
) STRICT;

CREATE INDEX results_by_folder ON results (folder);

CREATE INDEX results_with_maps ON results (committed_at) WHERE maps_removed_at IS NULL;

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
    body TEXT NOT NULL          -- JSON: what it tells beyond its identity
) STRICT;

CREATE TABLE settings (         -- what a person has asked of the running daemon
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL         -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE cursors (
    consumer TEXT PRIMARY KEY,
    seq INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

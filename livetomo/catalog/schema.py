"""The catalog's tables, as named steps: a step that has landed is never changed, a change is a new step."""

from pathlib import Path

from sqlite_utils import Database, Migrations

from livetomo.core.errors import ConfigurationError

schema = Migrations("livetomo")


@schema(name="001_first")
def _first(db: Database) -> None:
    for statement in Path(__file__).with_name("first_tables.sql").read_text(encoding="utf-8").split("\n\n"):
        db.execute(statement)


@schema(name="002_course")
def _course(db: Database) -> None:
    db.execute("ALTER TABLE sessions ADD COLUMN targets TEXT NOT NULL DEFAULT '{}'")  # JSON: particles by feature
    db.execute("CREATE INDEX verdicts_of_sessions ON events (watch, session, seq) WHERE kind = 'verdict'")


@schema(name="004_epoch")
def _epoch(db: Database) -> None:
    db.execute("""
        CREATE TABLE epochs (               -- the last is in force
            number INTEGER PRIMARY KEY,
            epoch TEXT NOT NULL,            -- a uuid; empty in a copy, so that who works with it begins a new one
            catalog TEXT NOT NULL,          -- a uuid: the same in every copy of this catalog
            began_at TEXT NOT NULL,         -- UTC, ISO 8601
            last INTEGER NOT NULL,          -- the newest event's number as it began
            first INTEGER NOT NULL          -- what the next event is numbered, at least
        ) STRICT""")


@schema(name="003_identity")
def _identity(db: Database) -> None:
    db.execute("ALTER TABLE left_alone ADD COLUMN inode INTEGER NOT NULL DEFAULT 0")  # 0: not known
    db.execute("ALTER TABLE left_alone ADD COLUMN copy_of TEXT NOT NULL DEFAULT ''")  # path of what it is a copy of


@schema(name="005_exclusions")
def _exclusions(db: Database) -> None:
    db.execute("""
        CREATE TABLE exclusions (
            id TEXT PRIMARY KEY,
            watch TEXT NOT NULL,
            session TEXT NOT NULL,
            tomogram TEXT NOT NULL,         -- its name
            feature TEXT NOT NULL,          -- empty: every one
            box TEXT NOT NULL,              -- JSON: lowest and highest voxel index by axis
            result_id TEXT NOT NULL,        -- a rule's is of one result; empty: of each
            who TEXT NOT NULL,
            why TEXT NOT NULL,
            at TEXT NOT NULL,               -- UTC, ISO 8601
            readmitted_at TEXT NOT NULL,    -- empty while it holds
            readmitted_by TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""")
    db.execute("CREATE INDEX exclusions_of_tomograms ON exclusions (watch, session, tomogram)")
    db.execute("ALTER TABLE results ADD COLUMN withheld TEXT")  # JSON: its picks' events, which were not recorded


def migrate(db: Database) -> None:
    """Bring the tables up to date, each step in its own transaction; a newer catalog is refused."""
    known = {step.name for step in schema.pending(Database(memory=True))}
    if newer := sorted({step.name for step in schema.applied(db)} - known):
        raise ConfigurationError(
            f"the catalog was written by a newer livetomo (it has {newer[0]}, which this one does not know). "
            "Install that version again, or choose another state directory."
        )
    schema.apply(db)

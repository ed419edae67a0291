"""The catalog's file survives, or is refused with a clear word."""

import pytest

from livetomo.catalog.database import lock_state, open_database
from livetomo.catalog.schema import schema
from livetomo.core.errors import CatalogCorrupt, ConfigurationError, StateBusy


def test_a_second_daemon_on_the_same_state_is_refused_until_the_first_has_gone(tmp_path):
    lock = lock_state(tmp_path)
    with pytest.raises(StateBusy, match="in use by another"):
        lock_state(tmp_path)
    lock.close()
    lock_state(tmp_path).close()


def test_a_damaged_file_is_refused_by_name(tmp_path):
    path = tmp_path / "catalog.sqlite"
    path.write_bytes(b"this is not a database" * 1000)
    with pytest.raises(CatalogCorrupt, match=r"catalog\.sqlite is damaged"):
        open_database(path)


def test_a_catalog_of_a_newer_version_is_refused(tmp_path):
    db = open_database(tmp_path / "catalog.sqlite")
    schema.ensure_migrations_table(db)
    db["_sqlite_migrations"].insert({"migration_set": "livetomo", "name": "999_future", "applied_at": "later"})
    db.close()
    with pytest.raises(ConfigurationError, match="newer livetomo"):
        open_database(tmp_path / "catalog.sqlite")


def test_what_is_committed_is_synchronised_to_the_disk(tmp_path):
    db = open_database(tmp_path / "catalog.sqlite")
    assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert db.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db.execute("PRAGMA foreign_keys").fetchone() == (1,)

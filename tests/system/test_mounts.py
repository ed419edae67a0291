"""Which file system a path lies on, from tables of mounts good and bad."""

from pathlib import Path

import pytest

from livetomo.system.mounts import UNKNOWN, FileSystem, file_system

TABLE = r"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
30 27 0:30 / /data rw,relatime shared:2 master:1 - nfs4 server:/export/data rw,vers=4.2
31 30 0:31 / /data/krios\0401 rw - lustre 10.0.0.1@tcp:/scratch rw
32 27 0:32 / /data2 rw - autofs systemd-1 rw
33 32 0:33 / /data2 rw - gpfs gpfs0 rw
34 27 0:34 broken line
35
"""


@pytest.fixture
def table(tmp_path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("path", "kind", "is_network"),
    [
        ("/var/lib", "ext4", False),
        ("/data", "nfs4", True),
        ("/data/krios2/not/there/yet", "nfs4", True),
        ("/data/krios 1/x", "lustre", True),
        ("/database", "ext4", False),
        ("/data2/x", "gpfs", True),
    ],
)
def test_the_longest_and_latest_mount_counts(table, path, kind, is_network):
    found = file_system(Path(path), table)
    assert (found.kind, found.is_network) == (kind, is_network)


def test_a_link_is_judged_by_where_it_leads(table, tmp_path):
    (tmp_path / "link").symlink_to("/data/x")
    assert file_system(tmp_path / "link", table).kind == "nfs4"


def test_without_a_table_nothing_is_claimed(tmp_path):
    assert file_system(Path("/"), tmp_path / "absent") == UNKNOWN
    assert not UNKNOWN.is_network


def test_this_machines_own_table_is_understood():
    assert file_system(Path("/")).mounted_at == "/"
    assert str(FileSystem("nfs4", "server:/data", "/data")) == "nfs4 server:/data"

"""A producer of another package: its files are taken as those of any producer; where it fails, the watch waits."""

import sys

import pytest

from livetomo.config.configuration import load_config
from livetomo.config.cross_checks import check_config
from livetomo.core.errors import ConfigurationError
from tests.intake.fakes import Clock, FakeTree, mrc
from tests.intake.joined import Joined
from tests.plugin_packages import Install, install

__all__ = ["install"]
PRODUCER = """
import re
from livetomo.intake.producers import Producer, Recognised, Signal
FAILS = ()
class Cell(Producer):
    name = "cell"
    def volume(self, path):
        if "volume" in FAILS: raise RuntimeError("no idea")
        if "answer" in FAILS: return "full"
        folder, _, name = path.rpartition("/")
        if match := re.fullmatch(r"tomo_(.+)[.]mrc", name):
            return Recognised("full", "" if "nameless" in FAILS else match[1], f"{folder}/{match[1]}")
    def signal(self, file, path, tree):
        if "signal" in FAILS: raise KeyError("done")
        if "answer" in FAILS: return True
        return Signal("given")
    def sidecars(self, file, path):
        if "sidecars" in FAILS: raise TypeError("sidecars")
        return None if "forgets" in FAILS else "A/1.mdoc" if "text" in FAILS else ()
    def order(self, path):
        return "3" if "order" in FAILS else 0
"""
POINTS = {"producers": {"cell": "facility_x:Cell"}}


@pytest.fixture
def watched(install: Install) -> Joined:
    install("facility-x", POINTS, PRODUCER)
    one = Joined(FakeTree(), Clock(), producers=("cell", "generic"), halves_patience=60.0)
    one.tree.write("A/tomo_1.mrc", mrc())
    return one


def fails(*methods: str) -> None:
    sys.modules["facility_x"].FAILS = methods


def trouble(one: Joined) -> str:
    return one.watcher.report().trouble


def test_its_tomograms_are_taken_and_say_which_package_took_them(watched: Joined):
    watched.run(60)
    assert watched.jobs() == [("A/1", 1, "waiting")]
    (made,) = watched.process()
    package = {"kind": "producer", "name": "cell", "distribution": "facility-x", "version": "1.2"}
    assert made.manifest.metadata["producer"] == package
    assert trouble(watched) == ""


@pytest.mark.parametrize("method", ["volume", "sidecars", "answer", "forgets", "text", "order", "nameless"])
def test_what_it_cannot_name_is_taken_by_nobody_until_it_is_repaired(watched: Joined, method: str):
    fails(method)
    watched.run(60)
    assert watched.jobs() == []
    assert trouble(watched).startswith('A/tomo_1.mrc: producer "cell" of the package facility-x 1.2 failed: ')
    fails()
    watched.run(60)
    assert watched.jobs() == [("A/1", 1, "waiting")]
    assert trouble(watched) == ""


def test_a_signal_that_it_cannot_give_is_waited_for(watched: Joined):
    fails("signal")
    watched.run(40)
    assert watched.jobs() == []
    assert "failed: KeyError: 'done'" in trouble(watched)
    fails()
    watched.run(30)
    assert watched.jobs() == [("A/1", 1, "waiting")]


def test_old_files_are_left_alone_only_once_it_can_name_them(install: Install):
    install("facility-x", POINTS, PRODUCER)
    one = Joined(FakeTree(), Clock(), producers=("cell",), since="now")
    one.tree.write("A/tomo_1.mrc", mrc())
    fails("volume")
    one.run(60)
    assert "RuntimeError: no idea" in trouble(one)
    fails()
    one.run(10)
    one.tree.write("A/tomo_2.mrc", mrc())
    one.run(60)
    assert watched_names(one) == ["A/2"]


def watched_names(one: Joined) -> list[str]:
    return [name for name, _, _ in one.jobs()]


@pytest.mark.parametrize(
    "source",
    [
        "import a_library_that_is_not_there",
        PRODUCER + "    def __init__(self): raise RuntimeError('no licence')",
        PRODUCER + "    suffixes = '.mrc'",
    ],
)
def test_a_watch_that_names_it_is_refused_where_it_cannot_be_made(install: Install, tmp_path, source):
    install("facility-x", POINTS, source)
    (tmp_path / "raw").mkdir()
    text = f'site = "here"\nstate = "{tmp_path}/state"\noutput = "{tmp_path}/results"\n[[watch]]\nname = "krios1"\n'
    path = tmp_path / "livetomo.toml"
    path.write_text(f'{text}path = "raw"\nproducers = ["cell"]\n')
    with pytest.raises(ConfigurationError, match=r'watch "krios1": "producers": producer "cell" of the package facil'):
        check_config(load_config(path))
    path.write_text(f'{text}path = "raw"\nproducers = ["imod"]\n')
    check_config(load_config(path))
    path.write_text(f'{text}path = "raw"\nproducers = ["sell"]\n')
    with pytest.raises(ConfigurationError, match=r'"producers" has "sell"; write "aretomo3", .* or "cell". Did you m'):
        load_config(path)

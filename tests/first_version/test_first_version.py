"""A catalog and results that the first version left: they open, verify, rebuild, and say the same under the same ids.

`first_version.tar.xz` was made by the code of commit c50b5df, with three tomograms of 40 voxels in /data/facility; one
was written twice, one was no tomogram. `published.json` is what its catalog held.
"""

import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.cli import livetomo_command
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.results.session_picks import newest_results, read_picks

HERE = Path(__file__).parent
PUBLISHED = json.loads((HERE / "published.json").read_text())
MADE_IN = "/data/facility"


@pytest.fixture
def facility(tmp_path: Path) -> Path:
    with tarfile.open(HERE / "first_version.tar.xz") as packed:
        packed.extractall(tmp_path, filter="data")
    (tmp_path / "raw").mkdir()
    (tmp_path / "state").mkdir()
    (tmp_path / "livetomo.toml").write_text(
        f'site = "facility"\nstate = "{tmp_path}/state"\noutput = "{tmp_path}/out"\n[[watch]]\nname = "krios1"\n'
        f'path = "{MADE_IN}/raw"\nrecipe = "untrained"\n'
    )
    return tmp_path


def livetomo(folder: Path, command: str, *arguments: str) -> str:
    words = [command, *arguments, "-c", str(folder / "livetomo.toml")]
    done = CliRunner().invoke(livetomo_command, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def events(catalog: Catalog) -> list[list[object]]:
    recorded = catalog.event_log.after(0, 1000)
    return [[r.event.kind, r.event.tomogram.name, r.event.revision, r.event.version, r.event_id] for r in recorded]


def standing(catalog: Catalog) -> list[list[str]]:
    rows = catalog.db.execute("SELECT result_id, state FROM results JOIN jobs ON jobs.id = job ORDER BY job").fetchall()
    return sorted(map(list, rows))


def test_its_catalog_opens_and_goes_on(facility: Path) -> None:
    catalog = Catalog(open_database(facility / "catalog.sqlite"), site="facility", instance="main")
    assert events(catalog) == PUBLISHED["events"]
    assert standing(catalog) == sorted(PUBLISHED["results"])
    assert len(catalog.arrivals.known_files("krios1")) >= 3
    totals = catalog.views.totals("krios1", "20261120_yeast")
    assert totals.tomograms == 3
    assert totals.picks["ribosome"] > 0
    assert totals.targets[0].wanted == 100


def test_its_results_make_a_catalog_that_publishes_the_same_ids(facility: Path) -> None:
    livetomo(facility, "rebuild")
    catalog = Catalog(open_database(facility / "state" / "catalog.sqlite"), site="facility", instance="main")
    ids = {event[-1] for event in events(catalog)}
    failed = {event[-1] for event in PUBLISHED["events"] if event[1] == "TS_03"}  # of what failed there is no result
    assert ids == {event[-1] for event in PUBLISHED["events"]} - failed
    assert standing(catalog) == sorted(PUBLISHED["results"])


def test_its_backup_is_put_in_force(facility: Path) -> None:
    livetomo(facility, "restore", str(facility / "catalog.sqlite"), "--catalog-only")
    catalog = Catalog(open_database(facility / "state" / "catalog.sqlite"), site="facility", instance="main")
    assert events(catalog) == PUBLISHED["events"]


def test_its_results_are_whole_and_their_picks_are_read(facility: Path) -> None:
    from livetomo.results.folder import damage, find_results

    folders = find_results(str(facility / "out"))
    assert len(folders) == len(PUBLISHED["results"])
    assert [harm for folder in folders for harm in damage(folder)] == []
    session = facility / "out" / "krios1" / "20261120_yeast"
    results = newest_results(session)
    for result in results:
        (placed,) = read_picks([result], "ribosome")
        assert len(placed.picks) == result.manifest.picks["ribosome"].count > 0


def test_its_recipes_have_the_hashes_that_they_had(facility: Path) -> None:
    assert load_recipe("untrained").hash == PUBLISHED["recipes"]["untrained"]
    # `cellular` has other networks and a limit of false picks since then: its results have to count as others.
    assert load_recipe("cellular").hash != "5e0d722fb8972be416e7ba43b1b82e3ae42c2c53a376de20a23ccafee212e7df"
    for path in (facility / "out").glob("**/result.json"):
        recipe = json.loads(path.read_text())["recipe"]
        assert Recipe.model_validate(recipe["settings"]).hash == recipe["hash"]

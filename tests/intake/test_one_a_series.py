"""However often a tilt series is reconstructed, exports hold one tomogram of it, and never lose a different one."""

import json

import pytest

from livetomo.catalog.catalog import Catalog
from livetomo.catalog.database import open_database
from livetomo.catalog.rebuild import rebuild
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.formats.frame import Frame
from tests.intake.fakes import Clock, FakeTree, mrc
from tests.intake.joined import Joined

MDOC = "ImageSize = 4096 4096\n[ZValue = {n}]\nTiltAngle = {n}\nDateTime = 20-Nov-26  10:{n:02d}:00\n"
SUCCESS, FAILURE, ABORTED = (f"RELION_JOB_EXIT_{end}" for end in ("SUCCESS", "FAILURE", "ABORTED"))


def joined(*producers: str, **settings) -> Joined:
    return Joined(FakeTree(), Clock(), producers=producers, session="{session}/**", halves_patience=60.0, **settings)


def write(one: Joined, *paths: str) -> None:
    for path in paths:
        one.tree.write(path, mrc(fill=path.encode()))


def job(one: Joined, number: int, *names: str, end: str = SUCCESS) -> None:
    folder = f"proj/Tomograms/job{number:03d}"
    one.tree.write(f"{folder}/{end}", b"")
    write(one, *(f"{folder}/tomograms/rec_{name}.mrc" for name in names))


def retracted(one: Joined) -> dict[str, str]:
    events = [r.event for r in one.catalog.event_log.after(0, 1000)]
    return {event.tomogram.name: event.body["reason"] for event in events if event.kind == "retracted"}


def names(one: Joined) -> dict[str, str]:
    """In force: the file's path, and what the tomogram is called in exports."""
    rows = one.catalog.db.query(
        """SELECT path, name, metadata FROM tomograms JOIN revisions ON tomogram = tomograms.id
           JOIN jobs ON revision = revisions.id WHERE state = 'done' ORDER BY path"""
    )
    return {
        row["path"]: Frame.of_metadata(
            row["name"], TomogramGeometry((8, 8, 8), 10.0), SidecarFacts.from_json(json.loads(row["metadata"]))
        ).series
        for row in rows
    }


def test_the_latest_job_that_has_not_failed_is_in_force_and_the_others_are_retracted():
    one = joined("relion5")
    job(one, 12, "TS_01_half1", "TS_01_half2")
    job(one, 9, "TS_01", "TS_02")
    job(one, 5, "TS_01", "TS_02")
    job(one, 13, "TS_01", end=FAILURE)
    job(one, 14, "TS_02", end=ABORTED)
    one.run(120)
    one.process()
    tomograms = "proj/Tomograms"
    assert names(one) == {
        f"{tomograms}/job009/tomograms/rec_TS_02.mrc": "TS_02",
        f"{tomograms}/job012/tomograms/rec_TS_01_half1.mrc": "TS_01",
    }
    assert len(retracted(one)) == 5
    assert all("another reconstruction of the same tilt series" in reason for reason in retracted(one).values())
    totals = one.catalog.views.totals("krios1", "proj")
    assert (totals.tomograms, totals.picks) == (2, {"ribosome": 4})
    (view,) = one.catalog.views.sessions()
    assert (view.tomograms, view.states) == (2, {"done": 2, "superseded": 5})
    warnings = {
        tomogram.warning for tomogram in one.catalog.views.tomograms("krios1", "proj") if tomogram.state == "superseded"
    }
    assert all(warning.startswith("superseded by TS_0") for warning in warnings)


def test_a_later_job_takes_over_when_it_is_done_and_not_before():
    one = joined("relion5")
    job(one, 5, "TS_01")
    one.run(60)
    one.process()
    job(one, 9, "TS_01")
    one.run(60)
    assert one.exported("proj") == ["/results/proj/TS_01/r1"]
    assert retracted(one) == {}
    before = one.catalog.event_log.last()
    one.process()
    assert one.exported("proj") == ["/results/proj/TS_01-2/r1"]
    kinds = [(r.event.kind, r.event.tomogram.name) for r in one.catalog.event_log.after(before, 100)]
    assert kinds.index(("retracted", "TS_01")) < kinds.index(("picks", "TS_01-2")), (
        "no particle stands twice in between"
    )


def test_a_failed_job_is_in_force_only_where_there_is_no_other():
    one = joined("relion5")
    job(one, 3, "TS_01", end=FAILURE)
    one.run(60)
    (found,) = one.process()
    assert found.manifest.metadata["notes"] == [f"it may be unfinished: its job ended with {FAILURE}"]
    assert one.exported("proj") == ["/results/proj/TS_01/r1"]
    job(one, 2, "TS_01")
    one.run(60)
    one.process()
    assert one.exported("proj") == ["/results/proj/TS_01-2/r1"]


def test_what_was_superseded_is_not_processed_again_but_a_revision_of_it_is():
    one = joined("relion5")
    job(one, 5, "TS_01")
    job(one, 9, "TS_01")
    one.run(60)
    one.process()
    other = one.recipe.model_copy(update={"density": "bright"})
    from livetomo.catalog.operator_requests import Selection

    assert one.catalog.operator_requests.reprocess(Selection(session="proj"), "bright", other) == 1
    one.process()
    assert one.exported("proj") == ["/results/proj/TS_01-2/r1"]


def test_a_catalog_made_from_the_results_has_the_same_in_force_under_the_same_event_ids():
    one = joined("relion5")
    results = []
    for number in (5, 9, 7):
        job(one, number, "TS_01", "TS_02")
        one.run(60)
        results += one.process()
    again = Catalog(open_database(None), site="here", instance="main", now=one.catalog.now)
    rebuild(again, results)
    assert again.views.standing_results("krios1", "proj").keys() == set(one.exported("proj"))
    ids = [{r.event_id for r in each.event_log.after(0, 1000)} for each in (one.catalog, again)]
    assert ids[0] == ids[1]


SAME = [
    ("relion5", "proj/Tomograms/job005/tomograms/rec_TS_01.mrc", "proj/Tomograms/job009/tomograms/rec_TS_01.mrc"),
    (
        "relion5",
        "s/a/Tomograms/job005/tomograms/rec_TS_01.mrc",
        "s/a/ReconstructTomograms/job1002/tomograms/rec_TS_01.mrc",
    ),
    ("warp", "s/warp/reconstruction/TS_01_10.00Apx.mrc", "s/warp/reconstruction/TS_01_20.00Apx.mrc"),
    ("warp", "s/warp/reconstruction/TS_01_10.00Apx.mrc", "s/warp/reconstruction_2/TS_01_10.00Apx.mrc"),
    ("aretomo3", "s/aretomo_bin4/TS_01_Vol.mrc", "s/aretomo_bin8/TS_01_Vol.mrc"),
    (
        "cryoem_services",
        "s/relion/Tomograms/job006/tomograms/TS_01_Vol.mrc",
        "s/relion/Tomograms/job010/tomograms/TS_01_Vol.mrc",
    ),
    ("cryoem_services", "s/grid1_10Apx/TS_01_Vol.mrc", "s/grid1_20Apx/TS_01_Vol.mrc"),
    ("imod", "s/etomo/TS_01/TS_01_rec.mrc", "s/etomo_bin8/TS_01/TS_01_rec.mrc"),
]
DIFFERENT = [
    ("generic", "s/grid1/TS_01.mrc", "s/grid2/TS_01.mrc"),
    ("generic", "s/bin4/TS_01.mrc", "s/bin8/TS_01.mrc"),
    ("aretomo3", "s/grid1/Position_1_Vol.mrc", "s/grid2/Position_1_Vol.mrc"),
    ("imod", "s/grid1/TS_01/TS_01_rec.mrc", "s/grid2/TS_01/TS_01_rec.mrc"),
    ("warp", "s/grid1/TS_01_10.00Apx.mrc", "s/grid2/TS_01_10.00Apx.mrc"),
    ("relion5", "s/a/Tomograms/job005/tomograms/rec_TS_01.mrc", "s/b/Tomograms/job005/tomograms/rec_TS_01.mrc"),
    ("relion5", "s/a/rec_TS_01.mrc", "s/b/rec_TS_01.mrc"),
    ("relion5", "s/Tomograms/job005/tomograms/rec_TS_01.mrc", "s/Tomograms/job009/tomograms/rec_TS_01-2.mrc"),
]


def both(producer: str, first: str, second: str) -> Joined:
    one = joined(producer)
    for path in (first, second):
        for parent in ("/".join(path.split("/")[:depth]) for depth in range(path.count("/"))):
            if parent.rpartition("/")[2].startswith("job"):
                one.tree.write(f"{parent}/{SUCCESS}", b"")
        write(one, path)
        one.run(90)
        one.process()
    return one


@pytest.mark.parametrize(("producer", "first", "second"), SAME)
def test_a_series_that_its_producer_made_again_stands_once(producer, first, second):
    one = both(producer, first, second)
    assert names(one) == {second: "TS_01"}


@pytest.mark.parametrize(("producer", "first", "second"), DIFFERENT)
def test_different_series_of_one_name_both_stand(producer, first, second):
    assert len(names(both(producer, first, second))) == 2


def test_the_same_mdoc_makes_two_volumes_of_any_software_one_series_and_another_mdoc_two():
    one = joined("generic")
    for folder, minute in (("s/bin4", 1), ("s/bin8", 1), ("s/other", 2)):
        one.tree.write(f"{folder}/TS_01.mdoc", MDOC.format(n=minute).encode())
        write(one, f"{folder}/TS_01.rec")
        one.run(60)
        one.process()
    assert set(names(one)) == {"s/bin8/TS_01.rec", "s/other/TS_01.rec"}
    two = joined("aretomo3")
    for folder, minute in (("s/bin4", 1), ("s/bin8", 2)):
        two.tree.write(f"{folder}/TS_01.mdoc", MDOC.format(n=minute).encode())
        write(two, f"{folder}/TS_01_Vol.mrc")
        two.run(60)
        two.process()
    assert len(names(two)) == 2, "acquired at another time: not the same series, whatever the folders say"


def test_evidence_that_comes_late_counts():
    one = joined("generic")
    write(one, "s/bin4/TS_01.rec", "s/bin8/TS_01.rec")
    one.run(60)
    one.process()
    assert len(names(one)) == 2
    for folder in ("s/bin4", "s/bin8"):
        one.tree.write(f"{folder}/TS_01.mdoc", MDOC.format(n=1).encode())
    one.run(120)
    assert set(names(one)) == {"s/bin8/TS_01.rec"}

"""What the second look adds to the first."""

from livetomo.intake.settings import WatchSettings
from livetomo.intake.survey import Survey
from tests.intake.fakes import mrc


def test_what_changes_or_comes_between_the_two_looks_is_not_taken_and_what_goes_is_not_told(tree):
    for name in ("rests", "grows", "goes"):
        tree.write(f"s/{name}.mrc", mrc(fill=name.encode()))
    survey = Survey(WatchSettings("krios1", "/data"), tree)
    survey.look()
    tree.write("s/grows.mrc", mrc())
    tree.write("s/comes.mrc", mrc())
    tree.delete("s/goes.mrc")
    found = {file.path: (file.taken, file.reason) for file in survey.report()}
    assert found == {
        "/data/s/rests.mrc": (True, "complete"),
        "/data/s/grows.mrc": (False, "still changing"),
        "/data/s/comes.mrc": (False, "still changing"),
    }

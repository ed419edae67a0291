"""Every spelling of half maps that is recognised is paired, and no other."""

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from livetomo.config.patterns import SessionPattern
from livetomo.intake.halves import HalfSearch
from livetomo.intake.producers import choose, recognise
from livetomo.intake.tree import Neighbours
from tests.intake.fakes import FakeTree, mrc

TAGS = [("even", "odd"), ("Even", "Odd"), ("EVN", "ODD"), ("evn", "odd"), ("half1", "half2"), ("Half_1", "Half_2")]
TAGS += [("halfmap1", "halfmap2"), ("even_frames", "odd_frames"), ("half_map_1", "half_map_2")]
LETTERED = [("halfA", "halfB"), ("half_a", "half_b"), ("HalfMap-A", "HalfMap-B")]
FULL_NAMES = ["TS_01.mrc", "TS_01.rec", "TS_01_rec.mrc", "TS_01_Vol.mrc", "rec_TS_01.mrc", "TS_01_10.00Apx.mrc"]
PRODUCERS = [("generic",), ("imod", "warp", "generic"), ("aretomo3", "relion5", "cryoem_services", "generic")]


def tagged(name: str, tag: str, separator: str) -> str:
    """`name` with a tag before its ending, or before the tail that its program writes."""
    for tail in ("_rec.mrc", "_Vol.mrc", "_10.00Apx.mrc", ".mrc", ".rec"):
        if name.endswith(tail):
            return f"{name.removesuffix(tail)}{separator}{tag}{tail}"
    raise AssertionError(name)


SPELLINGS = {
    "behind the name": lambda folder, name, tag, separator: folder + tagged(name, tag, separator),
    "before the name": lambda folder, name, tag, separator: f"{folder}{tag}{separator}{name}",
    "a folder": lambda folder, name, tag, separator: f"{folder}{tag}/{name}",
    "a folder and the name": lambda folder, name, tag, separator: f"{folder}{tag}/{tagged(name, tag, separator)}",
    "a folder above": lambda folder, name, tag, separator: f"sess/{tag}/{folder.removeprefix('sess/')}{name}",
    "a folder beside": lambda folder, name, tag, separator: f"sess/a{separator}{tag}/{name}",
}


@settings(max_examples=150, deadline=None)
@example("sess/", "TS_01.mrc", ("halfA", "halfB"), "_", "behind the name", ("generic",), "")
@example("sess/", "TS_01_rec.mrc", ("half_a", "half_b"), "_", "behind the name", ("imod", "generic"), "")
@example("sess/", "TS.rec", ("EVN", "ODD"), "_", "behind the name", ("imod", "warp", "generic"), "")
@given(
    folder=st.sampled_from(["sess/", "sess/a/"]),
    name=st.sampled_from(FULL_NAMES),
    tags=st.sampled_from(TAGS + LETTERED),
    separator=st.sampled_from("_-."),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    producers=st.sampled_from(PRODUCERS),
    compressed=st.sampled_from(["", ".gz"]),
)
def test_a_half_that_is_recognised_is_found_from_its_full_volume(
    folder, name, tags, separator, spelling, producers, compressed
):
    assume(not (tags in LETTERED and spelling != "behind the name"))
    if spelling == "a folder beside":
        folder = "sess/a/"
    places = [SPELLINGS[spelling](folder, name, tag, separator) + compressed for tag in tags]
    full = folder + name + compressed
    tree = FakeTree()
    for path in (full, *places, "sess/TS_02.mrc", "sess/TS_02_even.mrc", "sess/a/even/TS_010.mrc"):
        tree.write(path, mrc())
    chosen, session = choose(producers), SessionPattern("{session}/**")
    # AreTomo3 calls its split tilt stacks so.
    assume(not (producers[0] == "aretomo3" and places[0].endswith(("_EVN.mrc", "_EVN.mrc.gz"))))
    for role, path in zip(("even", "odd"), places, strict=True):
        assert recognise(chosen, path, "sess/")[1].role == role
    search = HalfSearch(chosen, session, Neighbours(tree))
    _, file = recognise(chosen, full, "sess/")
    assert file.role == "full"
    assert search.places(file, full) == [("even", places[0]), ("odd", places[1])]


def test_halves_go_with_a_full_volume_that_is_called_full_or_has_another_ending():
    tree = FakeTree()
    for path in ("s/A_full.mrc", "s/A_EVN.mrc", "s/A_ODD.mrc", "s/B.rec", "s/B_EVN.mrc", "s/B_ODD.mrc"):
        tree.write(path, mrc())
    producers = choose(("imod", "generic"))
    search = HalfSearch(producers, SessionPattern("{session}/**"), Neighbours(tree))
    for name in ("A_full.mrc", "B.rec"):
        _, file = recognise(producers, f"s/{name}", "s/")
        assert search.places(file, f"s/{name}") == [("even", f"s/{name[0]}_EVN.mrc"), ("odd", f"s/{name[0]}_ODD.mrc")]

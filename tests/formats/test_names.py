"""Whatever a tomogram is called, every format holds it: written and read back, with starfile as the referee."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import starfile
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from livetomo.core.errors import NoStarWord
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.picks import Picks
from livetomo.formats.candidates import candidates_text, has_all_digits, read_candidates
from livetomo.formats.exporter import EXPORTERS
from livetomo.formats.frame import Frame, Placed
from livetomo.formats.names import as_relion_has_it, dashed, plain, relion_file, word
from livetomo.formats.star import loop_text, pairs_text, parse_loops
from livetomo.results.session_files import NAMES, read_names, write_session
from tests.exported import WITHOUT_ANGLES, WITHOUT_SCORES, files_of

HOSTILE = [
    "TS_01", "TS 01", "Position 1 (2)", " lead", "trail ", "TS'01", 'TS"01', "it's a \"x\"", "'TS'", '"',
    "TS#01", "#TS", "_rlnX", "_rlnTomoName", "loop_", "data_x", "data_", "save_x", "stop_", "global_", "LOOP_",
    ";TS", "$x", "[x]", "]", "00255", "255", "1e5", "0x10", "1_000", "nan", "NaN", "NA", "None", "null", "true",
    "True", "inf", "-inf", "-1", "+1", "TS\n01", "TS\t01", "TS\r01", "a\u2028b", "a\u2029b", "a\x85b", "a\x1fb",
    "a\x0bb", "a\xa0b", "a\u200bb", "\ufeffa", "Zelle_ä", "Zelle_a\u0308", "断层_01", "שלום", "cell🧫", "٣",
    "L" * 240, "ü" * 120, "dot.", ".dot", "-rf", "[1]*?", "a$b`c`;rm", "TS_01,b", "<b>x</b>", "{tomogram}",
    "~TS", "TS%2F01", "TS+01", "000001@x", "TS-01", "TS_1-2", "TS_1_2", "ts_01", "a/b", "a\\b", "..", "=1+1",
    " ", "\n", "TS_01.mrc", "1 2 3", "1,5",
]  # fmt: skip
NAMES_OF_ANY_KIND = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=30),
    st.text("aA1_-. '\"#\t\n;$[]\u2028é,", min_size=1, max_size=6),
)
STARS = {"relion5": ("ribosome.star", "rlnTomoName"), "relion4": ("ribosome.star", "rlnTomoName"),
         "warp": ("ribosome_10.00A.star", "rlnMicrographName")}  # fmt: skip
FEW = settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
SHAPE = (40, 61, 80)
GEOMETRY = TomogramGeometry(SHAPE, 10.0)


@st.composite
def picks(draw):
    count = draw(st.integers(0, 4))

    def column(low, high, width=()):
        numbers = st.floats(low, high, width=32)
        return np.array(draw(st.lists(numbers, min_size=count * max(1, *width, 0), max_size=count * max(1, *width, 0))),
                        np.float32).reshape(count, *width)  # fmt: skip

    position = column(0, 100, (3,))
    volume = draw(st.sampled_from([np.full(count, np.nan, np.float32), np.full(count, 1.25e6, np.float32)]))
    euler = column(-170, 170, (3,)) if draw(st.booleans()) else None
    return Picks(position, column(0, 1), volume, euler, column(0, 1) if draw(st.booleans()) else None)


@st.composite
def sessions(draw):
    """Tomograms of one session: no two have the same name."""
    names = draw(st.lists(NAMES_OF_ANY_KIND, min_size=1, max_size=6, unique=True))
    return [Placed(draw(picks()), Frame(name, GEOMETRY, draw(st.sampled_from([None, 2.5])))) for name in names]


def one(name, count=2):
    score = np.array([0.9, 0.6], np.float32)[:count]
    position = np.array([[1, 2, 3], [4, 5, 6.5]], np.float32)[:count]
    return Placed(Picks(position, score, np.full(count, 1e6, np.float32)), Frame(name, GEOMETRY))


def assert_read(back: Picks, written: Picks, *, scores=True, angles=True):
    np.testing.assert_allclose(back.position, written.position, atol=2e-3)
    if scores:
        np.testing.assert_allclose(back.score, written.score, atol=1e-6)
    if angles and written.euler is not None and len(written):
        assert back.euler is not None
        turns = (Rotation.from_euler("ZYZ", each.euler.astype(float), degrees=True) for each in (back, written))
        assert (next(turns) * next(turns).inv()).magnitude().max() < 1e-3


def assert_all_are_read(name: str, sets: list[Placed], folder: Path):
    """By our own reader, and by starfile: every name, position and score, as many as were written."""
    exporter = EXPORTERS[name]
    written = write_session(sets, "ribosome", name, folder)
    files = files_of(exporter, folder, written)
    back = exporter.read_session(files, "ribosome", [placed.frame for placed in sets])
    assert len({exporter.called(placed.frame) for placed in sets}) == len(sets)
    known = read_names(folder)
    oriented = all(placed.picks.euler is not None for placed in sets if len(placed.picks))
    for placed in sets:
        called = exporter.called(placed.frame)
        assert known.get(called, called) == placed.frame.name
        assert_read(back.get(called, Picks.none()), placed.picks, scores=name not in WITHOUT_SCORES,
                    angles=oriented and name not in WITHOUT_ANGLES)  # fmt: skip
    if name in STARS:
        file, column = STARS[name]
        table = starfile.read(folder / file)
        counts = {exporter.called(p.frame): len(p.picks) for p in sets if len(p.picks)}
        read = table[column].astype(str).str.removesuffix(".tomostar").value_counts().to_dict() if len(table) else {}
        assert read == counts


@pytest.mark.parametrize("name", EXPORTERS)
def test_a_session_of_hostile_names_is_read_back_whole(name, tmp_path):
    assert_all_are_read(name, [one(each) for each in HOSTILE], tmp_path)


def test_a_row_of_a_table_is_a_line_and_any_reader_of_csv_reads_the_names(tmp_path):
    write_session([one(each) for each in HOSTILE], "ribosome", "csv", tmp_path)
    known = read_names(tmp_path)
    assert len((tmp_path / "ribosome.csv").read_text().splitlines()) == 1 + 2 * len(HOSTILE)
    with (tmp_path / "ribosome.csv").open() as file:
        assert Counter(known.get(row["tomogram"], row["tomogram"]) for row in csv.DictReader(file)) == Counter(
            HOSTILE * 2
        )
    table = pd.read_csv(tmp_path / "ribosome.csv", dtype={"tomogram": str}, keep_default_na=False)
    assert Counter(known.get(name, name) for name in table["tomogram"]) == Counter(HOSTILE * 2)


@pytest.mark.parametrize("name", STARS)
@pytest.mark.parametrize("tomogram", HOSTILE)
def test_starfile_reads_each_hostile_name_alone(name, tomogram, tmp_path):
    """Where all names of a file look like numbers, a table reader takes them for such."""
    assert_all_are_read(name, [one(tomogram)], tmp_path)


@pytest.mark.parametrize("name", EXPORTERS)
@given(sets=sessions())
@FEW
def test_any_session_is_read_back_whole(name, sets, tmp_path_factory):
    assert_all_are_read(name, sets, tmp_path_factory.mktemp("export"))


@pytest.mark.parametrize("name", EXPORTERS)
@given(placed=st.builds(lambda name, those: Placed(those, Frame(name, GEOMETRY)), NAMES_OF_ANY_KIND, picks()))
@FEW
def test_the_file_of_one_tomogram_is_read_back(name, placed):
    back = EXPORTERS[name].read(EXPORTERS[name].content(placed, "ribosome"), placed.frame)
    assert_read(back, placed.picks, scores=name not in WITHOUT_SCORES, angles=name not in (*WITHOUT_ANGLES, "peet"))


@given(NAMES_OF_ANY_KIND, picks())
@example("TS_01", Picks(np.array([[1e-7, -0.0, 1 / 3]], np.float32), np.ones(1, np.float32), np.ones(1, np.float32)))
@settings(max_examples=60, deadline=None)
def test_candidates_lose_no_bit(name, found):
    frame = Frame(name, TomogramGeometry(SHAPE, 13.48))
    text = candidates_text(Placed(found, frame))
    assert has_all_digits(text)
    back = read_candidates(text, frame)
    for column in ("position", "score", "volume", "euler", "false_share"):
        assert as_bytes(getattr(back, column)) == as_bytes(getattr(found, column))


def as_bytes(column):
    return None if column is None else (column.dtype, column.shape, column.tobytes())


@pytest.mark.parametrize("name", HOSTILE)
def test_candidates_of_older_versions_are_read_whatever_their_name(name):
    """They stand with the name as it was, in double quotes where it has blanks."""
    quoted = f'"{name}"' if any(letter.isspace() for letter in name) else name
    rows = "".join(f"{quoted} {x} 0.000000 -12.500000 0.9{n}0000\n" for n, x in enumerate(("1.000000", "-2.500000")))
    axes = [f"_rlnCenteredCoordinate{axis}Angst #{n}" for n, axis in enumerate("XYZ", start=2)]
    head = "\n".join(["", "data_particles", "", "loop_", "_rlnTomoName #1", *axes, "_rlnAutopickFigureOfMerit #5"])
    back = read_candidates(f"{head}\n{rows}", Frame(name, TomogramGeometry((10, 10, 10), 10.0)))
    np.testing.assert_allclose(back.score, [0.9, 0.91])
    np.testing.assert_allclose(back.position[:, 2], [5.1, 4.75])
    assert np.isnan(back.volume).all()
    assert back.false_share is None
    assert not has_all_digits(head + rows)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_as_they_are_written_are_one_word_that_is_no_number(name):
    for written in (word(name), plain(name), dashed(name), relion_file(name)):
        assert written
        assert len(written.encode()) <= 120
        assert all(letter.isalnum() or letter in "_.-+=,%:~" for letter in written)
        assert plain(written) == written
    assert word(word(name)) == word(name)
    assert relion_file(relion_file(name)) == relion_file(name)
    assert not {":", "%"} & set(relion_file(name))


@pytest.mark.parametrize(
    "name", ["TS_01", "Position_1", "rec_TS_01", "20241126_lam3-TS_2", "Zelle_ä", "断层_01", "a.b"]
)
def test_names_that_every_reader_reads_alike_stay_as_they_are(name):
    assert word(name) == plain(name) == name


def test_relion_finds_its_tilt_series_by_the_name_that_it_gave(tmp_path):
    """Numbers and blanks too: RELION reads quoted words, and starfile does."""
    for name in ("00255", "TS 01", "nan"):
        assert as_relion_has_it(name) == name
        placed = Placed(one("x").picks, Frame("x", GEOMETRY, tilt_series_name=name))
        write_session([placed], "ribosome", "relion5", tmp_path)
        table = starfile.read(tmp_path / "ribosome.star", parse_as_string=["rlnTomoName"])
        assert set(table["rlnTomoName"].fillna("nan")) == {name}
    assert as_relion_has_it("it's") == word("it's")


WORDS = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12).filter(
    lambda text: "\n" not in text and "\r" not in text and not ('"' in text and "'" in text)
)


@given(rows=st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5))
@example(rows=[("", "#", "a#b"), ("_x", "loop_", "data_"), ("'", "a b", ' "x" '), ("\t", "\x85", "\u2028")])
@settings(max_examples=100, deadline=None)
def test_reader_and_writer_of_stars_are_inverse(rows):
    columns = parse_loops(loop_text("x", ("a", "b", "c"), rows))["x"]
    assert list(zip(*columns.values(), strict=True)) == rows
    assert not rows or parse_loops(pairs_text("y", {"k": rows[0][0]}))["y"] == {"k": [rows[0][0]]}


@pytest.mark.parametrize("value", ["a\nb", "a\rb", '"it\'s"'])
def test_what_a_star_cannot_hold_is_refused(value):
    with pytest.raises(NoStarWord, match="cannot stand in a STAR file"):
        loop_text("x", ("a",), [(value,)])


def test_the_names_of_substitutes_lie_beside_and_grow_with_features(tmp_path):
    write_session([one("TS_01")], "ribosome", "relion5", tmp_path)
    assert not (tmp_path / NAMES).exists()
    write_session([one("TS_01"), one("TS 02")], "ribosome", "relion5", tmp_path)
    write_session([one("TS 03"), one("TS\n05")], "atpase", "csv", tmp_path)
    write_session([one("TS 04")], "atpase", "warp", tmp_path)
    assert json.loads((tmp_path / NAMES).read_text()) == {word(name): name for name in ("TS 02", "TS 04", "TS\n05")}


def test_voxel_sizes_that_differ_little_have_a_file_of_warps_each(tmp_path):
    sets = [
        Placed(one("a").picks, Frame(f"TS_{size}", TomogramGeometry(SHAPE, size)))
        for size in (12.0, 12.001, 12.004, 12.0)
    ]
    sets[-1] = one("TS_b")
    written = write_session(sets, "ribosome", "warp", tmp_path)
    assert sum(len(starfile.read(path)) for path in written) == 8

"""What results hold of an average is read back, added up, and drawn."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livetomo.core.errors import ConfigurationError, ResultUnreadable
from livetomo.core.manifest import FileFacts
from livetomo.core.particle_sums import SUMS_SHAPE, ParticleSums
from livetomo.results.average import files
from livetomo.results.average.files import write_files
from livetomo.results.average.picture import write_picture
from livetomo.results.average.running_total import RunningTotal, add_up, read_total, write_total
from livetomo.results.average.session_average import session_average
from livetomo.results.average.sums_file import TomogramAverage, read_sums, sums_content, sums_name
from livetomo.results.folder import Result
from livetomo.results.left_out import LeftOut
from tests.publish.event_logs import manifest


def sums(seed: int, count: int = 12) -> ParticleSums:
    chance = np.random.default_rng(seed)
    signal = chance.normal(size=(2, *SUMS_SHAPE)).astype(np.float32)
    weight = chance.integers(0, count // 2 + 1, SUMS_SHAPE).astype(np.float32)
    return ParticleSums((signal[0] + 1j * signal[1]).astype(np.complex64), weight, (count // 2, count - count // 2))


def result(folder: Path, name: str, content: bytes | None) -> Result:
    """A result folder with an average, or without one."""
    whole = manifest(name, result_id=name)
    if content is not None:
        path = folder / name / sums_name("ribosome")
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        facts = FileFacts(len(content), hashlib.sha256(content).hexdigest())
        whole = replace(whole, files={sums_name("ribosome"): facts})
    return Result(folder / name, whole, whole.facts)


def of(seed: int, diameter: float = 250.0, count: int = 12) -> TomogramAverage:
    return TomogramAverage(diameter, sums(seed, count), sums(seed + 100, count))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    back = read_sums(result(tmp_path, "TS_01", sums_content(of(1))), "ribosome")
    assert back is not None
    assert back.diameter_angstrom == 250
    for found, written in ((back.particles, sums(1)), (back.null, sums(101))):
        assert np.array_equal(found.signal, written.signal)
        assert np.array_equal(found.weight, written.weight)
        assert found.count == written.count


def test_a_session_is_the_sum_of_those_that_have_any(tmp_path: Path) -> None:
    results = [
        result(tmp_path, "TS_01", sums_content(of(1))),
        result(tmp_path, "TS_02", None),
        result(tmp_path, "TS_03", sums_content(of(3, count=7))),
    ]
    found = session_average(results, "ribosome")
    assert found.tomograms == 2
    assert found.average.particles.count == (9, 10)
    np.testing.assert_allclose(found.average.particles.signal, sums(1).signal + sums(3, 7).signal, rtol=1e-6)
    np.testing.assert_allclose(found.average.null.weight, sums(101).weight + sums(103, 7).weight)
    assert found.agreement().particles == 19


def test_another_particle_and_a_damaged_file_are_left_out_and_said(tmp_path: Path) -> None:
    results = [
        result(tmp_path, "TS_01", sums_content(of(1))),
        result(tmp_path, "TS_02", sums_content(of(2, diameter=180.0))),
        result(tmp_path, "TS_03", sums_content(of(3))[:-200]),
        result(tmp_path, "TS_04", sums_content(of(4))),
    ]
    changed = results[3].folder / sums_name("ribosome")
    changed.write_bytes(changed.read_bytes()[:-1] + b"x")
    left_out: list[LeftOut] = []
    assert session_average(results, "ribosome", left_out.append).tomograms == 1
    assert [each.tomogram for each in left_out] == ["TS_02", "TS_03", "TS_04"]
    said = " ".join(str(each.fault) for each in left_out)
    assert "particles of 180 Å, those before of 250 Å" in said
    assert "average/ribosome.npz is damaged" in said
    assert "has not the checksum" in said
    with pytest.raises(ResultUnreadable):
        session_average(results, "ribosome")


def test_without_orientations_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no orientations.*refine"):
        session_average([result(tmp_path, "TS_01", None)], "ribosome")


def test_the_picture_shows_three_slices_and_two_curves(tmp_path: Path) -> None:
    average = session_average([result(tmp_path, "TS_01", sums_content(of(1)))], "ribosome")
    write_picture(tmp_path / "average.png", average)
    picture = np.array(Image.open(tmp_path / "average.png"))
    assert all(picture[60:200, left : left + 200].std() > 5 for left in (30, 270, 510))
    for colour in ((0x1F, 0x5F, 0xA8), (0xB0, 0x76, 0x3A)):
        assert (picture[:, 740:] == colour).all(-1).sum() > 100


def same(one: RunningTotal | None, other: RunningTotal | None) -> bool:
    assert one is not None
    assert other is not None
    np.testing.assert_allclose(one.average.particles.signal, other.average.particles.signal, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one.average.null.weight, other.average.null.weight)
    return (one.average.particles.count, one.diameters) == (other.average.particles.count, other.diameters)


@pytest.mark.parametrize("diameters", [(250, 250, 250), (180, 250, 250), (250, 180, 250), (250, 180, 180)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_a_total_that_grows_in_any_order_is_that_of_all_at_once(
    tmp_path: Path, diameters: tuple[float, ...], order: tuple[int, ...]
) -> None:
    """The particle is the first result's by name, whichever came first."""
    every = [result(tmp_path, f"TS_{n}", sums_content(of(n + 1, each))) for n, each in enumerate(diameters)]
    path, here = tmp_path / "average" / "ribosome_total.npz", []
    for number in order:
        here = sorted([*here, every[number]], key=lambda each: each.manifest.tomogram.name)
        for_now: list[LeftOut] = []
        total = add_up(here, "ribosome", read_total(path), for_now.append)
        assert total is not None
        write_total(path, total)
    left_out: list[LeftOut] = []
    assert same(read_total(path), add_up(every, "ribosome", leave_out=left_out.append))
    assert [each.tomogram for each in for_now] == [each.tomogram for each in left_out]
    for gone in every:
        rest = [each for each in every if each is not gone]
        assert same(
            add_up(rest, "ribosome", read_total(path), for_now.append), add_up(rest, "ribosome", None, left_out.append)
        )


def test_more_particles_than_a_file_of_a_tomogram_can_count_are_kept_in_a_total(tmp_path: Path) -> None:
    full = np.full(SUMS_SHAPE, 60_000, np.float32)
    one = TomogramAverage(250.0, ParticleSums(np.zeros(SUMS_SHAPE, np.complex64), full, (60_000, 60_000)), sums(1))
    total = add_up([result(tmp_path, name, sums_content(one)) for name in ("TS_1", "TS_2")], "ribosome")
    assert total is not None
    write_total(tmp_path / "total.npz", total)
    back = read_total(tmp_path / "total.npz")
    assert back is not None
    assert float(back.average.particles.weight.max()) == 120_000


def test_files_are_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = [result(tmp_path, "TS_01", sums_content(of(1))), result(tmp_path, "TS_02", sums_content(of(2)))]
    write_files(tmp_path / "average", session_average(results[:1], "ribosome"))
    before = {path.name: path.read_bytes() for path in (tmp_path / "average").iterdir()}

    def half(path: Path, *more: object) -> None:
        path.write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    for writer in ("write_map", "write_picture"):
        with monkeypatch.context() as broken:
            broken.setattr(files, writer, half)
            with pytest.raises(OSError, match="No space"):
                write_files(tmp_path / "average", session_average(results, "ribosome"))
        names = {path.name for path in (tmp_path / "average").iterdir()}
        assert names == before.keys()
        assert (tmp_path / "average" / "ribosome.png").read_bytes() == before["ribosome.png"]
        assert (tmp_path / "average" / "ribosome.json").read_bytes() == before["ribosome.json"]
        if writer == "write_map":
            assert (tmp_path / "average" / "ribosome.mrc").read_bytes() == before["ribosome.mrc"]

"""The memory that a tomogram takes is known before it is taken; what cannot fit is refused, and what fits is not."""

import math
from pathlib import Path

import pytest

from livetomo.config.model_card import Card
from livetomo.config.recipe.denoise import BesideDenoise, Deconvolve, NoDenoise, TotalVariation, Wiener
from livetomo.config.recipe.recipe import Recipe, load_recipe
from livetomo.core.errors import PermanentError, TooLargeForMemory
from livetomo.core.geometry import TomogramGeometry
from livetomo.processing.footprint import Footprint, footprint
from livetomo.processing.networks.package import Models
from livetomo.processing.pipeline import fit_memory
from livetomo.processing.pipeline import run as pipeline
from livetomo.processing.pipeline.feature_plan import plan_features
from livetomo.system.memory import Bound, Memory
from tests.volumes import balls, order_for, write_tomogram

# Peaks of the resident memory above what the process held before, in GB, on one thread of a CPU, by
# /proc/self/status: VmHWM. The last two are whole processes of 300 x 1024 x 1024 voxels, 0.27 GB of them torch's.
MEASURED = [
    ("cellular", (96, 160, 192), 12, 4, None, 0.138),
    ("untrained", (96, 160, 192), 12, 4, None, 0.177),
    ("cellular", (128, 512, 512), 10, 4, None, 0.661),
    ("untrained", (128, 512, 512), 10, 4, None, 1.403),
    ("cellular", (128, 512, 512), 20, 4, None, 0.991),
    ("cellular", (128, 256, 256), 24, 4, None, 0.506),
    ("cellular", (100, 128, 128), 60, 4, None, 0.778),
    ("cellular", (64, 96, 96), 120, 4, None, 1.094),
    ("cellular", (64, 512, 512), 5, 4, None, 0.504),
    ("cellular", (128, 400, 400), 10, 1, None, 0.467),
    ("cellular", (128, 400, 400), 10, 4, Deconvolve(method="deconvolve", defocus_angstrom=4e4), 0.516),
    ("untrained", (128, 400, 400), 10, 4, Deconvolve(method="deconvolve", defocus_angstrom=4e4), 0.872),
    ("untrained", (128, 400, 400), 10, 4, NoDenoise(), 0.866),
    ("untrained", (128, 256, 256), 40, 4, None, 0.402),
    ("cellular", (200, 400, 400), 10, 4, NoDenoise(), 0.664),
    ("cellular", (128, 400, 400), 10, 4, TotalVariation(method="tv"), 0.531),
    ("cellular", (128, 400, 400), 10, 4, TotalVariation(method="tv", weight="halves"), 0.543),
    ("untrained", (128, 400, 400), 10, 4, TotalVariation(method="tv"), 0.841),
    ("cellular", (128, 400, 400), 10, 4, Wiener(method="wiener"), 0.539),
    ("cellular", (300, 1024, 1024), 10, 4, None, 5.2 - 0.27),
    ("untrained", (300, 1024, 1024), 10, 4, None, 8.3 - 0.27),
]


@pytest.fixture
def any_voxels(monkeypatch):
    """Packages that say nothing of the voxels that they are for, as people's own may: they are run on any."""
    monkeypatch.setattr(Card, "unfit", lambda card, voxel_size_angstrom: "")


def estimated(recipe: Recipe, shape, voxel_size: float, voxel_bytes=4, *, on_gpu=False) -> Footprint:
    geometry = TomogramGeometry(shape, voxel_size)
    runs = plan_features(recipe, geometry, Models("cpu")).runs()
    return footprint(geometry, voxel_bytes, recipe, runs, on_gpu=on_gpu)


@pytest.mark.usefixtures("any_voxels")
@pytest.mark.parametrize(("name", "shape", "voxel", "voxel_bytes", "denoise", "gigabytes"), MEASURED)
def test_the_estimate_is_near_what_was_measured(name, shape, voxel, voxel_bytes, denoise, gigabytes):
    recipe = load_recipe(name)
    recipe = recipe.model_copy(update={"denoise": denoise}) if denoise else recipe
    estimate = estimated(recipe, shape, voxel, voxel_bytes).device / 1e9
    assert 0.8 <= estimate / gigabytes <= 1.6, estimate


def test_candidates_that_are_compared_with_a_map_are_counted():
    """Measured as above, with 291 candidates: 0.341 GB."""
    whole, shape = load_recipe("untrained"), (128, 256, 256)
    alone = whole.model_copy(update={"feature": whole.feature[:1], "pick": whole.pick[:1]})
    compared = whole.pick[0].model_copy(update={"refine": "match"})
    more = estimated(alone.model_copy(update={"pick": (compared,)}), shape, 10).device
    assert 0.8 <= more / 1e9 / 0.341 <= 1.6
    assert more > estimated(alone, shape, 10).device


@pytest.mark.parametrize(
    ("denoise", "gigabytes"),
    [
        (TotalVariation(method="tv"), 0.573),
        (Wiener(method="wiener"), 0.543),
        (BesideDenoise(method="beside"), 0.525),
    ],
)
def test_what_denoising_takes_is_counted_where_nothing_else_takes_more(denoise, gigabytes):
    """Peaks as above, of 128 x 400 x 400 voxels and a recipe that looks for very dense matter alone."""
    recipe = Recipe.model_validate({"denoise": denoise, "feature": [{"name": "a", "model": "dense"}]})
    assert estimated(recipe, (128, 400, 400), 10).device / 1e9 == pytest.approx(gigabytes, rel=0.1)


@pytest.mark.usefixtures("any_voxels")
@pytest.mark.parametrize("voxel", [60, 120, 400, 900, 1e5])
def test_a_coarse_tomogram_costs_what_it_is_on_the_networks_grid(voxel):
    need = estimated(load_recipe("cellular"), (96, 160, 192), voxel)
    assert need.network_voxels == pytest.approx(96 * 160 * 192 * (voxel / 30) ** 3, rel=0.01)
    assert need.device > 15 * need.network_voxels


def test_every_mirror_image_beyond_the_first_costs_its_maps_once():
    recipe = load_recipe("cellular")
    more = [
        recipe.model_copy(update={"feature": tuple(f.model_copy(update={"mirrors": n}) for f in recipe.feature)})
        for n in (1, 2, 8)
    ]
    one, two, eight = (estimated(each, (300, 512, 512), 24).device for each in more)
    assert one < two == eight


def test_a_gpu_s_host_holds_the_file_and_the_volume():
    need = estimated(load_recipe("cellular"), (128, 512, 512), 10, 2, on_gpu=True)
    assert need.host == pytest.approx(128 * 512 * 512 * 10)
    assert need.device <= estimated(load_recipe("cellular"), (128, 512, 512), 10, 2).device


class Small(Memory):
    """A machine with 80 MB more than this process holds."""

    def bound(self) -> Bound:
        return Bound(self.resident() + 80_000_000, "this machine has")


def test_what_cannot_fit_is_the_inputs_fault_and_is_refused_before_a_voxel_is_read(tmp_path, monkeypatch):
    path = write_tomogram(tmp_path / "a.mrc", balls((96, 160, 160)))
    monkeypatch.setattr(fit_memory, "Memory", Small)
    monkeypatch.setattr(pipeline, "read_tensor", lambda *_: pytest.fail("it was read"))
    with pytest.raises(TooLargeForMemory, match=r"96 x 160 x 160 voxels \(z, y, x\) of 25 Å.* GB.*machine has"):
        pipeline.run(order_for(path), tmp_path / "out")
    assert issubclass(TooLargeForMemory, PermanentError)
    assert not (tmp_path / "out").exists()


def test_what_fits_is_not_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(fit_memory, "Memory", Small)
    pipeline.run(order_for(write_tomogram(tmp_path / "a.mrc", balls((24, 40, 40), ()))), tmp_path / "out")


@pytest.mark.usefixtures("any_voxels")
@pytest.mark.parametrize("voxel", [400.0, 900.0])
def test_a_network_that_is_for_any_voxels_is_not_given_more_than_there_is_room_for(tmp_path, voxel, monkeypatch):
    monkeypatch.setattr(fit_memory, "Memory", Small)
    path = write_tomogram(tmp_path / "a.mrc", balls((24, 40, 40), ()), voxel)
    with pytest.raises(TooLargeForMemory, match=f"of {voxel:g} Å, .* on the network's grid"):
        pipeline.run(order_for(path, load_recipe("cellular")), tmp_path / "out")


@pytest.mark.parametrize("voxel", [400.0, 900.0])
def test_large_voxels_do_not_take_more_memory_than_there_is(tmp_path, voxel, monkeypatch):
    """Either the network is not run on them, or the tomogram is refused; never is it blown up to see what happens."""
    path = write_tomogram(tmp_path / "a.mrc", balls((96, 160, 160)), voxel)
    monkeypatch.setattr(fit_memory, "Memory", Small)
    try:
        manifest = pipeline.run(order_for(path, load_recipe("cellular")), tmp_path / "out")
    except TooLargeForMemory:
        return
    assert manifest.warnings


def system(folder: Path, files: dict[str, str]) -> Memory:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Memory(folder / "proc", folder / "cgroup")


MACHINE = {
    "proc/meminfo": "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  800 kB\n",
    "proc/self/status": "Name: python\nVmSize:  90 kB\nVmRSS:  60 kB\n",
    "proc/vmstat": "pgpgin 5\noom_kill 3\n",
}
V2 = {
    "proc/self/cgroup": "0::/system.slice/livetomo.service\n",
    "cgroup/memory.events": "oom_kill 0\n",
    "cgroup/system.slice/memory.max": "512000\n",
    "cgroup/system.slice/memory.current": "400000\n",
    "cgroup/system.slice/memory.stat": "inactive_file 300000\n",
    "cgroup/system.slice/livetomo.service/memory.max": "max\n",
    "cgroup/system.slice/livetomo.service/memory.events": "oom 4\noom_kill 2\n",
}
V1 = {
    "proc/self/cgroup": "5:cpu:/x\n4:memory:/docker/7\n0::/\n",
    "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    "cgroup/memory/docker/7/memory.limit_in_bytes": "256000\n",
    "cgroup/memory/docker/7/memory.usage_in_bytes": "64000\n",
    "cgroup/memory/docker/7/memory.oom_control": "under_oom 0\noom_kill 1\n",
}


@pytest.mark.parametrize(
    ("files", "most", "whose", "free", "kills"),
    [
        (MACHINE, 1_024_000, "machine", 0.8, 3),
        (MACHINE | V2, 512_000, "control group", 0.8, 5),
        (MACHINE | V1, 256_000, "control group", 0.75, 4),
    ],
)
def test_the_narrowest_limit_counts(tmp_path, files, most, whose, free, kills):
    memory = system(tmp_path, files)
    assert memory.bound().most == most
    assert whose in memory.bound().whose
    assert memory.free_share() == pytest.approx(free, abs=0.01)
    assert memory.kills() == kills


def test_a_kernel_that_does_not_say_how_many_it_ended_is_not_taken_for_none(tmp_path):
    assert system(tmp_path, {**MACHINE, "proc/vmstat": "pgpgin 5\n"}).kills() is None


def test_this_machine_says_something_sensible():
    memory = Memory()
    assert 10**8 < memory.resident() < memory.bound().most < 10**14
    assert 0 <= memory.free_share() <= 1
    assert math.isfinite(memory.free_share())

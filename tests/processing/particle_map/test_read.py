"""What is known of a map comes from the command, from beside it and from EMDB, the nearest first."""

import gzip
import json

import mrcfile
import pytest

from livetomo.core.errors import ConfigurationError, PermanentError, UnusableMap
from livetomo.core.particle_facts import ParticleFacts
from livetomo.processing.particle_map.read import known_facts, map_name, map_paths, read_particle_map
from tests.particles import ball, write_tables
from tests.volumes import write_tomogram

EMDB_3 = """<?xml version="1.0" encoding="UTF-8"?>
<emd emdb_id="EMD-1234" version="3.0.2.1">
  <sample><supramolecule_list>
    <complex_supramolecule supramolecule_id="2"><parent>1</parent>
      <molecular_weight><theoretical units="MDa">9.0</theoretical></molecular_weight></complex_supramolecule>
    <complex_supramolecule supramolecule_id="1"><parent>0</parent>
      <molecular_weight><theoretical units="MDa">0.22</theoretical></molecular_weight></complex_supramolecule>
  </supramolecule_list></sample>
  <structure_determination_list><structure_determination><singleparticle_processing><final_reconstruction>
    <applied_symmetry><point_group>D7</point_group></applied_symmetry>
  </final_reconstruction></singleparticle_processing></structure_determination></structure_determination_list>
  <map format="CCP4"><contour_list>
    <contour primary="false"><level>0.9</level></contour>
    <contour primary="true"><level>0.5</level><source>AUTHOR</source></contour>
  </contour_list></map>
</emd>
"""
EMDB_1 = """<emdEntry accessCode="1234" version="1.9.6">
  <sample><molWtTheo units="MDa">0.22</molWtTheo></sample>
  <map><contourLevel source="author">0.5</contourLevel></map>
  <processing><singleParticle><appliedSymmetry>C4</appliedSymmetry></singleParticle></processing>
</emdEntry>
"""


@pytest.fixture
def path(tmp_path):
    return write_tomogram(tmp_path / "emd_1234.map", ball(), 5.0)


def test_a_sidecar_beside_the_map_says_its_mass(path):
    path.with_suffix(".toml").write_text('mass_kda = 220\nsymmetry = "c4"\n')
    particle = read_particle_map(path)
    assert (particle.name, particle.mass_dalton, particle.symmetry) == ("emd_1234", 220e3, "C4")


def test_a_sidecar_may_be_json(path):
    path.with_suffix(".json").write_text(json.dumps({"contour": 0.5, "voxel_size_angstrom": 6}))
    assert known_facts(path) == ParticleFacts(contour=0.5, voxel_size_angstrom=6)
    assert read_particle_map(path).enclosed_dalton == pytest.approx(197e3 * (6 / 5) ** 3, rel=0.02)


@pytest.mark.parametrize(("header", "symmetry"), [(EMDB_3, "D7"), (EMDB_1, "C4")], ids=["3", "1.9"])
def test_emdb_s_own_header_says_contour_mass_and_symmetry(path, header, symmetry):
    (path.parent / "emd-1234.xml").write_text(header)
    assert known_facts(path) == ParticleFacts(0.5, pytest.approx(220e3), symmetry)
    assert read_particle_map(path).symmetry == symmetry


def test_a_header_in_emdb_s_own_folders_is_found(tmp_path):
    (tmp_path / "map").mkdir()
    (tmp_path / "header").mkdir()
    (tmp_path / "header" / "emd-1234.xml").write_text(EMDB_3)
    assert known_facts(tmp_path / "map" / "emd_1234.map.gz").contour == 0.5


def test_the_nearest_word_counts(path):
    (path.parent / "emd-1234.xml").write_text(EMDB_3)
    (path.parent / "maps.toml").write_text("[emd_1234]\nmass_kda = 230\ncontour = 0.45\n")
    path.with_suffix(".toml").write_text("mass_kda = 240\n")
    assert known_facts(path) == ParticleFacts(0.45, 240e3, "D7")
    assert known_facts(path, write_tables(path.parent, {"emd_1234": 250.0})).mass_dalton == 250e3
    assert read_particle_map(path, ParticleFacts(mass_dalton=260e3)).mass_dalton == 260e3


def test_a_map_is_read_compressed_and_named_by_its_file(path):
    packed = path.parent / "ribosome.mrc.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert read_particle_map(packed, ParticleFacts(contour=0.5)).name == "ribosome"
    assert read_particle_map(packed, ParticleFacts(contour=0.5), name="70S").name == "70S"
    assert [map_name(one) for one in map_paths(path.parent)] == ["emd_1234", "ribosome"]


@pytest.mark.parametrize(
    ("ending", "text", "words"),
    [
        ("toml", "mass = 220", 'unknown key "mass"'),
        ("toml", "mass_kda = -1", "mass_kda"),
        ("toml", "mass_kda = inf", "mass_kda"),
        ("toml", 'symmetry = "C0"', "C0"),
        ("toml", 'symmetry = "I1"', 'write "I"'),
        ("toml", "voxel_size_angstrom = 5000", "write a number of Å"),
        ("toml", "mass_kda = ", "is not valid TOML"),
        ("json", "{", "is not valid JSON"),
        ("json", "[]", "holds no table"),
        ("json", "", "is not valid JSON"),
        ("json", '{"mass_kda": "220"}', "mass_kda"),
    ],
)
def test_a_sidecar_that_is_wrong_is_refused_by_name(path, ending, text, words):
    path.with_suffix(f".{ending}").write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_particle_map(path, ParticleFacts(contour=0.5))
    assert f"emd_1234.{ending}" in str(refused.value)
    assert words in str(refused.value)


@pytest.mark.parametrize(("text", "words"), [("", "is not XML"), ("<a/>", "is not a header of EMDB")])
def test_a_header_that_is_none_of_emdb_is_refused(path, text, words):
    (path.parent / "emd-1234.xml").write_text(text)
    with pytest.raises(ConfigurationError, match=words):
        read_particle_map(path, ParticleFacts(contour=0.5))


@pytest.mark.parametrize("level", ["", "n/a", "nan"])
def test_what_a_header_of_emdb_leaves_open_is_not_known(path, level):
    (path.parent / "emd-1234.xml").write_text(
        f"<emd><map><contour_list><contour><level>{level}</level></contour></contour_list></map></emd>"
    )
    assert known_facts(path) == ParticleFacts()


def test_voxels_that_are_no_cubes_are_refused_unless_their_size_is_given(path):
    with mrcfile.open(path, "r+") as file:
        file.voxel_size = (5, 5, 6)
    with pytest.raises(UnusableMap, match=r"voxels of 5 x 5 x 6 Å, which are no cubes"):
        read_particle_map(path, ParticleFacts(contour=0.5))
    assert read_particle_map(path, ParticleFacts(contour=0.5, voxel_size_angstrom=5.0))


def test_a_header_without_a_voxel_size_is_refused_unless_it_is_given(path):
    with mrcfile.open(path, "r+") as file:
        file.voxel_size = 0
    with pytest.raises(ConfigurationError, match="no voxel size in its header"):
        read_particle_map(path, ParticleFacts(contour=0.5))
    assert read_particle_map(path, ParticleFacts(contour=0.5, voxel_size_angstrom=5.0))


def test_a_map_that_is_away_is_refused_by_name(tmp_path):
    with pytest.raises(UnusableMap, match=r"x\.mrc: cannot be read"):
        read_particle_map(tmp_path / "x.mrc", ParticleFacts(contour=0.5))


@pytest.mark.parametrize("content", [b"", b"no map" * 500])
def test_a_file_that_is_no_map_is_refused(tmp_path, content):
    (tmp_path / "x.mrc").write_bytes(content)
    with pytest.raises(PermanentError, match=r"x\.mrc"):
        read_particle_map(tmp_path / "x.mrc", ParticleFacts(contour=0.5))

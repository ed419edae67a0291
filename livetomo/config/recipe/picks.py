"""The part of a recipe that turns maps into particles: pick, curate, export."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from livetomo.config.recipe.match import with_map_of
from livetomo.config.user_file import KnownName, UserModel, plain_name
from livetomo.core.particle_facts import ParticleFacts
from livetomo.core.symmetry import point_group
from livetomo.core.units import Number, VoxelSize, whole_number
from livetomo.system.registries import EXPORTERS


def _ascending(ends: tuple[float, ...]) -> tuple[float, ...]:
    if len(ends) != 2 or ends[0] > ends[1]:
        raise ValueError("write two numbers, the lower one first, like [400, 1800]")
    return ends


def _recipe_hash(digits: str) -> str:
    if not re.fullmatch("[0-9a-f]{8,64}", digits):
        raise ValueError('write 8 to 64 digits of a hash, 0 to 9 and a to f, like "1a2b3c4d"')
    return digits


Angstrom = Annotated[Number, Field(gt=0, lt=1e5)]
Distance = Annotated[Number, Field(ge=0, lt=1e5)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Name = Annotated[str, Field(max_length=60), plain_name("_-")]
_LATER: Mapping[str, Any] = {
    "diameter_angstrom": None,
    "false_share": None,
    "decoys": False,
    "refine": None,
    "map": None,
    "map_contour": None,
    "map_mass_kda": None,
    "map_symmetry": None,
    "map_voxel_size_angstrom": None,
    "map_sha256": "",
    "low_pass_angstrom": None,
}
_OF_MAPS = ("map", "map_contour", "map_mass_kda", "map_symmetry", "map_voxel_size_angstrom", "low_pass_angstrom")
Range = Annotated[tuple[Number, ...], AfterValidator(_ascending)]
Format = Annotated[str, AfterValidator(KnownName(EXPORTERS, in_files=True))]


class Pick(UserModel):
    """How particles are found in a feature's map.

    feature: the feature whose particles are picked.
    method: `"maxima"`: local maxima, for maps that are high at the centres of particles (`blob`). `"watershed"`:
        connected regions at their centres of mass, where touching regions are cut apart; `"deepest"`: the same at their
        deepest points; `"centroid"`: connected regions that are not cut.
    threshold: particles with at least this score are published; a region is where the map exceeds it.
    false_share: of the particles above `threshold`, only as many of the strongest are published as have at most this
        share of false picks among them, 0 to 1, by an estimate from decoys ([believable.md](believable.md)). Where it
        cannot be estimated, `threshold` alone decides, and the result says why.
    decoys: `true`: the share of false picks is estimated though `threshold` decides. The feature is looked for twice.
    candidate_threshold: particles with at least this score are kept as candidates, so that `threshold` can be changed
        later.
    min_volume_angstrom3: smaller regions are left out, after touching ones were cut apart; not for `"maxima"`.
    min_spacing_angstrom: if two particles are closer than this, the one with the higher score is kept (of regions: the
        one with the higher mass).
    edge_angstrom: no particles are picked this close to the faces of the volume.
    diameter_angstrom: size of the particles, for the circles in pictures. By default the diameter of the feature
        (`blob`) or of its model's card; else that of a sphere as large as the median region; else
        `min_spacing_angstrom`.
    refine: `"match"`: each candidate is compared with a density map in all orientations: it gets the centre and the
        orientation that fit best, and a match score. Its score and rank stay ([particles.md](particles.md)).
    map: the density map of the particle (`.mrc`, `.map`, `.ccp4`; protein bright), relative to this file.
    map_contour: the level, in the map's units, that shows the particle and nothing else. This, the mass or both must
        be known, from here or from a file beside the map.
    map_mass_kda: the mass of the whole particle.
    map_symmetry: its point group, like `"C1"`, `"C7"`, `"D2"`, `"T"`, `"O"` or `"I"`; its axes are found in the map.
    map_voxel_size_angstrom: used instead of the map's own, if that is known to be wrong.
    map_sha256: checksum of the map, filled in when the recipe is read. If you write it here, another file is refused.
    low_pass_angstrom: the finest detail that is compared. By default 40, but a fifth to an eighth of the diameter.
    """

    feature: Name
    method: Literal["maxima", "watershed", "deepest", "centroid"] = "maxima"
    threshold: Fraction = 0.5
    false_share: Annotated[Number, Field(gt=0, le=1)] | None = None
    decoys: bool = False
    candidate_threshold: Fraction = 0.1
    min_volume_angstrom3: Annotated[Number, Field(ge=0)] = 0.0
    min_spacing_angstrom: Angstrom
    edge_angstrom: Distance = 0.0
    diameter_angstrom: Angstrom | None = None
    refine: Literal["match"] | None = None
    map: str | None = None
    map_contour: Number | None = None
    map_mass_kda: Annotated[Number, Field(gt=0, le=1e6)] | None = None
    map_symmetry: Annotated[str, AfterValidator(point_group)] | None = None
    map_voxel_size_angstrom: VoxelSize | None = None
    map_sha256: str = ""
    low_pass_angstrom: Angstrom | None = None

    @model_validator(mode="before")
    @classmethod
    def _with_map(cls, value: Any, info: ValidationInfo) -> Any:
        """What a user wrote, with its map looked up: path made absolute, digest and what is known of it filled in."""
        if info.context is None or not isinstance(value, dict) or value.get("refine") != "match":
            return value
        if not isinstance(value.get("map"), str):
            raise ValueError('"refine" is "match", which needs "map", the density map of the particle')
        return with_map_of(value, info.context["base"])

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without keys that are not given and came later: they change no pick, and must not change recipes' hashes."""
        dumped: dict[str, Any] = handler(self)
        return {key: value for key, value in dumped.items() if key not in _LATER or value != _LATER[key]}

    @property
    def wants_decoys(self) -> bool:
        """Whether the share of false picks is to be estimated."""
        return self.decoys or self.false_share is not None

    @property
    def map_facts(self) -> ParticleFacts:
        """What is known of the map."""
        mass = None if self.map_mass_kda is None else 1e3 * self.map_mass_kda
        return ParticleFacts(self.map_contour, mass, self.map_symmetry, self.map_voxel_size_angstrom)

    @model_validator(mode="after")
    def _maps_are_used(self) -> Self:
        if self.refine is None and (said := [key for key in _OF_MAPS if getattr(self, key) is not None]):
            raise ValueError(f'"{said[0]}" is for picks that are compared with a map; write refine = "match" too')
        return self

    @model_validator(mode="after")
    def _candidates_include_picks(self) -> Self:
        if self.candidate_threshold > self.threshold:
            raise ValueError(
                f'"candidate_threshold" ({self.candidate_threshold:g}) is above "threshold" ({self.threshold:g}); '
                "write a lower one: every published pick is a candidate too"
            )
        if self.method == "maxima" and self.min_volume_angstrom3:
            raise ValueError('"min_volume_angstrom3" needs a method that knows volumes: watershed, deepest or centroid')
        return self


class _Rule(UserModel):
    """What every rule of curation has; the order of its keys is a part of a recipe's hash."""

    feature: Name
    rule: str

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield "feature", self.feature


class _PartnerRule(_Rule):
    partner: Name
    threshold: Fraction = 0.5
    distance_angstrom: Distance = 0.0

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """As of every rule, and its partner."""
        yield from super().mentioned()
        yield "partner", self.partner


class Near(_PartnerRule):
    """Particles are kept only near another feature; at a distance of 0, only inside of it.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"near"`.
    partner: the feature that decides.
    threshold: the partner is where its probability exceeds this.
    distance_angstrom: the distance from the partner's voxels that counts as near.
    """

    rule: Literal["near"]


class Away(_PartnerRule):
    """Particles near another feature are left out; at a distance of 0, only those inside of it.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"away"`.
    partner: the feature that decides.
    threshold: the partner is where its probability exceeds this.
    distance_angstrom: the distance from the partner's voxels that counts as near.
    """

    rule: Literal["away"]


class Duplicates(_Rule):
    """If several particles are closer than a distance, only the strongest one is kept.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"duplicates"`.
    distance_angstrom: particles that are closer than this count as the same particle.
    """

    rule: Literal["duplicates"]
    distance_angstrom: Angstrom


class Consensus(_Rule):
    """Particles are kept if enough other features have a published particle there.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"consensus"`.
    partners: the other features: the same particle, found in other ways.
    at_least: how many of the partners must have a particle there.
    distance_angstrom: two particles at most this far apart count as the same particle.
    """

    rule: Literal["consensus"]
    partners: Annotated[tuple[Name, ...], Field(min_length=1)]
    at_least: Annotated[int, Field(ge=1), whole_number] = 1
    distance_angstrom: Angstrom

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """As of every rule, and its partners."""
        yield from super().mentioned()
        yield from (("partners", partner) for partner in self.partners)

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.at_least > len(self.partners):
            raise ValueError(f'"at_least" ({self.at_least}) is more than there are partners ({len(self.partners)})')
        return self


class Quantile(_Rule):
    """The published particles with the lowest scores are left out, and all weaker candidates with them.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"quantile"`.
    lowest: the share of the published particles that is left out, 0 to 1.
    """

    rule: Literal["quantile"]
    lowest: Fraction


class Edge(_Rule):
    """Particles close to the edges of the tomogram are left out.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"edge"`.
    distance_angstrom: particles that are closer than this to a face of the volume are left out.
    """

    rule: Literal["edge"]
    distance_angstrom: Angstrom


class Region(_Rule):
    """Particles are kept only in a box, the same in each tomogram; of several boxes only where all of them overlap.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"region"`.
    x_angstrom: the lowest and the highest x, from the first voxel's centre; both belong to the box.
    y_angstrom: the same along y.
    z_angstrom: the same along z.
    """

    rule: Literal["region"]
    x_angstrom: Range | None = None
    y_angstrom: Range | None = None
    z_angstrom: Range | None = None

    @property
    def box_angstrom(self) -> Mapping[str, tuple[float, float]]:
        """Where particles are kept, by axes: those that are not named are all of it."""
        ranges = {"x": self.x_angstrom, "y": self.y_angstrom, "z": self.z_angstrom}
        return {axis: (ends[0], ends[1]) for axis, ends in ranges.items() if ends is not None}

    @model_validator(mode="after")
    def _is_part(self) -> Self:
        if not self.box_angstrom:
            raise ValueError('give "x_angstrom", "y_angstrom" or "z_angstrom": without any, all is kept')
        return self


class Top(_Rule):
    """Only the strongest particles are kept: a number of each tomogram.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"top"`.
    number: how many are kept, of candidates too.
    """

    rule: Literal["top"]
    number: Annotated[int, Field(ge=1), whole_number]


class Distinct(_Rule):
    """Particles are left out where another feature has a stronger published particle: one place is counted once.

    Of two with the same score, that of the feature whose `[[pick]]` stands first is kept.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"distinct"`.
    partner: the other feature.
    distance_angstrom: two particles at most this far apart count as the same particle.
    """

    rule: Literal["distinct"]
    partner: Name
    distance_angstrom: Angstrom

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """As of every rule, and its partner."""
        yield from super().mentioned()
        yield "partner", self.partner

    @model_validator(mode="after")
    def _is_another(self) -> Self:
        if self.partner == self.feature:
            raise ValueError('"partner" is the feature itself; write another one, or the rule "duplicates"')
        return self


class OtherRecipe(_Rule):
    """Particles are kept in the files of a session if another recipe has published them, too.

    A tomogram's own files and messages keep all. Of a tomogram that the other recipe has no result of, the session's
    files have none, and say so.

    feature: the feature whose particles are kept or left out.
    rule: the name of this rule, `"other_recipe"`.
    recipe: hash of the other recipe, at least its first 8 digits, as they end the names of its result folders.
    distance_angstrom: two particles at most this far apart count as the same particle.
    """

    rule: Literal["other_recipe"]
    recipe: Annotated[str, AfterValidator(_recipe_hash)]
    distance_angstrom: Angstrom


class Calibrate(_Rule):
    """Scores in the files of a session are made comparable between tomograms; a tomogram's own files keep their scores.

    Each tomogram's candidates get the session's median score and spread (as logits) before `threshold` decides; their
    order does not change. The rule assumes that most candidates are background, which is alike in all tomograms.
    Use a low `candidate_threshold`, and do not use the rule if tomograms differ much in how crowded they are.

    feature: the feature whose scores are calibrated.
    rule: the name of this rule, `"calibrate"`.
    """

    rule: Literal["calibrate"]


Curate = Annotated[
    Near | Away | Duplicates | Consensus | Quantile | Edge | Region | Top | Distinct | OtherRecipe | Calibrate,
    Field(discriminator="rule"),
]


class Export(UserModel):
    """The formats in which picks are written.

    formats: each format gives a file `picks/<feature>.<format>.<ext>` in every result folder. `"relion5"` is always
        written, because `livetomo follow` reads it where a tomogram has more picks than a message holds.
    """

    formats: tuple[Format, ...] = ("relion5",)

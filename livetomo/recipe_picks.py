"""The part of a recipe that turns maps into particles: pick, curate, export."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from livetomo.units import Number, whole_number
from livetomo.userfile import UserModel, plain_name

Angstrom = Annotated[Number, Field(gt=0, lt=1e5)]
Distance = Annotated[Number, Field(ge=0, lt=1e5)]
Fraction = Annotated[Number, Field(ge=0, le=1)]
Name = Annotated[str, Field(max_length=60), plain_name("_-")]
Format = Literal[
    "relion5", "relion4", "relion31", "warp", "dynamo", "stopgap", "eman2", "copick", "imod", "csv"
]  # those of formats/export.py


class Pick(UserModel):
    """How particles are taken from a feature's map.

    feature: whose particles.
    method: `"maxima"`: local maxima, for maps that are high at the particles' centres (`blob`). `"watershed"`:
        connected regions, touching ones cut apart, at their centres of mass; `"deepest"`: the same at their deepest
        points; `"centroid"`: connected regions as they are.
    threshold: particles with at least this score are published; regions are where the map exceeds it.
    candidate_threshold: those with at least this score are kept, so that `threshold` can be moved later.
    min_volume_angstrom3: smaller regions are left out, after they were cut apart; not of `"maxima"`.
    min_spacing_angstrom: of two that are closer, the stronger one is taken (of regions: the heavier one).
    edge_angstrom: none are taken this close to the volume's faces.
    diameter_angstrom: how large the particles are, for the circles in pictures. By default as the feature (`blob`) or
        its model's card says; else of a sphere as large as the median region; else `min_spacing_angstrom`.
    """

    feature: Name
    method: Literal["maxima", "watershed", "deepest", "centroid"] = "maxima"
    threshold: Fraction = 0.5
    candidate_threshold: Fraction = 0.1
    min_volume_angstrom3: Annotated[Number, Field(ge=0)] = 0.0
    min_spacing_angstrom: Angstrom
    edge_angstrom: Distance = 0.0
    diameter_angstrom: Angstrom | None = None

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a diameter that is not given: it changes no pick, and must not change the hash of recipes."""
        told: dict[str, Any] = handler(self)
        return {key: value for key, value in told.items() if key != "diameter_angstrom" or value is not None}

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


class Near(UserModel):
    """Particles are kept where another feature is near; at a distance of 0, inside of it.

    feature: whose particles.
    rule: the name of this rule, `"near"`.
    partner: the feature that decides.
    threshold: the partner is where its probability exceeds this.
    distance_angstrom: how far "near" reaches from the partner's voxels.
    """

    feature: Name
    rule: Literal["near"]
    partner: Name
    threshold: Fraction = 0.5
    distance_angstrom: Distance = 0.0

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield from (("feature", self.feature), ("partner", self.partner))


class Away(UserModel):
    """Particles are left out where another feature is near; at a distance of 0, inside of it.

    feature: whose particles.
    rule: the name of this rule, `"away"`.
    partner: the feature that decides.
    threshold: the partner is where its probability exceeds this.
    distance_angstrom: how far "near" reaches from the partner's voxels.
    """

    feature: Name
    rule: Literal["away"]
    partner: Name
    threshold: Fraction = 0.5
    distance_angstrom: Distance = 0.0

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield from (("feature", self.feature), ("partner", self.partner))


class Duplicates(UserModel):
    """Of particles that are closer than a distance, whatever picker found them, the strongest stays.

    feature: whose particles.
    rule: the name of this rule, `"duplicates"`.
    distance_angstrom: what is closer is the same.
    """

    feature: Name
    rule: Literal["duplicates"]
    distance_angstrom: Angstrom

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield "feature", self.feature


class Consensus(UserModel):
    """Particles are kept where enough of other features' published particles agree.

    feature: whose particles.
    rule: the name of this rule, `"consensus"`.
    partners: the other features, as other pickers found the same particle.
    at_least: how many of them must have one there.
    distance_angstrom: how far apart the two may be.
    """

    feature: Name
    rule: Literal["consensus"]
    partners: Annotated[tuple[Name, ...], Field(min_length=1)]
    at_least: Annotated[int, Field(ge=1), whole_number] = 1
    distance_angstrom: Angstrom

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield "feature", self.feature
        yield from (("partners", partner) for partner in self.partners)

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        if self.at_least > len(self.partners):
            raise ValueError(f'"at_least" ({self.at_least}) is more than there are partners ({len(self.partners)})')
        return self


class Quantile(UserModel):
    """The weakest share of the published particles is left out, and every weaker candidate with it.

    feature: whose particles.
    rule: the name of this rule, `"quantile"`.
    lowest: the share that goes, 0 to 1.
    """

    feature: Name
    rule: Literal["quantile"]
    lowest: Fraction

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield "feature", self.feature


class Calibrate(UserModel):
    """The session's files go by scores that are comparable between its tomograms; a tomogram's own files do not.

    Each tomogram's candidates get the session's median score and spread (as logits), their order kept, before
    `threshold` decides. It takes most candidates for background that is alike in all tomograms: have a low
    `candidate_threshold`, and leave it out where tomograms differ in how crowded they are.

    feature: whose particles.
    rule: the name of this rule, `"calibrate"`.
    """

    feature: Name
    rule: Literal["calibrate"]

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """The features that the rule needs, by the key that names them."""
        yield "feature", self.feature


Curate = Annotated[Near | Away | Duplicates | Consensus | Quantile | Calibrate, Field(discriminator="rule")]


class Export(UserModel):
    """The formats in which picks are written.

    formats: each gives `picks/<feature>.<format>.<ext>` in every result folder.
    """

    formats: tuple[Format, ...] = ("relion5",)

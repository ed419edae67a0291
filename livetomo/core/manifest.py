"""The result manifest: what `result.json` says of a result, which files it has, and how it came to be.

`from_json` and `to_json` are each other's inverse for every manifest that livetomo has written, to the order of keys.
Three rules hold between versions:

- A key keeps its meaning for ever. What a later version adds has a default that says "not recorded": None or "". Such a
  key is absent in older manifests, and is not written while it has its default.
- A key that this version does not know is ignored. It stays in `result.json`, which is never written again.
- A `schema` above `SCHEMA` is refused: some key has another meaning there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

from livetomo.core.errors import BadManifest
from livetomo.core.evidence import Evidence
from livetomo.core.false_share import FalseShare
from livetomo.core.geometry import TomogramGeometry
from livetomo.core.json_object import JsonObject, NotGiven, json_object
from livetomo.core.quality.metric import Quality, Verdict, qualities, verdict_in
from livetomo.core.sidecar_facts import SidecarFacts
from livetomo.core.tomogram import TomogramId

SCHEMA = 1
_READERS: Mapping[Any, Callable[[JsonObject, str], Any]] = {
    str: JsonObject.text,
    int: JsonObject.whole,
    Mapping[str, Any]: JsonObject.table,
}


class Plain:
    """A part of the manifest whose keys are its fields, in their order."""

    __slots__ = ()
    _keys: ClassVar[Sequence[tuple[str, Callable[[JsonObject, str], Any]]]]

    def __init_subclass__(cls) -> None:
        cls._keys = [(name, _READERS[kind]) for name, kind in cls.__annotations__.items()]

    @classmethod
    def from_json(cls, body: JsonObject) -> Self:
        """The inverse of `to_json`."""
        return cls(*[read(body, name) for name, read in cls._keys])

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        return {name: getattr(self, name) for name, _ in self._keys}


@dataclass(frozen=True, slots=True)
class SourceFile(Plain):
    """The file that the result was made of.

    path: absolute, as the daemon saw it.
    size: in bytes.
    modified_ns: when it was last written, in nanoseconds since 1970.
    digest: hex SHA-256 of the size and of sampled blocks of the file.
    """

    path: str
    size: int
    modified_ns: int
    digest: str


@dataclass(frozen=True, slots=True)
class VolumeFacts:
    """The volume that all coordinates refer to.

    shape_zyx: in voxels.
    voxel_size_angstrom: as it was settled.
    voxel_size_source: who says so, like "header" or "override".
    origin_angstrom: x, y, z of the MRC header.
    axis_order: how the axes are stored.
    mode: of the MRC header.
    evidence: what speaks for the voxel size, the byte order and the signedness; absent before livetomo recorded it.
    centre_angstrom: x, y, z from the centre of the first voxel to what the result's stars for RELION 5 count from; in
        results that do not say so it is the volume's middle, n/2.
    """

    shape_zyx: tuple[int, int, int]
    voxel_size_angstrom: float
    voxel_size_source: str
    origin_angstrom: tuple[float, float, float]
    axis_order: str
    mode: int
    evidence: tuple[Evidence, ...] | None = None
    centre_angstrom: tuple[float, float, float] | None = None

    @property
    def geometry(self) -> TomogramGeometry:
        """Where its voxels lie."""
        return TomogramGeometry(
            self.shape_zyx, self.voxel_size_angstrom, self.origin_angstrom, stored_axes=self.axis_order
        )

    @staticmethod
    def from_json(body: JsonObject) -> "VolumeFacts":
        """The inverse of `to_json`."""
        return VolumeFacts(
            body.numbers("shape_zyx", 3),
            body.number("voxel_size_angstrom"),
            body.text("voxel_size_source"),
            body.numbers("origin_angstrom", 3),
            body.text("axis_order"),
            body.whole("mode"),
            body.all("evidence", Evidence.from_json) if "evidence" in body.body else None,
            body.numbers("centre_angstrom", 3) if "centre_angstrom" in body.body else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        body: dict[str, Any] = {
            "shape_zyx": list(self.shape_zyx),
            "voxel_size_angstrom": self.voxel_size_angstrom,
            "voxel_size_source": self.voxel_size_source,
            "origin_angstrom": list(self.origin_angstrom),
            "axis_order": self.axis_order,
            "mode": self.mode,
        }
        if self.centre_angstrom is not None:
            body["centre_angstrom"] = list(self.centre_angstrom)
        return body if self.evidence is None else body | {"evidence": [dict(one.to_json()) for one in self.evidence]}


@dataclass(frozen=True, slots=True)
class RecipeUsed(Plain):
    """The recipe that the result was made with.

    name: as the configuration calls it.
    hash: of its settings.
    settings: all of them, as a recipe file has them.
    """

    name: str
    hash: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NetworkUsed(Plain):
    """A network that the recipe ran.

    name: as its card says.
    sha256: of its package.
    steps: for how many steps it was trained.
    """

    name: str
    sha256: str
    steps: int


@dataclass(frozen=True, slots=True)
class PluginUsed(Plain):
    """A plug-in of another package that had a part in the result.

    kind: producer, exporter, segmenter or denoiser.
    name: as the recipe or the configuration calls it.
    distribution: name of the package.
    version: of the package.
    """

    kind: str
    name: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class DenoiserUsed(Plain):
    """What denoised the volume, where the recipe leaves open by what it goes.

    method: as the recipe calls it.
    went_by: what it went by: of `tv` the `weight`, and where it is from; of `wiener` the finest detail in Å that the
        half-maps share; of `beside` the `path` and `digest` of the file, or what took its place.
    """

    method: str
    went_by: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Provenance:
    """The programs and the machine that made the result.

    livetomo: its version.
    python: its version.
    torch: its version.
    device: the name of the GPU, or the kind of CPU.
    host: the name of the machine.
    models: the networks that were run, by what the recipe calls them.
    plugins: the plug-ins of other packages that were used; absent if there were none.
    denoiser: by what the volume was denoised; absent where the recipe says all of it.
    """

    livetomo: str
    python: str
    torch: str
    device: str
    host: str
    models: Mapping[str, NetworkUsed] = field(default_factory=dict)
    plugins: tuple[PluginUsed, ...] = ()
    denoiser: DenoiserUsed | None = None

    @staticmethod
    def from_json(body: JsonObject) -> "Provenance":
        """The inverse of `to_json`."""
        return Provenance(
            body.text("livetomo"),
            body.text("python"),
            body.text("torch"),
            body.text("device"),
            body.text("host"),
            body.each("models", NetworkUsed.from_json, {}),
            body.all("plugins", PluginUsed.from_json) if "plugins" in body.body else (),
            DenoiserUsed.from_json(body.object("denoiser")) if "denoiser" in body.body else None,
        )

    def programs(self) -> dict[str, str]:
        """Everything but the networks, as it stands in `result.json`."""
        return {
            "livetomo": self.livetomo,
            "python": self.python,
            "torch": self.torch,
            "device": self.device,
            "host": self.host,
        }

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        models = {name: model.to_json() for name, model in self.models.items()}
        body: dict[str, Any] = self.programs() | {"models": models}
        if self.plugins:
            body["plugins"] = [plugin.to_json() for plugin in self.plugins]
        if self.denoiser:
            body["denoiser"] = self.denoiser.to_json()
        return body


@dataclass(frozen=True, slots=True)
class Removed(Plain):
    """What one rule of curation took from the particles of a feature.

    number: of the rule in the recipe, from 1.
    rule: its name.
    picks: number of particles above the threshold that it removed.
    candidates: number of all particles that it removed.
    """

    number: int
    rule: str
    picks: int
    candidates: int


@dataclass(frozen=True, slots=True)
class FeaturePicks:
    """The particles of one feature.

    count: number of published picks.
    candidates: number of candidates: published picks and weaker ones.
    threshold: score from which on candidates were published.
    diameter_angstrom: size of the particles, for circles in pictures; absent before livetomo recorded it.
    removed: what each rule of curation took.
    columns: names of the values in a row of `strongest`; empty if the rows were left out, as in the catalog.
    strongest: the strongest published picks, one row each, strongest first.
    missing: why the feature was not looked for, so that no picks do not mean no particles; absent if it was.
    false_share: how many of the published picks are expected to be false; absent if that is not known.
    false_share_missing: why it is not known though the recipe asks for it: it could not be estimated, so that the
        recipe's threshold decided, or nothing was published; absent otherwise.
    """

    count: int
    candidates: int
    threshold: float
    diameter_angstrom: float | None = None
    removed: tuple[Removed, ...] = ()
    columns: tuple[str, ...] = ()
    strongest: Sequence[Sequence[float]] = ()
    missing: str = ""
    false_share: FalseShare | None = None
    false_share_missing: str = ""

    @staticmethod
    def from_json(body: JsonObject) -> "FeaturePicks":
        """The inverse of `to_json`."""
        return FeaturePicks(
            body.whole("count"),
            body.whole("candidates"),
            body.number("threshold"),
            body.number("diameter_angstrom", None),
            body.all("removed", Removed.from_json),
            body.texts("columns", ()),
            body.list("strongest", ()),
            body.text("missing", ""),
            FalseShare.from_json(body.object("false_share")) if "false_share" in body.body else None,
            body.text("false_share_missing", ""),
        )

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        body: dict[str, Any] = {"count": self.count, "candidates": self.candidates, "threshold": self.threshold}
        if self.diameter_angstrom is not None:
            body["diameter_angstrom"] = self.diameter_angstrom
        body["removed"] = [one.to_json() for one in self.removed]
        if self.columns:
            body |= {"columns": list(self.columns), "strongest": list(self.strongest)}
        if self.missing:
            body["missing"] = self.missing
        if self.false_share is not None:
            body["false_share"] = self.false_share.to_json()
        return body | ({"false_share_missing": self.false_share_missing} if self.false_share_missing else {})


@dataclass(frozen=True, slots=True)
class FileFacts(Plain):
    """A file of the result folder. bytes: its size. sha256: of its content, in hex."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ResultManifest:
    """The result of one revision of a tomogram by one recipe.

    schema: which meaning the keys have.
    result_id: the same for the same tomogram, revision and recipe on every machine.
    tomogram: whose result it is.
    revision: number of the file's content, from 1.
    source: the file that it was made of.
    volume: what coordinates refer to.
    metadata: what sidecars said when it was made.
    recipe: what was done.
    provenance: by which programs, and where.
    started: UTC, ISO 8601.
    finished: UTC, ISO 8601.
    seconds: time in each stage.
    quality: the quality figures by name.
    verdict: of the whole, by its worst figure.
    picks: the particles by feature, in the order of the recipe.
    labels: the value of each feature in `labels.mrc`.
    warnings: sentences for people.
    files: every other file of the result folder, by its path there.
    """

    result_id: str
    tomogram: TomogramId
    revision: int
    source: SourceFile
    volume: VolumeFacts
    recipe: RecipeUsed
    provenance: Provenance
    started: str
    finished: str
    quality: Mapping[str, Quality]
    verdict: Verdict
    picks: Mapping[str, FeaturePicks]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    schema: int = SCHEMA

    @property
    def facts(self) -> SidecarFacts:
        """`metadata`, typed."""
        return SidecarFacts.from_json(self.metadata)

    @staticmethod
    def from_json(body: Any) -> "ResultManifest":
        """The inverse of `to_json`, from what `json.loads` returns.

        Raises:
            BadManifest: names the first key that is missing or of another kind, or the schema that is too new.
        """
        try:
            return _manifest(json_object(body))
        except ValueError as fault:
            raise BadManifest(str(fault)) from None

    def to_json(self) -> dict[str, Any]:
        """As it stands in `result.json`."""
        who = self.tomogram
        return {
            "schema": self.schema,
            "result_id": self.result_id,
            "tomogram": {"watch": who.watch, "session": who.session, "name": who.name},
            "revision": self.revision,
            "source": self.source.to_json(),
            "volume": self.volume.to_json(),
            "metadata": dict(self.metadata),
            "recipe": self.recipe.to_json(),
            "provenance": self.provenance.to_json(),
            "started": self.started,
            "finished": self.finished,
            "seconds": dict(self.seconds),
            "quality": {name: figure.to_json() for name, figure in self.quality.items()},
            "verdict": self.verdict,
            "picks": {feature: picks.to_json() for feature, picks in self.picks.items()},
            "labels": dict(self.labels),
            "warnings": list(self.warnings),
            "files": {name: facts.to_json() for name, facts in self.files.items()},
        }

    def brief(self) -> "ResultManifest":
        """Without the rows of the strongest picks, which events and result folders hold: what the catalog keeps."""
        picks = {feature: replace(found, columns=(), strongest=()) for feature, found in self.picks.items()}
        return replace(self, picks=picks)

    def counts(self) -> dict[str, int]:
        """The number of published picks of each feature."""
        return {feature: found.count for feature, found in self.picks.items()}


def _manifest(body: JsonObject) -> ResultManifest:
    if (schema := body.whole("schema", SCHEMA)) > SCHEMA:
        raise NotGiven(f"it has the schema {schema}, and this livetomo reads schemas up to {SCHEMA}: use a newer one")
    who = body.object("tomogram")
    return ResultManifest(
        schema=schema,
        result_id=body.text("result_id"),
        tomogram=TomogramId(who.text("watch"), who.text("session"), who.text("name")),
        revision=body.whole("revision"),
        source=SourceFile.from_json(body.object("source")),
        volume=VolumeFacts.from_json(body.object("volume")),
        metadata=body.table("metadata", {}),
        recipe=RecipeUsed.from_json(body.object("recipe")),
        provenance=Provenance.from_json(body.object("provenance")),
        started=body.text("started"),
        finished=body.moment("finished"),
        seconds=body.table("seconds"),
        quality=qualities(body.object("quality")),
        verdict=verdict_in(body),
        picks=body.each("picks", FeaturePicks.from_json),
        labels=body.table("labels", {}),
        warnings=body.texts("warnings"),
        files=body.each("files", FileFacts.from_json, {}),
    )

"""Every figure of a tomogram's quality: its unit, what it is, its limits and whose they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from livetomo.core.quality.metric import Quality, Verdict

Side = Literal["low", "high", "both"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Beyond which values a figure is worth a look (warn) or spoils the tomogram (bad), in the figure's unit."""

    warn_below: float | None = None
    bad_below: float | None = None
    warn_above: float | None = None
    bad_above: float | None = None

    def verdict(self, value: float) -> Verdict:
        """Of a value; the limits themselves are good, and what has no limits is unjudged."""
        if self == Limits():
            return "unjudged"
        if _below(value, self.bad_below) or _above(value, self.bad_above):
            return "bad"
        return "warn" if _below(value, self.warn_below) or _above(value, self.warn_above) else "good"


@dataclass(frozen=True, slots=True)
class Definition:
    """All that is said of a figure, in one row: adding a figure touches the function that makes it, and its row.

    name: in one that each feature of a recipe has, `<feature>` stands for the feature's name.
    definition: what is measured. limits, source: its limits and whose they are.
    low, high: what a value below or above them means; `{value}` and `{limit}` may stand in them.
    words: limits that are no numbers, as a person reads them.
    trouble: on which side of what is usual in a session a value is trouble; None if it may well be another in each
        place, like a lamella's tilt.
    buckets: upper bounds of its histogram, in its unit; None: as is usual for the unit; none at all: it is a detail,
        which is published of the last tomogram alone, or each scrape would carry a megabyte.
    needs: of a feature's figure, which features always have it: those with an "extent", or those with "picks".
    """

    name: str
    unit: str
    definition: str
    limits: Limits = Limits()
    source: str = ""
    low: str = ""
    high: str = ""
    words: str = ""
    trouble: Side | None = None
    buckets: Sequence[float] | None = None
    needs: Literal["extent", "picks"] | None = None


_SHARES = (0.0001, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1)
_AGREEMENTS = (0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
_THICKNESSES = (300, 600, 800, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 4000, 6000)
_TILT_RANGES = (20, 40, 60, 80, 90, 100, 105, 110, 115, 120, 130, 140)
_OWN = "our own"
_DENOISET = "DenoisET's choice of tomograms"
_MEAN_FREE_PATH = "mean free path of inelastic scattering, 3000-4000 Å at 300 kV"
_THICK = "electrons scatter more than once in so thick a specimen: it will hold little detail"
_DENSE = "{value:.1%} of the volume is very dense: gold, ice or carbon"
_SPOILT = "it takes {value:.0%} of the volume"

VOLUME = (
    Definition(
        "voxel_size",
        "Å",
        "The voxel size that a person, the header, the file's name, sidecars or the configuration give",
        source=_OWN,
        words="good if two of them agree, warn if it is doubtful or if they contradict each other, bad if the sizes of "
        "the tilt series contradict the size that is used",
        trouble="both",
    ),
    Definition(
        "finite_share",
        "",
        "Share of the voxels that are finite numbers",
        Limits(warn_below=1.0, bad_below=0.99),
        _OWN,
        low="{rest:.2%} of the voxels are not numbers and were replaced",
        trouble="low",
        buckets=_SHARES,
    ),
    Definition(
        "blank_share",
        "",
        "Share of the voxels that are padding, masked, or corners of a rotated volume: one value, repeated exactly "
        "over a region. Other shares and densities are of the other voxels; blank regions have no picks",
        Limits(warn_above=0.5, bad_above=0.95),
        _OWN,
        high="{value:.0%} of the volume is blank: was it reconstructed larger than the images, or masked?",
        buckets=_SHARES,
    ),
    Definition(
        "saturated_share",
        "",
        "Share of the voxels at the lowest or highest value, of those that are not blank",
        Limits(warn_above=0.001, bad_above=0.05),
        _OWN,
        high="{value:.1%} of the voxels are at the lowest or highest value: was the volume clipped?",
        trouble="high",
        buckets=_SHARES,
    ),
    Definition(
        "dense_share",
        "",
        "Share of the voxels more than 10 robust deviations denser than the median: gold, ice crystals, thick carbon",
        Limits(warn_above=0.005, bad_above=0.05),
        _OWN,
        high=_DENSE,
        trouble="high",
        buckets=_SHARES,
    ),
    Definition(
        "density_skew",
        "",
        "Skewness of the means of boxes of 110 Å (60 Å if these are too few) in the slab, minus their surroundings: "
        "positive if compact, rare things are dense, as matter in ice is",
        source=_OWN,
        words="warn if it is clearly negative, at 60 Å too: the recipe's `density` seems to be wrong. The shares of "
        "contamination, carbon and very dense matter are then not judged. Unjudged if it is not clear",
        buckets=(-2, -1, -0.5, -0.3, -0.1, 0, 0.1, 0.3, 0.5, 1, 2, 4),
    ),
    Definition(
        "thickness",
        "Å",
        "Thickness of the slab that explains a grid of columns best, from face to face; a face is where half of the "
        "structure begins. Missing if no face is seen",
        Limits(warn_above=3000, bad_above=5000),
        _MEAN_FREE_PATH,
        high=_THICK,
        trouble="both",
        buckets=_THICKNESSES,
    ),
    Definition(
        "thickness_confidence",
        "",
        "Share of the grid's variance that the slab explains, times the agreement of two halves of its columns; 0-1",
        buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1),
    ),
    Definition(
        "slab_tilt",
        "°",
        "Angle between the slab and the volume's x-y plane",
        Limits(warn_above=20),
        _OWN,
        high="the specimen lies at {value:.0f}° in the volume: were its pre-tilt and tilt offset set?",
    ),
    Definition("slab_tilt_x", "°", "Rotation of the slab about x; positive if it rises along y", buckets=()),
    Definition(
        "slab_tilt_y", "°", "Rotation of the slab about y, the tilt axis; positive if it rises along x", buckets=()
    ),
    Definition(
        "slab_shift", "Å", "Distance from the middle of the volume to the middle of the slab, along z", buckets=()
    ),
    Definition(
        "contrast",
        "",
        "Power of 300-100 Å in the slab minus that beside it, divided by the power beside it",
        source=_OWN,
        words="warn if the volume is empty: only noise is seen in it",
        trouble="low",
    ),
    Definition(
        "sharpness",
        "Å",
        "Finest spacing at which the power in the slab exceeds that beside it by a tenth",
        trouble="high",
    ),
    Definition(
        "seen_tilt_range",
        "°",
        "Tilt range that the volume's Fourier transform shows: the width of the wedge that is filled",
        source=_OWN,
        words="warn if it is 15° less than declared, or if the wedge lies along y, or about another axis than z",
        trouble="low",
        buckets=_TILT_RANGES,
    ),
    Definition(
        "relative_depth",
        "",
        "Extent of the volume along z, divided by the shorter of its extents along x and y",
        source=_OWN,
        words="warn above 1.2 if no wedge shows that z is the beam's axis",
        buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.2, 1.5, 2, 4, 10),
    ),
)
FEATURES = (
    Definition(
        "<feature>_share",
        "",
        "Share of the volume that exceeds the feature's threshold",
        buckets=_SHARES,
        needs="extent",
    ),
    Definition("<feature>_volume", "µm³", "Volume that exceeds the feature's threshold", buckets=(), needs="extent"),
    Definition(
        "<feature>_area",
        "µm²",
        "Surface of the volume that exceeds the feature's threshold",
        buckets=(),
        needs="extent",
    ),
    Definition(
        "<feature>_mirror_agreement",
        "",
        "Agreement of the network's map with its mean over the mirror images, as intersection over union of "
        "probabilities; only if the recipe sets `mirrors`",
        trouble="low",
        buckets=_AGREEMENTS,
    ),
    Definition(
        "<feature>_count",
        "",
        "Number of published picks; the metric is `livetomo_tomogram_picks`",
        trouble="low",
        buckets=(),
        needs="picks",
    ),
    Definition("<feature>_density", "1/µm³", "Published picks per volume, of the whole tomogram", needs="picks"),
    Definition(
        "<feature>_slab_density",
        "1/µm³",
        "Published picks per volume, of a slab of the thickness `thickness`",
        trouble="low",
        needs="picks",
    ),
    Definition("<feature>_score_low", "", "Score below which a tenth of the published picks lies", buckets=()),
    Definition(
        "<feature>_score_median",
        "",
        "Median score of the published picks",
        trouble="low",
        buckets=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1),
    ),
    Definition("<feature>_score_high", "", "Score above which a tenth of the published picks lies", buckets=()),
    Definition(
        "<feature>_neighbour_distance",
        "Å",
        "Median distance from a published pick to the nearest other one",
        buckets=(),
    ),
    # Features of these names spoil what they cover; others are what people look for.
    Definition(
        "contamination_share",
        "",
        "`<feature>_share` of contamination",
        Limits(warn_above=0.02, bad_above=0.1),
        _OWN,
        high=_SPOILT,
        trouble="high",
        buckets=_SHARES,
    ),
    Definition(
        "carbon_share",
        "",
        "`<feature>_share` of carbon",
        Limits(warn_above=0.2, bad_above=0.5),
        _OWN,
        high=_SPOILT,
        trouble="high",
        buckets=_SHARES,
    ),
)
HALVES = (
    Definition(
        "halves_agreement",
        "",
        "Mean Fourier shell correlation (FSC) of the half-maps at 100-30 Å, or as fine as the voxels allow",
        source=_OWN,
        words="warn if they agree in coarser structures only; bad if one is blank, if both are identical, if they do "
        "not match, or have nothing in common",
        trouble="low",
        buckets=_AGREEMENTS,
    ),
    Definition(
        "band_snr", "", "Signal-to-noise ratio of the full volume at 100-30 Å, 2 FSC / (1 - FSC)", trouble="low"
    ),
    Definition("coarse_snr", "", "The same ratio at 300-100 Å"),
    Definition(
        "focus",
        "",
        "`contrast` divided by the contrast that a slab with `coarse_snr` should have: how much of the structure that "
        "the half-maps share lies in the slab, instead of being smeared over the depth",
        Limits(warn_below=0.3, bad_below=0.12),
        "our own, from simulated misalignment",
        low="the halves agree on structure that the specimen does not hold: the alignment is broken",
        trouble="low",
        buckets=(0.03, 0.06, 0.12, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 4),
    ),
    Definition(
        "fsc_0143_resolution", "Å", "Resolution at which the FSC first falls below 0.143 for two shells", trouble="high"
    ),
    Definition(
        "fsc_05_resolution", "Å", "Resolution at which the FSC first falls below 0.5 for two shells", trouble="high"
    ),
)
METADATA = (
    Definition(
        "declared_thickness",
        "Å",
        "Thickness that AreTomo or RELION estimated",
        Limits(warn_below=1000, warn_above=3000, bad_above=5000),
        f"below: {_DENOISET}; above: as `thickness`",
        low="the alignment found hardly any specimen: it is empty there, or the fit failed",
        high="so thick a specimen holds little detail",
        trouble="both",
        buckets=_THICKNESSES,
    ),
    Definition(
        "tilt_axis",
        "°",
        "Direction of the tilt axis in the images",
        buckets=(-180, -150, -120, -90, -60, -30, 0, 30, 60, 90, 120, 150, 180),
    ),
    Definition(
        "tilt_axis_deviation",
        "°",
        "Difference from the median tilt axis of the session's tomograms so far, if there are enough of them",
        Limits(warn_above=1.5),
        _DENOISET,
        high="the tilt axis is not the session's: the alignment may be broken",
    ),
    Definition("declared_tilt_x", "°", "Tilt of the specimen about x that the alignment found and removed", buckets=()),
    Definition(
        "declared_tilt_y",
        "°",
        "Tilt of the specimen about the tilt axis that the alignment found and removed: a lamella's milling angle",
        buckets=(),
    ),
    Definition(
        "global_shift",
        "Å",
        "Largest shift of a view",
        Limits(warn_above=750),
        _DENOISET,
        high="a view was moved so far that the alignment is in doubt",
        trouble="high",
        buckets=(10, 30, 50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000),
    ),
    Definition(
        "bad_patches_low_tilt",
        "",
        "Share of the local patches that could not be aligned, at up to 30°; missing if no patches were used",
        Limits(warn_above=0.05, bad_above=0.5),
        f"{_DENOISET}; bad: {_OWN}",
        high="{value:.0%} of the patches could not be aligned",
        trouble="high",
        buckets=_SHARES,
    ),
    Definition(
        "bad_patches",
        "",
        "Share of the local patches that could not be aligned, at all angles",
        Limits(warn_above=0.10, bad_above=0.5),
        f"{_DENOISET}; bad: {_OWN}",
        high="{value:.0%} of the patches could not be aligned",
        trouble="high",
        buckets=_SHARES,
    ),
    Definition(
        "alignment_residual",
        "Å",
        "Mean distance of fiducials or patches from the places that the alignment predicts",
        Limits(warn_above=10, bad_above=30),
        _OWN,
        high="the alignment is broken or poor: fiducials or patches lie {value:.0f} Å from where they should",
        trouble="high",
    ),
    Definition(
        "ctf_resolution",
        "Å",
        "Resolution to which Thon rings are fitted",
        Limits(warn_above=20, bad_above=40),
        f"{_DENOISET}; bad: {_OWN}",
        high="Thon rings are not fitted to a better resolution",
        trouble="high",
    ),
    Definition(
        "ctf_score",
        "",
        "Correlation of the CTF fit",
        Limits(warn_below=0.05),
        _DENOISET,
        low="the CTF's fit hardly follows the Thon rings",
        trouble="low",
        buckets=_SHARES,
    ),
    Definition(
        "defocus",
        "µm",
        "Defocus of the CTF fit; underfocus is positive",
        Limits(warn_below=1, warn_above=8),
        _OWN,
        low="this is an unusual defocus: the fit may have failed",
        high="this is an unusual defocus: the fit may have failed",
        trouble="both",
        buckets=(0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10),
    ),
    Definition(
        "defocus_error",
        "µm",
        "Fitted defocus minus target defocus, both without sign",
        Limits(warn_below=-2, warn_above=2),
        _OWN,
        low="the defocus is far from the target",
        high="the defocus is far from the target",
        trouble="both",
        buckets=(-5, -3, -2, -1, -0.5, -0.2, 0, 0.2, 0.5, 1, 2, 3, 5),
    ),
    Definition(
        "astigmatism",
        "µm",
        "Difference between the two defocus values",
        trouble="both",
        buckets=(0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2),
    ),
    Definition(
        "handedness",
        "",
        "1 or -1: the direction in which defocus changes along a tilt; constant in a session",
        trouble="both",
        buckets=(),
    ),
    Definition(
        "tilt_range",
        "°",
        "Range from the lowest to the highest angle used",
        Limits(warn_below=80),
        _OWN,
        low="so few angles leave a wide missing wedge",
        trouble="low",
        buckets=_TILT_RANGES,
    ),
    Definition(
        "used_tilts",
        "tilts",
        "Number of views in the reconstruction",
        trouble="low",
        buckets=(5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 80, 120),
    ),
    Definition(
        "used_tilts_share",
        "",
        "Share of the recorded views that the reconstruction uses",
        Limits(warn_below=0.8),
        _OWN,
        low="many views are dark or were dropped",
        trouble="low",
        buckets=_SHARES,
    ),
)
DEFINITIONS: Mapping[str, Definition] = {measure.name: measure for measure in (*VOLUME, *FEATURES, *HALVES, *METADATA)}
_OF_FEATURES = sorted((name for name in DEFINITIONS if name.startswith("<")), key=len, reverse=True)


def definition_of(name: str) -> Definition | None:
    """What the figure `name` is; None where there is none of that name, for whatever feature."""
    if (measure := DEFINITIONS.get(name)) is not None:
        return measure
    for pattern in _OF_FEATURES:
        ending = pattern.removeprefix("<feature>")
        if name.endswith(ending) and name != ending:
            return DEFINITIONS[pattern]
    return None


def judged(quality: Quality, limits: Limits | None = None) -> Quality:
    """With the verdict that `limits`, or else the measure's own, give its value.

    What was found wrong by other signs than the value (a dead half), or is missing, stays so; what has passed such a
    check, and has no limits, stays good.
    """
    measure = definition_of(quality.name)
    if quality.verdict not in ("good", "unjudged") or quality.value is None or measure is None:
        return quality
    limits = limits or measure.limits
    verdict = limits.verdict(quality.value)
    if verdict == "unjudged":
        return quality
    if verdict == "good":
        return replace(quality, verdict="good")
    return replace(quality, verdict=verdict, reason=_reason(measure, limits, quality))


def _reason(measure: Definition, limits: Limits, quality: Quality) -> str:
    value = quality.value or 0.0
    low = _below(value, limits.warn_below) or _below(value, limits.bad_below)
    sentence = (measure.low if low else measure.high).format(value=value, rest=1 - value)
    return sentence or f"{value:g} {measure.unit}".strip() + f" is {'less' if low else 'more'} than the recipe's limit"


def _below(value: float, limit: float | None) -> bool:
    return limit is not None and value < limit


def _above(value: float, limit: float | None) -> bool:
    return limit is not None and value > limit

"""The report's page: one HTML file that needs no server, no network and no script."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import livetomo
from livetomo.core.quality.definitions import DEFINITIONS, definition_of
from livetomo.core.quality.metric import Verdict
from livetomo.web.report import provenance
from livetomo.web.report.pictures import chosen, picture
from livetomo.web.report.plots import measured, plot
from livetomo.web.report.session import Row, Session

MOST_PICTURES = 100
# What the table of tomograms shows, where any of them has it.
_COLUMNS = ("thickness", "fsc_0143_resolution", "ctf_resolution", "band_snr", "tilt_range")


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure over the session. plot: None where it is the same in all tomograms."""

    name: str
    unit: str
    definition: str
    first: float | None
    plot: Markup | None


def page(session: Session, *, now: datetime, most_pictures: int = MOST_PICTURES) -> str:
    """The whole file. `now` is when it is made."""
    environment = Environment(
        loader=PackageLoader("livetomo.web.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"measured": measured, "moment": _moment, "words": lambda name: name.replace("_", " ")}
    finished = session.finished
    manifests = [row.manifest for row in finished if row.manifest]
    trends = list(_trends(finished))
    shown = chosen(finished, most_pictures)
    return environment.get_template("page.html").render(
        session=session,
        now=now,
        version=livetomo.__version__,
        finished=finished,
        unfinished=[row for row in session.rows if row.manifest is None],
        features=sorted(session.picks()),
        expected=session.expected_false(),
        columns=[name for name in _COLUMNS if any(name in manifest.quality for manifest in manifests)],
        plots=[trend for trend in trends if trend.plot is not None],
        constants=[trend for trend in trends if trend.plot is None],
        pictures=[(row, picture(row)) for row in shown],
        programs=provenance.programs(manifests),
        recipes=provenance.recipes(manifests),
        models=provenance.models(manifests),
    )


def _trends(rows: Sequence[Row]) -> Iterator[Trend]:
    """Every figure that any tomogram has a value of, in the order in which they are documented."""
    figures = [row.manifest.quality for row in rows if row.manifest]
    order = {name: number for number, name in enumerate(DEFINITIONS)}

    def rank(name: str) -> tuple[int, str]:
        measure = definition_of(name)
        return (order[measure.name] if measure else len(order), name)

    for name in sorted({name for each in figures for name in each}, key=rank):
        values = [each[name].value if name in each else None for each in figures]
        known = [value for value in values if value is not None]
        if not known:
            continue
        unit = next(each[name].unit for each in figures if name in each)
        verdicts: list[Verdict] = [each[name].verdict if name in each else "missing" for each in figures]
        varies = min(known) < max(known)
        measure = definition_of(name)
        definition = measure.definition if measure else ""
        yield Trend(name, unit, definition, known[0], plot(values, verdicts) if varies else None)


def _moment(when: datetime | None) -> str:
    return "" if when is None else f"{when.astimezone(UTC):%Y-%m-%d %H:%M}"

"""The few kinds of panels that the dashboards are made of, each with its queries, its unit and one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grafana_foundation_sdk.builders import bargauge, common, dashboard, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    GraphDrawStyle,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DataSourceRef,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
Panel = stat.Panel | timeseries.Panel | bargauge.Panel | table.Panel | text.Panel


@dataclass(frozen=True)
class Query:
    """What is asked, and how each line is called."""

    expr: str
    legend: str = ""


def series(
    title: str,
    unit: str,
    *queries: Query,
    say: str = "",
    span: int = 12,
    stacked: bool = False,
    limits: Sequence[tuple[str, float]] = (),
    paint: Mapping[str, str] | None = None,
) -> timeseries.Panel:
    """Lines over time, or stacked bars; `limits` are (colour, from), drawn as lines; `paint` is a colour by name."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(say)
        .unit(unit)
        .datasource(SOURCE)
        .span(span)
        .height(8)
        .min(0)
        .fill_opacity(60 if stacked else 8)
        .line_width(1 if stacked else 2)
        .draw_style(GraphDrawStyle.BARS if stacked else GraphDrawStyle.LINE)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if limits:
        panel.thresholds(_steps(limits))
        panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    for name, colour in (paint or {}).items():
        fixed = DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})
        panel.override_by_name(name, [fixed])
    return _ask(panel, queries)


def number(
    title: str,
    unit: str,
    *queries: Query,
    say: str = "",
    span: int = 4,
    limits: Sequence[tuple[str, float]] = (),
    words: dict[int, tuple[str, str]] | None = None,
) -> stat.Panel:
    """The last value, large; `words` tells a number as (word, colour)."""
    panel = stat.Panel().title(title).description(say).unit(unit).datasource(SOURCE).span(span).height(4)
    panel.color_mode(BigValueColorMode.VALUE)
    panel.thresholds(_steps(limits))
    if words:
        options = {str(key): ValueMappingResult(text=word, color=colour) for key, (word, colour) in words.items()}
        panel.mappings([ValueMap(options=options)])
    return _ask(panel, queries)


def bars(title: str, unit: str, *queries: Query, say: str = "", span: int = 12) -> bargauge.Panel:
    """The last value of each, as bars side by side."""
    panel = bargauge.Panel().title(title).description(say).unit(unit).datasource(SOURCE).span(span).height(8).min(0)
    return _ask(panel, queries)


def rows(title: str, query: Query, say: str = "", span: int = 12, height: int = 8) -> table.Panel:
    """The labels of what there is, as a table."""
    panel = table.Panel().title(title).description(say).datasource(SOURCE).span(span).height(height)
    target = prometheus.Dataquery().expr(query.expr).instant().format(PromQueryFormat.TABLE).ref_id("A")
    return panel.with_target(target)


def html(title: str, content: str, say: str = "", span: int = 24, height: int = 7) -> text.Panel:
    """Markup, like pictures that the daemon serves."""
    return text.Panel().title(title).description(say).mode(TextMode.HTML).content(content).span(span).height(height)


def board(uid: str, title: str, say: str, *variables: dashboard.QueryVariable | dashboard.TextBoxVariable):
    """A dashboard whose data source is a variable, like everything else that differs from site to site."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(say)
        .tags(["livetomo"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(dashboard.DatasourceVariable("source").label("Data source").type("prometheus"))
    )
    for variable in variables:
        made.with_variable(variable)
    for other, name in (
        ("livetomo-session", "Session"),
        ("livetomo-facility", "Facility"),
        ("livetomo-daemon", "Daemon"),
    ):
        if other != uid:
            made.link(
                dashboard.DashboardLink(name)
                .type(DashboardLinkType.LINK)
                .url(f"/d/{other}")
                .keep_time(True)
                .include_vars(True)
            )
    return made


def choice(name: str, label: str, metric: str) -> dashboard.QueryVariable:
    """Which of a label's values, several or all; used as a label matcher only."""
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {name})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _steps(limits: Sequence[tuple[str, float]]) -> dashboard.ThresholdsConfig:
    first = Threshold(value=None, color="green" if limits else "text")
    rest = [Threshold(value=value, color=colour) for colour, value in limits]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([first, *rest])


def _ask(panel, queries: Sequence[Query]):
    for letter, query in zip("ABCDEFGH", queries, strict=False):
        panel.with_target(
            prometheus.Dataquery().expr(query.expr).legend_format(query.legend or "__auto").ref_id(letter)
        )
    return panel

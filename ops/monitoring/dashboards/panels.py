"""What the panels of all dashboards have in common."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    VizLegendOptions,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard, Row, ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
)

SECONDS = "s"
PERCENT = "percent"
SHARE = "percentunit"
COUNT = "short"
PER_SECOND = "ops"
BYTES = "bytes"
YES_NO = "bool_yes_no"
DATASOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")
"""As monitoring/grafana/provisioning names it."""
RECENT = "$__rate_interval"
QUANTILES = (0.5, 0.95, 0.99)


@dataclass(frozen=True)
class Query:
    """What is asked of Prometheus, and how each series is called."""

    expr: str
    legend: str
    exemplars: bool = False


def dashboard(uid: str, title: str, about: str) -> Dashboard:
    return (
        Dashboard(title)
        .uid(uid)
        .description(about)
        .tags(["parley"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
    )


def row(title: str) -> Row:
    return Row(title)


def chart(
    title: str, unit: str, *queries: Query, about: str, limit: float | None = None
) -> timeseries.Panel:
    """A third of the width; `limit` is an objective, drawn as a line."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .min(0)
        .datasource(DATASOURCE)
        .height(8)
        .span(8)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .placement(common.LegendPlacement.BOTTOM)
            .display_mode(common.LegendDisplayMode.LIST)
        )
    )
    for place, query in enumerate(queries):
        panel = panel.with_target(_target(query, place).range())
    if limit is not None:
        panel = panel.thresholds(_limits(limit)).thresholds_style(
            GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def number(
    title: str, unit: str, query: Query, *, about: str, good_from: float | None = None
) -> stat.Panel:
    """A sixth of the width; green from `good_from` on, red below."""
    panel = (
        stat.Panel()
        .title(title)
        .description(about)
        .unit(unit)
        .datasource(DATASOURCE)
        .height(4)
        .span(4)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target(query, 0).range())
    )
    if good_from is not None:
        steps = [Threshold(value=None, color="red"), Threshold(value=good_from, color="green")]
        panel = panel.thresholds(ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel


def quantiles(histogram: str, *, where: str = "") -> list[Query]:
    """The p50, p95 and p99 of a histogram, all its series together."""
    return [
        Query(quantile(share, histogram, where=where), f"p{100 * share:g}") for share in QUANTILES
    ]


def quantile(share: float, histogram: str, *, where: str = "", by: str = "") -> str:
    """Of all series of a histogram together but for the labels `by`."""
    labels = f"{{{where}}}" if where else ""
    kept = f"le, {by}" if by else "le"
    buckets = f"sum by ({kept}) (rate({histogram}_bucket{labels}[{RECENT}]))"
    return f"histogram_quantile({share:g}, {buckets})"


def rate(counter: str, *, by: str = "") -> str:
    """Per second; 0 where it never happened, which has no series."""
    summed = f"sum by ({by}) (" if by else "sum("
    return f"{summed}rate({counter}[{RECENT}])) or on() vector(0)"


def _target(query: Query, place: int) -> Dataquery:
    target = (
        Dataquery()
        .expr(query.expr)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + place))
        .datasource(DATASOURCE)
    )
    return target.exemplar(True) if query.exemplars else target


def _limits(limit: float) -> ThresholdsConfig:
    steps = [Threshold(value=None, color="transparent"), Threshold(value=limit, color="red")]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)

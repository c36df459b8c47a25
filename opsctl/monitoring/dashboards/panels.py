"""One panel as Grafana wants it, by the typed builders of its foundation SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from grafana_foundation_sdk.builders import common, dashboard, prometheus
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.statetimeline import Panel as StatesPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as LinesPanel
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphGradientMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TableColoredBackgroundCellOptions,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from opsctl.monitoring.dashboards.document import Kind, Panel, Query, Verdict
from opsctl.monitoring.dashboards.grid import Spot
from opsctl.monitoring.dashboards.units import GRAFANA

_COLORS: Mapping[Verdict, str] = {"ok": "green", "warn": "orange", "bad": "red", "plain": "text"}
_LETTERS = "ABCDEFGHIJ"
_Any = LinesPanel | StatPanel | StatesPanel | TablePanel


def panel(
    number: int, asked: Panel, exprs: tuple[str, ...], unit: str, spot: Spot, source: str
) -> _Any:
    """The builder of one panel. `exprs`: its queries, filled in; `source`: a data source's uid."""
    made = _KINDS[asked.kind](asked)
    made.id(number).title(asked.title).description(_description(asked))
    made.datasource(_reference(source)).grid_pos(GridPos(spot.h, spot.w, spot.x, spot.y))
    if unit:
        made.unit(GRAFANA[unit])
    if asked.decimals is not None:
        made.decimals(asked.decimals)
    if asked.least is not None:
        made.min(asked.least)
    if asked.most is not None:
        made.max(asked.most)
    if asked.states:
        made.mappings([_states(asked)])
    made.thresholds(_thresholds(asked))
    for letter, query, expr in zip(_LETTERS, asked.queries, exprs, strict=False):
        made.with_target(_query(asked, letter, expr, query.legend, source))
    return made


def _description(asked: Panel) -> str:
    """The question, and why there may be no answer."""
    return " ".join(part for part in (asked.asks, _why(asked)) if part)


def _why(asked: Panel) -> str:
    return f"Empty when: {asked.empty}." if asked.empty else ""


def _reference(source: str) -> DataSourceRef:
    return DataSourceRef("prometheus", source)


def _query(asked: Panel, letter: str, expr: str, legend: str, source: str) -> prometheus.Dataquery:
    query = prometheus.Dataquery().ref_id(letter).expr(expr).datasource(_reference(source))
    if asked.kind == "table":
        return query.instant().format(PromQueryFormat.TABLE)
    return query.range().legend_format(legend or "__auto")


def _thresholds(asked: Panel) -> dashboard.ThresholdsConfig:
    steps = [Threshold(None, _COLORS[asked.base])]
    steps += [Threshold(one.at, _COLORS[one.verdict]) for one in asked.thresholds]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _states(asked: Panel) -> ValueMap:
    return ValueMap(
        {
            str(value): ValueMappingResult(state.text, _COLORS[state.verdict], None, index)
            for index, (value, state) in enumerate(asked.states.items())
        }
    )


def _stat(asked: Panel) -> StatPanel:
    judged = bool(asked.thresholds or asked.states) or asked.base != "plain"
    return (
        StatPanel()
        .color_mode(BigValueColorMode.VALUE if judged else BigValueColorMode.NONE)
        .graph_mode(BigValueGraphMode.NONE if asked.states else BigValueGraphMode.AREA)
        .text_mode(BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )


def _lines(asked: Panel) -> LinesPanel:
    made = (
        LinesPanel()
        .line_width(1)
        .fill_opacity(30 if asked.stack else 8)
        .gradient_mode(GraphGradientMode.OPACITY)
        .show_points(VisibilityMode.NEVER)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .legend(_legend())
    )
    if asked.stack:
        made.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if asked.thresholds:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        )
    return made


def _legend() -> common.VizLegendOptions:
    """A table with the last and the largest value, the largest line first."""
    return (
        common.VizLegendOptions()
        .display_mode(LegendDisplayMode.TABLE)
        .placement(LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["lastNotNull", "max"])
        .sort_by("Last *")
        .sort_desc(True)
    )


def _timeline(_: Panel) -> StatesPanel:
    hidden = common.VizLegendOptions().show_legend(False).display_mode(LegendDisplayMode.LIST)
    return (
        StatesPanel()
        .show_value(VisibilityMode.AUTO)
        .row_height(0.8)
        .merge_values(True)
        .fill_opacity(75)
        .line_width(0)
        .legend(hidden.placement(LegendPlacement.BOTTOM))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
    )


def _table(asked: Panel) -> TablePanel:
    """Rows joined on one label; each query is a column."""
    alone = len(asked.queries) == 1  # Grafana numbers the columns of several queries
    names = {
        "Value" if alone else f"Value #{letter}": query.column for letter, query in _lettered(asked)
    }
    made = (
        TablePanel()
        .with_transformation(
            DataTransformerConfig("joinByField", options={"byField": asked.key, "mode": "outer"})
        )
        .with_transformation(
            DataTransformerConfig(
                "filterFieldsByName",
                options={"include": {"names": [asked.key, *names]}},
            )
        )
        .with_transformation(
            DataTransformerConfig(
                "organize",
                options={
                    "renameByName": {asked.key: asked.key.capitalize(), **names},
                    "indexByName": {name: n for n, name in enumerate((asked.key, *names))},
                },
            )
        )
    )
    for _, query in _lettered(asked):
        if query.unit:
            made.override_by_name(query.column, [DynamicConfigValue("unit", GRAFANA[query.unit])])
    if asked.thresholds or asked.states:
        cell = TableColoredBackgroundCellOptions().to_json()
        judged = [query.column for _, query in _lettered(asked) if not query.unit]
        for column in judged:
            made.override_by_name(column, [DynamicConfigValue("custom.cellOptions", cell)])
    return made


def _lettered(asked: Panel) -> list[tuple[str, Query]]:
    return list(zip(_LETTERS, asked.queries, strict=False))


_KINDS: Mapping[Kind, Callable[[Panel], _Any]] = {
    "stat": _stat,
    "lines": _lines,
    "states": _timeline,
    "table": _table,
}

"""The picture of a run, as SVG and PNG: latencies as curves, the rest as bars with their budgets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

from bench.measure import percentile
from bench.peers import Kind
from bench.report import CPU_PERCENT, READY_MS, RESIDENT_MB, STOP_RATIO, Fleet, Report

mpl.use("Agg")
import matplotlib.pyplot as plt

_COLOURS: Final = {Kind.BACKSTRIDE: "#0b6e6e", Kind.BARE: "#c9822b"}
_LABELS: Final = {Kind.BACKSTRIDE: "Backstride", Kind.BARE: "bare script"}
_BUDGET: Final = "#b3261e"
_DASHES: Final = ("-", "--", ":")
STYLE: Final[Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "svg.fonttype": "none",
}


def plot(report: Report, directory: Path) -> tuple[Path, ...]:
    """Draw it as `bench.svg` and `bench.png`, and return their paths."""
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
        _curves(panels[0][0], report, "stop", "Stop: message to control-point write")
        _curves(panels[0][1], report, "telemetry", "Telemetry: notification to message")
        _ratios(panels[0][2], report)
        _bars(
            panels[1][0], report, "resident", title="Resident memory", unit="MB", budget=RESIDENT_MB
        )
        _bars(
            panels[1][1],
            report,
            "core",
            title="Share of a core, each",
            unit="%",
            budget=CPU_PERCENT,
        )
        _starts(panels[1][2], report)
        handles, labels = panels[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False)
        figure.suptitle(
            f"Backstride beside a bare bleak + pyftms + aiomqtt script, {report.when[:10]},"
            f" Python {report.python}, {report.cores} cores",
            x=0.01,
            ha="left",
            fontsize=11,
        )
        paths = tuple(directory / f"bench.{ending}" for ending in ("svg", "png"))
        for path in paths:
            figure.savefig(path, dpi=150)
        plt.close(figure)
    return paths


def _curves(axes: Any, report: Report, name: str, title: str) -> None:
    """How many of the samples took at most so long; one curve for each peer and fleet."""
    longest = 0.0
    for fleet, dash in zip(report.fleets, _DASHES, strict=False):
        for kind in Kind:
            values = sorted(getattr(fleet.samples[kind], name))
            shares = [100 * (index + 1) / len(values) for index in range(len(values))]
            label = f"{_LABELS[kind]}, {fleet.treadmills}"
            axes.step(values, shares, color=_COLOURS[kind], linestyle=dash, lw=1.4, label=label)
            longest = max(longest, percentile(values, 0.995))
    axes.set(title=title, xlabel="ms", ylabel="% of samples", xscale="log", ylim=(0, 101))
    axes.set_xlim(right=longest * 1.3)
    _plain_numbers(axes.xaxis, (0.5, 1, 2, 5, 10, 20, 50, 100), axes.get_xlim())


def _plain_numbers(axis: Any, ticks: tuple[float, ...], limits: tuple[float, float]) -> None:
    shown = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
    axis.set_ticks(shown, labels=[f"{tick:g}" for tick in shown])
    axis.set_ticks([], minor=True)


def _ratios(axes: Any, report: Report) -> None:
    """Backstride divided by the bare script; 1 is equal."""
    rows = (
        ("stop p50", "stop_p50"),
        ("stop p99", "stop_p99"),
        ("telemetry p50", "telemetry_p50"),
        ("telemetry p99", "telemetry_p99"),
        ("memory", "resident"),
    )
    height = 0.8 / len(report.fleets)
    for index, fleet in enumerate(report.fleets):
        values = [_ratio(fleet, field) for _, field in rows]
        places = [row + (index - (len(report.fleets) - 1) / 2) * height for row in range(len(rows))]
        shade = 1.0 - 0.3 * index
        bars = axes.barh(places, values, height * 0.9, color=_COLOURS[Kind.BACKSTRIDE], alpha=shade)
        labels = [f"{value:.2f}  ({fleet.treadmills})" for value in values]
        axes.bar_label(bars, labels, padding=2, fontsize=7)
    axes.axvline(1, color="#555555", lw=0.8)
    axes.plot([STOP_RATIO] * 2, [0.55, 1.45], color=_BUDGET, lw=1.5)
    axes.set(title="Backstride : bare (treadmills)", yticks=range(len(rows)))
    axes.set_yticklabels([label for label, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, axes.get_xlim()[1] * 1.2)
    axes.grid(visible=False, axis="y")


def _ratio(fleet: Fleet, field: str) -> float:
    product, bare = (getattr(fleet.figures[kind], field) for kind in (Kind.BACKSTRIDE, Kind.BARE))
    return float(product / bare)


def _bars(axes: Any, report: Report, field: str, *, title: str, unit: str, budget: float) -> None:
    places = range(len(report.fleets))
    for offset, kind in ((-0.2, Kind.BACKSTRIDE), (0.2, Kind.BARE)):
        values = [getattr(fleet.figures[kind], field) for fleet in report.fleets]
        bars = axes.bar([place + offset for place in places], values, 0.36, color=_COLOURS[kind])
        axes.bar_label(bars, fmt=lambda v: f"{v:.2f}" if v < 10 else f"{v:.0f}", fontsize=8)
    _draw_budget(axes, -0.45, 0.45, budget)
    axes.set(title=title, ylabel=unit, xticks=list(places), xlabel="treadmills in one process")
    axes.set_xticklabels([str(fleet.treadmills) for fleet in report.fleets])
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.15)


def _draw_budget(axes: Any, left: float, right: float, budget: float) -> None:
    axes.plot([left, right], [budget] * 2, color=_BUDGET, lw=1.5)
    axes.annotate(
        f"budget {budget:g}", (left, budget), (0, 3), textcoords="offset points", fontsize=7,
        color=_BUDGET,
    )  # fmt: skip


def _starts(axes: Any, report: Report) -> None:
    """From the start of the process, with one treadmill (or the fewest measured)."""
    figures = report.fleets[0].figures
    rows = (("READY", "ready"), ("online", "online"), ("first state", "state"))
    for offset, kind in ((-0.2, Kind.BACKSTRIDE), (0.2, Kind.BARE)):
        values = [getattr(figures[kind], field) or 0 for _, field in rows]
        bars = axes.bar(
            [row + offset for row in range(len(rows))], values, 0.36, color=_COLOURS[kind]
        )
        axes.bar_label(bars, fmt=lambda v: f"{v:.0f}" if v else "none", fontsize=8)
    _draw_budget(axes, -0.45, 0.45, READY_MS)
    axes.set_ylim(top=max(READY_MS, axes.get_ylim()[1]) * 1.1)
    axes.set(title="Cold start", ylabel="ms", xticks=range(len(rows)))
    axes.set_xticklabels([label for label, _ in rows])
    axes.grid(visible=False, axis="x")
    axes.margins(y=0.15)

"""The figures of a run: gathered, compared with their budgets, and shown."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

import msgspec
from msgspec import Struct

from bench.measure import Latencies, Start, Walk, percentile
from bench.peers import Kind

STOP_RATIO: Final = 1.5
"""Backstride's stop p99 against the bare script's."""
ENOUGH: Final = 500
"""Of fewer samples a p99 is a single accident, and is not judged."""
RESIDENT_MB: Final = 48.0
CPU_PERCENT: Final = 0.5
"""Of one core, for one treadmill at 1 Hz telemetry."""
READY_MS: Final = 600.0
TICK_MS: Final = 100.0
"""A boundary is met by the next tick of the control loop; more than one tick off is drift."""
_PERCENT_PER_SECOND_AN_HOUR: Final = 100 / 3_600


class Figures(Struct, frozen=True, kw_only=True):
    """One peer with one number of treadmills. ms, MB (10^6 bytes), CPU s per treadmill-hour.

    Starts are the quickest of those measured: whatever else the machine does can only add to them.
    """

    stop_p50: float
    stop_p99: float
    stops: int
    stops_lost: int
    telemetry_p50: float
    telemetry_p99: float
    frames: int
    frames_lost: int
    resident: float
    cpu: float
    ready: float | None
    online: float
    state: float
    drift: float | None
    moving_stop_p50: float | None

    @property
    def core(self) -> float:
        """Percent of one core for each treadmill."""
        return self.cpu * _PERCENT_PER_SECOND_AN_HOUR


class Samples(Struct, frozen=True):
    """What the plot shows of one peer, in ms."""

    stop: tuple[float, ...]
    telemetry: tuple[float, ...]


class Fleet(Struct, frozen=True):
    """Both peers with one number of treadmills."""

    treadmills: int
    figures: dict[Kind, Figures]
    samples: dict[Kind, Samples]

    @classmethod
    def of(
        cls,
        count: int,
        starts: dict[Kind, list[Start]],
        latencies: dict[Kind, list[Latencies]],
        walks: dict[Kind, Walk],
    ) -> Self:
        """From what was measured."""
        samples = {
            kind: Samples(
                tuple(value for part in latencies[kind] for value in part.stop),
                tuple(value for part in latencies[kind] for value in part.telemetry),
            )
            for kind in Kind
        }
        figures = {
            kind: _figures(starts[kind], latencies[kind], samples[kind], walks[kind])
            for kind in Kind
        }
        return cls(count, figures, samples)


class Report(Struct, frozen=True, kw_only=True):
    """A whole run."""

    when: str
    lasted: float
    python: str
    system: str
    cores: int
    load: float
    """Load average over the minute before the end: other work on the machine shows here."""
    fleets: tuple[Fleet, ...]

    def write(self, path: Path) -> None:
        """As JSON."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1))


def make_report(fleets: tuple[Fleet, ...], lasted: float) -> Report:
    """Add where and when."""
    return Report(
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        lasted=round(lasted, 1),
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count() or 1,
        load=os.getloadavg()[0],
        fleets=fleets,
    )


def _figures(
    starts: list[Start], latencies: list[Latencies], samples: Samples, walk: Walk
) -> Figures:
    lags = [abs(lag) for treadmill in walk.lags for lag in treadmill]
    ready = [start.ready for start in starts if start.ready is not None]
    return Figures(
        stop_p50=percentile(samples.stop, 0.5),
        stop_p99=percentile(samples.stop, 0.99),
        stops=len(samples.stop),
        stops_lost=sum(part.stops_lost for part in latencies),
        telemetry_p50=percentile(samples.telemetry, 0.5),
        telemetry_p99=percentile(samples.telemetry, 0.99),
        frames=len(samples.telemetry),
        frames_lost=sum(part.frames_lost for part in latencies),
        resident=walk.resident * 1024 / 1e6,
        cpu=walk.cpu,
        ready=min(ready) if ready else None,
        online=min(start.online for start in starts),
        state=min(start.state for start in starts),
        drift=max(lags) if lags else None,
        moving_stop_p50=percentile(walk.stop, 0.5) if walk.stop else None,
    )


_ROWS: Final[tuple[tuple[str, str, str], ...]] = (
    ("stop latency p50", "stop_p50", "ms"),
    ("stop latency p99", "stop_p99", "ms"),
    ("stop, belt moving, p50", "moving_stop_p50", "ms"),
    ("telemetry latency p50", "telemetry_p50", "ms"),
    ("telemetry latency p99", "telemetry_p99", "ms"),
    ("resident memory", "resident", "MB"),
    ("CPU per treadmill-hour", "cpu", "s"),
    ("share of one core, each", "core", "%"),
    ("start to READY", "ready", "ms"),
    ("start to online", "online", "ms"),
    ("start to first state", "state", "ms"),
    ("schedule, worst boundary", "drift", "ms"),
)


def show(report: Report) -> None:
    """Print the table."""
    print(
        f"\nBackstride beside a bare script (bleak + pyftms + aiomqtt): {report.when}, Python"
        f" {report.python}, {report.system}, {report.cores} cores, load {report.load:.1f},"
        f" {report.lasted:.0f} s"
    )
    for fleet in report.fleets:
        product, bare = fleet.figures[Kind.BACKSTRIDE], fleet.figures[Kind.BARE]
        print(
            f"\n{fleet.treadmills} treadmill{'s' * (fleet.treadmills > 1)}"
            f"  ({product.stops}/{bare.stops} stops, {product.frames}/{bare.frames} frames;"
            f" lost {product.stops_lost}/{bare.stops_lost}, {product.frames_lost}/{bare.frames_lost})"
        )
        print(f"  {'':<26}{'Backstride':>12}{'bare':>12}{'ratio':>9}")
        for label, field, unit in _ROWS:
            values = getattr(product, field), getattr(bare, field)
            ratio = f"{values[0] / values[1]:.2f}" if all(values) and field != "drift" else ""
            cells = [f"{'-' if v is None else f'{v:.2f}'} {unit:<2}" for v in values]
            print(f"  {label:<26}{cells[0]:>12}{cells[1]:>12}{ratio:>9}")


def check(report: Report) -> list[str]:
    """The budgets that were missed, each as a sentence; the budgets are for one treadmill."""
    found = [fleet for fleet in report.fleets if fleet.treadmills == 1]
    lost = [
        f"{fleet.treadmills} treadmills: {fleet.figures[Kind.BACKSTRIDE].stops_lost} stops lost"
        for fleet in report.fleets
        if fleet.figures[Kind.BACKSTRIDE].stops_lost
    ]
    if not found:
        return lost
    product, bare = found[0].figures[Kind.BACKSTRIDE], found[0].figures[Kind.BARE]
    enough = min(product.stops, bare.stops) >= ENOUGH
    ratio = product.stop_p99 / bare.stop_p99 if enough else 0.0
    budgets = (
        ("stop p99 against the bare script", ratio, STOP_RATIO, "x"),
        ("resident memory", product.resident, RESIDENT_MB, " MB"),
        ("processor at 1 Hz telemetry", product.core, CPU_PERCENT, " % of a core"),
        ("start to READY", product.ready or float("inf"), READY_MS, " ms"),
        ("schedule drift", product.drift or 0.0, TICK_MS, " ms (one tick; the budget is none)"),
    )
    return lost + [
        f"{name}: {value:.2f}{unit}, budget {budget:g}"
        for name, value, budget, unit in budgets
        if not value <= budget
    ]

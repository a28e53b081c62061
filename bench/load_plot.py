"""The picture of the load: how messages, the broker and a stop grow with the number of treadmills."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl

from bench.plot import STYLE

mpl.use("Agg")
import matplotlib.pyplot as plt

if TYPE_CHECKING:
    from bench.load import Result

_COLOUR: Final = "#0b6e6e"
_MEDIAN: Final = "#c9822b"


def plot(result: Result, directory: Path) -> Path:
    """Draw it as `load.png`, and return its path."""
    counts = [each.treadmills for each in result.stages]
    shares = [each.daemons_cpu * 100 / each.treadmills for each in result.stages]
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, 4, figsize=(12, 3.2), layout="constrained")
        drawn = (
            ("Messages/s", [each.messages for each in result.stages]),
            ("Broker: % of a core", [each.broker_cpu * 100 for each in result.stages]),
            ("Each treadmill: % of a core", shares),
            ("Stop to answer: ms", [each.p99 for each in result.stages]),
        )
        for axes, (title, values) in zip(panels, drawn, strict=True):
            axes.plot(counts, values, "o-", color=_COLOUR, label="p99")
            axes.set(title=title, xlabel="treadmills", xticks=counts, xlim=(0, counts[-1] * 1.05))
            axes.set_ylim(0, max(values) * 1.2)
        medians = [each.p50 for each in result.stages]
        panels[3].plot(counts, medians, "o--", color=_MEDIAN, label="p50")
        panels[3].legend(frameon=False)
        figure.suptitle(
            f"Real daemons at one mosquitto, {result.when}, {result.cores} cores for all of it",
            x=0.01, ha="left", fontweight="bold",
        )  # fmt: skip
        path = directory / "load.png"
        figure.savefig(path, dpi=110)
        plt.close(figure)
    return path

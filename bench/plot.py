"""The picture of a run, as SVG and PNG."""

from __future__ import annotations

from pathlib import Path

from bench.report import Report


def plot(report: Report, directory: Path) -> tuple[Path, ...]:
    """Draw it."""
    return ()

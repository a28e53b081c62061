"""What the suite measured, printed at its end: a test adds a line by `record_property("figure", line)`."""

from __future__ import annotations

import pytest
import structlog


@pytest.fixture(autouse=True)
def logs_as_they_come():
    """What a command's test configures must not reach the next test."""
    yield
    structlog.reset_defaults()


def pytest_terminal_summary(terminalreporter):
    figures = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in report.user_properties
        if name == "figure"
    ]
    if figures:
        terminalreporter.section("figures")
        for figure in sorted(figures):
            terminalreporter.write_line(figure)

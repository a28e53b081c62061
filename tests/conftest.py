"""What the suite measured, printed at its end: a test adds a line by `record_property("figure", line)`."""

from __future__ import annotations

import os

import pytest
import structlog
from blockbuster import BlockBusterFunction, blockbuster_ctx


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


@pytest.fixture
def nothing_blocks():
    """A call of the product that blocks the loop raises; each exception has its reason."""
    with blockbuster_ctx("backstride") as guard:
        guard.functions["os.fsync"] = BlockBusterFunction(
            os, "fsync", scanned_modules=["backstride"]
        ).activate()
        for function in guard.functions.values():
            # Programs, locks and machine models are read once, before the service is ready.
            function.can_block_in("backstride/service/supervisor.py", {"_load_programs"})
            function.can_block_in("backstride/service/radios.py", {"provide"})
            function.can_block_in("backstride/service/recovery.py", {"lock", "load"})
            function.can_block_in("backstride/service/commissioned.py", {"look_up"})
            function.can_block_in("backstride/service/local.py", {"announce"})
            function.can_block_in("backstride/service/credential.py", {"read_password", "read_pin"})
            # A look at a file in memory, where a sandbox forbids to ask the kernel.
            function.can_block_in("backstride/service/timekeeping.py", {"_is_fresh"})
            # A private broker is started by the demo and the tests, never by the daemon.
            function.can_block_in("backstride/mqtt/broker.py", {"start", "stop", "_configuration"})
            # A defect is told with its traceback when all belts are down and the process ends.
            function.can_block_in("backstride/service/supervisor.py", {"_run_all"})
            # The journal's last records, after the loops have ended.
            function.can_block_in("backstride/service/journal.py", {"run"})
        yield

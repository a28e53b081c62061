"""What the suite measured, printed at its end: a test adds a line by `record_property("figure", line)`."""

from __future__ import annotations

import asyncio
import fcntl
import os

import pytest
import structlog
from blockbuster import BlockBusterFunction, blockbuster_ctx

_BUS_START_S = 10
_POLICY = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow eavesdrop="false"/>
<allow send_destination="*"/><allow receive_sender="*"/>{more}</policy></busconfig>
"""


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


@pytest.fixture(scope="session")
def build_once(tmp_path_factory):
    """`build_once(name, build)`: a directory that `build(directory)` fills, once for all workers of a run."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def provide(name, build):
        output, draft = shared / name, shared / f"{name}.draft"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not output.exists():
                build(draft)
                draft.rename(output)
        return output

    return provide


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
            function.can_block_in("backstride/service/timekeeping.py", {"is_marked"})
            # A private broker is started by the demo and the tests, never by the daemon.
            function.can_block_in("backstride/mqtt/broker.py", {"start", "stop", "_configuration"})
            # A defect is told with its traceback when all belts are down and the process ends.
            function.can_block_in("backstride/service/supervisor.py", {"_run_all"})
            # The journal's last records, after the loops have ended.
            function.can_block_in("backstride/service/journal.py", {"run"})
        yield


@pytest.fixture
async def start_bus(tmp_path):
    """Start a private bus and return its address; `more` goes into its policy."""
    daemons = []

    async def start(more: str = "") -> str:
        socket, file = tmp_path / "bus", tmp_path / "bus.conf"
        file.write_text(_POLICY.format(socket=socket, more=more))
        daemon = await asyncio.create_subprocess_exec(
            *("dbus-daemon", f"--config-file={file}", "--nofork", "--print-address"),
            stdout=asyncio.subprocess.PIPE,
        )
        daemons.append(daemon)
        line = await asyncio.wait_for(daemon.stdout.readline(), _BUS_START_S)
        return line.decode().strip()

    yield start
    for daemon in daemons:
        daemon.kill()
        await daemon.wait()

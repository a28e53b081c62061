"""A Debian guest with real systemd, BlueZ and mosquitto, the real package, and treadmills on the air.

It is emulated and takes minutes, so that only `make test-vm` runs these: it says in BACKSTRIDE_VM where to
keep what is looked at after a failure. Each worker has a guest of its own, in which Backstride gets installed
first. Files go to whichever is free, in the order of ORDER, so that what ends a guest comes last. Two of them
halve the time: most of it is waiting for belts.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import pytest_asyncio

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
KEPT = os.environ.get("BACKSTRIDE_VM")
collect_ignore_glob = [] if KEPT else ["test_*.py"]

ORDER = ("install", "session", "kill", "bluez", "machine", "broker", "host", "upgrade", "removal")
PACKAGE_S = 300


def pytest_collection_modifyitems(items):
    def place(item):
        return _place_of(item.nodeid) if item.path.parent == Path(__file__).parent else 0

    items.sort(key=place)


@pytest.fixture(scope="session")
def kept(worker_id):
    """Where the serial log, the journal and what the radio carried are kept."""
    directory = ROOT / KEPT / worker_id
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def package(build_once):
    """The package as `make deb` makes it, for the guest; packed without compression."""

    def build(draft):
        subprocess.run(
            [sys.executable, str(ROOT / "tools/deb.py"), "--arch", "amd64", "--output", str(draft)],
            env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"},
            timeout=PACKAGE_S,
            check=True,
        )

    (package,) = build_once("deb", build).glob("backstride_*_amd64.deb")
    return package


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house(kept, request):
    """The guest, up, with a treadmill on the air; nothing is installed."""
    from tools.vm.air import Air
    from tools.vm.guest import Guest
    from tools.vm.home import Belt, Home
    from tools.vm.image import provide_image

    began = time.monotonic()
    image = provide_image()
    built = time.monotonic() - began
    air = Air(kept / "radio.btsnoop")
    # A socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="vm-") as sockets:
        guest = Guest(image, kept / "serial.log", Path(sockets), air.on_plugged)
        async with air.plugged_into(guest.radio_socket):
            try:
                booted = await guest.boot()
                request.config.stash[BOOTED] = (
                    f"{kept.name}: image {built:.0f} s, boot to ssh {booted:.0f} s"
                )
                home = Home(guest, air)
                home.belts["treadmill"] = await Belt.switch_on(air, "treadmill")
                yield home
            finally:
                with contextlib.suppress(Exception):
                    journal = await guest.run("journalctl --no-pager -o short-precise", timeout=120)
                    (kept / "journal.txt").write_text(journal)
                await guest.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def home(house, package):
    """The house with Backstride installed by README's commands, and running."""
    from tools.vm.deployment import install

    await install(house, package)
    async with house.following():
        yield house


@pytest.fixture
def belt(home):
    """The treadmill of this home, free of faults."""
    belt = home.belts["treadmill"]
    yield belt
    belt.heal()


@pytest_asyncio.fixture(loop_scope="session")
async def walking(home, belt):
    """Somebody walks on the treadmill, guided by the daemon."""
    await home.walk(belt)
    return belt


# -- the table ------------------------------------------------------------------------------------

BOOTED = pytest.StashKey[str]()


@pytest.fixture
def row(record_property):
    """Say in words what was measured: it becomes the test's line in the table."""
    return lambda text: record_property("row", text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if (booted := item.config.stash.get(BOOTED, None)) is not None:
        report.user_properties.append(("guest", booted))
        del item.config.stash[BOOTED]
    return report


class Table:
    """What was measured, a line for each test; those of other processes tell it in their reports."""

    def __init__(self):
        self._guests = []
        self._rows = {}

    def pytest_runtest_logreport(self, report):
        said = dict(report.user_properties)
        if "guest" in said and said["guest"] not in self._guests:
            self._guests.append(said["guest"])
        if report.failed:
            self._rows[report.nodeid] = f"FAILED  in {report.when}, after {report.duration:.0f} s"
        elif report.when == "call" and report.passed:
            self._rows[report.nodeid] = f"ok      {said.get('row', f'{report.duration:.0f} s')}"

    def pytest_terminal_summary(self, terminalreporter):
        if not self._rows:
            return
        nodes = sorted(self._rows, key=_place_of)
        lines = [f"a guest\n    up      {booted}" for booted in self._guests]
        lines += [f"{_sentence(node)}\n    {self._rows[node]}" for node in nodes]
        terminalreporter.section("the real Linux path")
        for line in lines:
            terminalreporter.write_line(line)
        (ROOT / KEPT / "table.txt").write_text("\n".join(lines) + "\n")


def pytest_configure(config):
    if KEPT:
        config.pluginmanager.register(Table())


def _place_of(node):
    """The place of a test's file in the order."""
    return ORDER.index(node.partition("::")[0].rpartition("test_")[2].removesuffix(".py"))


def _sentence(node):
    return node.rpartition("::")[2].removeprefix("test_").replace("_", " ")

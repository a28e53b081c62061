"""A Debian guest with real systemd, BlueZ and mosquitto, the real package, and treadmills on the air.

It is emulated and takes minutes, so that only `make test-vm` runs these: it says in BACKSTRIDE_VM where to
keep what is looked at after a failure. All tests share one guest, in the order of ORDER: an installation
comes first and its removal last.
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
        name = item.path.stem.removeprefix("test_")
        return ORDER.index(name) if item.path.parent == Path(__file__).parent else 0

    items.sort(key=place)


@pytest.fixture(scope="session")
def kept():
    """Where the serial log, the journal and what the radio carried are kept."""
    directory = ROOT / KEPT
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def package(kept):
    """The package as `make deb` makes it, for the guest; packed without compression."""
    subprocess.run(
        [sys.executable, str(ROOT / "tools/deb.py"), "--arch", "amd64", "--output", str(kept)],
        env={**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "none"},
        timeout=PACKAGE_S,
        check=True,
    )
    return max(kept.glob("backstride_*_amd64.deb"), key=lambda path: path.stat().st_mtime)


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
                request.config.stash[ROWS].append(
                    ("the guest", "up", f"image {built:.0f} s, boot to ssh {booted:.0f} s")
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

ROWS = pytest.StashKey[list]()


def pytest_configure(config):
    config.stash[ROWS] = []


@pytest.fixture
def row(request):
    """Add a line to the table: what was measured, in words."""
    return lambda text: request.config.stash[ROWS].append((_sentence(request.node), "ok", text))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call" or report.failed:
        rows = item.config.stash[ROWS]
        name = _sentence(item)
        if report.failed:
            rows[:] = [one for one in rows if one[0] != name]
            rows.append((name, "FAILED", f"in {report.when}, after {call.duration:.0f} s"))
        elif not any(one[0] == name for one in rows):
            rows.append((name, "ok", f"{call.duration:.0f} s"))
    return report


def pytest_terminal_summary(terminalreporter, config):
    rows = config.stash[ROWS]
    if not rows:
        return
    terminalreporter.section("the real Linux path")
    lines = [f"{name}\n    {result:<6}  {text}" for name, result, text in rows]
    for line in lines:
        terminalreporter.write_line(line)
    (ROOT / KEPT / "table.txt").write_text("\n".join(lines) + "\n")


def _sentence(item):
    return item.name.removeprefix("test_").replace("_", " ")

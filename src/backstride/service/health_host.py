"""Facts about this computer, from files and calls that the sandboxed service may use.

The unit hides all of /proc but processes (`ProcSubset=pid`), so nothing here depends on /proc/meminfo or
/proc/uptime; what a computer does not tell is None. Every call blocks for some ms: use a thread.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from backstride import __version__
from backstride.mqtt.health import HostHealth
from backstride.service.timekeeping import is_synchronised

MEGABYTE: Final = 1_000_000
_KIB: Final = 1_024
_THROTTLED_NOW: Final = 0xF
"""Under-voltage, frequency capped, throttled, soft temperature limit: each now, not since boot
(raspberrypi.com/documentation, `vcgencmd get_throttled`)."""
_BLUETOOTHD: Final = "/usr/sbin:/usr/libexec/bluetooth:/usr/lib/bluetooth"
"""Where distributions have it: Debian's place is not on a PATH."""
_VERSION_S: Final = 5.0


class HostReader:
    """Reads the host. `directory` is on the disk that matters; `root` is / but for tests."""

    def __init__(self, directory: Path, name: str, root: Path = Path("/")) -> None:
        self._directory = directory
        self._name = name
        self._root = root

    def versions(self) -> dict[str, str]:
        """What runs here; only what can be told."""
        found = {
            "backstride": __version__,
            "python": platform.python_version(),
            "kernel": platform.release(),
        }
        bluez = _bluez_version()
        return found if bluez is None else {**found, "bluez": bluez}

    def read(self) -> tuple[HostHealth, int | None]:
        """The host now, and how many MB of memory this process takes."""
        return (
            HostHealth(
                name=self._name,
                uptime=round(time.clock_gettime(time.CLOCK_BOOTTIME)),
                clock_synchronised=is_synchronised(),
                temperature=self._temperature(),
                throttled=self._throttled(),
                memory_free=self._memory_free(),
                disk_free=self._disk_free(),
            ),
            self._own_memory(),
        )

    def _temperature(self) -> float | None:
        zones = sorted(self._root.glob("sys/class/thermal/thermal_zone*"))
        # A board has zones for its battery and its radio too; the processor's says so in its type.
        zones.sort(key=lambda zone: "cpu" not in (_text(zone / "type") or ""))
        readings = (_text(zone / "temp") for zone in zones)
        return next((int(text) / 1_000 for text in readings if text and text.isdecimal()), None)

    def _throttled(self) -> bool | None:
        for path in self._root.glob("sys/devices/platform/soc*/soc*:firmware/get_throttled"):
            with suppress(ValueError):
                return bool(int(_text(path) or "", 16) & _THROTTLED_NOW)
        return None

    def _memory_free(self) -> int | None:
        """What programs could still have: the kernel's own estimate, or free memory and files' caches."""
        if text := _text(self._root / "proc/meminfo"):
            found = re.search(r"MemAvailable:\s+(\d+) kB", text)
            return int(found[1]) * _KIB // MEGABYTE if found else None
        if text := _text(self._root / "sys/devices/system/node/node0/meminfo"):
            parts = re.findall(r"(?:MemFree|Active\(file\)|Inactive\(file\)):\s+(\d+) kB", text)
            return sum(map(int, parts)) * _KIB // MEGABYTE if parts else None
        return None

    def _disk_free(self) -> int | None:
        with suppress(OSError):
            return shutil.disk_usage(self._directory).free // MEGABYTE
        return None

    def _own_memory(self) -> int | None:
        with suppress(OSError, ValueError, IndexError):
            pages = int((self._root / "proc/self/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE") // MEGABYTE
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _bluez_version() -> str | None:
    path = f"{os.environ.get('PATH', os.defpath)}:{_BLUETOOTHD}"
    program = shutil.which("bluetoothd", path=path)
    if program is None:
        return None
    with suppress(OSError, subprocess.SubprocessError):
        said = subprocess.run(  # noqa: S603  found on the PATH of the service
            [program, "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=False
        )
        found = re.search(r"\d+\.\d+", said.stdout)
        return found[0] if found else None
    return None

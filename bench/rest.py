"""`python -m bench.rest`: what a daemon writes while nobody walks, and while somebody does.

SD cards wear and log partitions fill, so this counts from outside: bytes of the daemon's log, and each fsync
that the kernel sees (`strace`); of a daemon whose Bluetooth and broker are missing, and of one with a virtual
treadmill, at rest and in a session. The first seconds after the start do not count: a day has one start.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from backstride.mqtt.broker import Mosquitto, free_port
from bench.peers import PATH, ROOT

LOG_LIMIT: Final = 1_000_000
"""Bytes of log a day at rest."""
SYNC_LIMIT: Final = 1.0
"""fsyncs a second while the belt moves; none at rest."""
DAY_S: Final = 86_400
SETTLED_S: Final = 8.0
RESULTS: Final = Path("var/bench")
_CALLS: Final = "fsync,fdatasync,sync_file_range,msync,syncfs"
_CALL: Final = re.compile(rf"^\d+\s+(\d+\.\d+) (?:{_CALLS.replace(',', '|')})\(")
_PROGRAM: Final = """name: Rest
goal: a measurement
level: beginner
max speed: 1.5 km/h
steps:
  - warmup: {seconds} s
    facing: forward
    speed: 1.0 km/h
  - cooldown: 20 s
    speed: 1.0 km/h
"""


class Figures(Struct, frozen=True, kw_only=True):
    """What a case came to. `log_a_day` is what as much would be in a day."""

    name: str
    seconds: float
    log_bytes: int
    log_a_day: int
    fsyncs: int
    fsyncs_s: float
    at_rest: bool

    @property
    def good(self) -> bool:
        """Within its limits."""
        if self.at_rest:
            return self.log_a_day < LOG_LIMIT and self.fsyncs == 0
        return self.fsyncs_s <= SYNC_LIMIT


class Daemon:
    """A daemon under `strace`, whose log and fsyncs are counted between two moments."""

    def __init__(self, home: Path) -> None:
        self.config = home / "backstride.toml"
        self._home, self._log, self._trace = home, home / "log", home / "trace"

    @asynccontextmanager
    async def run(self, config: str, walk: int) -> AsyncIterator[None]:
        """Run it with this configuration and a program `rest` of so many seconds."""
        (self._home / "programs").mkdir(parents=True)
        (self._home / "programs/rest.yaml").write_text(_PROGRAM.format(seconds=walk))
        self.config.write_text(
            f'{config}\n[service]\nstate_directory = "{self._home}/state"\nlog_format = "json"\n'
            f'[programs]\ndirectory = "{self._home}/programs"\n'
        )
        # Detached (-D): the process is the daemon itself, and gets its signals.
        words = [
            "strace",
            "-D",
            "-f",
            "-qq",
            "-ttt",
            "-o",
            str(self._trace),
            "-e",
            f"trace={_CALLS}",
        ]
        with self._log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *words, *_backstride("run", self.config), stderr=log, env=_environment()
            )
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(60):
                await process.wait()

    async def wait_for(self, text: str, patience_s: float = 60.0) -> None:
        """Return when this stands in the log.

        Raises:
            SystemExit: it does not come.
        """
        end = time.monotonic() + patience_s
        while text not in (said := self._log.read_text(errors="replace")):
            if time.monotonic() > end:
                sys.exit(f"no {text!r} in the log:\n{said}")
            await asyncio.sleep(0.1)

    async def rest(self, name: str, seconds: float) -> Figures:
        """Count at rest, for so long."""
        began, size = time.time(), self._log.stat().st_size
        await asyncio.sleep(seconds)
        return self._count(name, began, size, at_rest=True)

    async def walk(self, name: str) -> Figures:
        """Count while the belt moves, from the first motion to the proven rest."""
        for word in ("start", "confirm"):
            await _do(_backstride(word, self.config, *(["rest"] if word == "start" else [])))
        await self.wait_for('"after": "running"')
        began, size = time.time(), self._log.stat().st_size
        await self.wait_for('"after": "finished"', 180.0)
        return self._count(name, began, size, at_rest=False)

    def _count(self, name: str, began: float, size: int, *, at_rest: bool) -> Figures:
        ended, written = time.time(), self._log.stat().st_size - size
        lines = self._trace.read_text(errors="replace").splitlines()
        calls = [float(found[1]) for line in lines if (found := _CALL.match(line))]
        syncs = sum(began <= at < ended for at in calls)
        return Figures(
            name=name,
            seconds=round(ended - began, 1),
            log_bytes=written,
            log_a_day=round(written / (ended - began) * DAY_S),
            fsyncs=syncs,
            fsyncs_s=round(syncs / (ended - began), 2),
            at_rest=at_rest,
        )


def _backstride(word: str, config: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "backstride.cli", word, *more, "--config", str(config)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": PATH}


async def _do(words: list[str]) -> None:
    silent = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*words, stdout=silent, env=_environment())
    if await process.wait():
        sys.exit(f"failed: {' '.join(words)}")


async def measure(home: Path, seconds: float, walk: int) -> list[Figures]:
    """All cases."""
    found: list[Figures] = []
    lonely = Daemon(home / "lonely")
    nothing = f'[broker]\nport = {free_port()}\n[[treadmill]]\nid = "a"\n'
    async with lonely.run(nothing + 'address = "C0:FF:EE:00:00:01"', walk):
        await lonely.wait_for('"ready"')
        await asyncio.sleep(SETTLED_S)
        found.append(await lonely.rest("at rest, no broker, no Bluetooth", seconds))
    whole = Daemon(home / "whole")
    (home / "broker").mkdir()
    async with Mosquitto(home / "broker") as broker:
        config = f'[broker]\nport = {broker.port}\n[[treadmill]]\nid = "a"\nvirtual = "ideal"'
        async with whole.run(config, walk):
            await whole.wait_for('"link up"')
            await asyncio.sleep(SETTLED_S)
            found.append(await whole.rest("at rest", seconds))
            found.append(await whole.walk("walking"))
    return found


def main() -> int:
    """Measure, print, and fail when a figure is worse than its limit."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of each count at rest")
    parser.add_argument("--walk", type=int, default=60, help="seconds of the program")
    chosen = parser.parse_args()
    if shutil.which("strace") is None:
        sys.exit("please run: sudo apt-get install strace")
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory(prefix="backstride-rest-") as directory:
        found = asyncio.run(measure(Path(directory), chosen.seconds, chosen.walk))
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "rest.json").write_text(json.dumps(msgspec.to_builtins(found), indent=2))
    print(f"{'':34}{'seconds':>9}{'log, B':>9}{'kB a day':>10}{'fsyncs':>8}{'a second':>10}")
    for one in found:
        print(
            f"{one.name:34}{one.seconds:9.1f}{one.log_bytes:9,}{one.log_a_day / 1000:10,.0f}"
            f"{one.fsyncs:8}{one.fsyncs_s:10.2f}  {'' if one.good else 'TOO MUCH'}"
        )
    print(
        f"limits: {LOG_LIMIT / 1000:,.0f} kB a day and no fsync at rest;"
        f" {SYNC_LIMIT:.0f} fsync a second walking"
    )
    return 0 if all(one.good for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())

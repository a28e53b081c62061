"""The measured processes: started like in production, looked at from outside through /proc."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from backstride.mqtt.broker import HOST
from backstride.service.rehearsal import rehearse
from backstride.service.sheet import write_sheet
from backstride.virtual.catalogue import load_machine
from bench.plan import STEPS, program_yaml
from bench.wire import SOCKET

ROOT: Final = Path(__file__).resolve().parent.parent
PATH: Final = f"{ROOT}{os.pathsep}{ROOT / 'src'}"
"""Of this checkout: what is measured is what is here."""
PROGRAM: Final = "bench-steps"
_END_S: Final = 40.0
"""Backstride may bring belts down before it ends."""


class Kind(StrEnum):
    """Who is measured."""

    BACKSTRIDE = "backstride"
    BARE = "bare"


class Peer:
    """One process with some treadmills. Use as an async context manager."""

    def __init__(
        self, kind: Kind, machines: dict[str, str], *, port: int, radio: str, home: Path
    ) -> None:
        self.kind = kind
        self.machines = machines
        self.spawned_at = 0
        self.ready_at: int | None = None
        """When it told its service manager that it is ready; the bare script tells nothing."""
        self._port = port
        self._radio = radio
        self._home = home
        self._process: asyncio.subprocess.Process | None = None
        self._notices: socket.socket | None = None

    async def __aenter__(self) -> Self:
        self._home.mkdir(parents=True)
        notices = self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.setblocking(False)
        notices.bind(str(self._home / "notify"))
        asyncio.get_running_loop().add_reader(notices, self._on_notice)
        arguments = self._write_product() if self.kind is Kind.BACKSTRIDE else self._write_bare()
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": str(self._home / "notify"),
            "PYTHONPATH": PATH,
            # An installed package has its bytecode; without, each start compiles 500 modules anew, and
            # keeps 5 MB of the compiler's memory.
            "PYTHONPYCACHEPREFIX": str(self._home.parent / "bytecode"),
            SOCKET: self._radio,
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        with (self._home / "log").open("wb") as log:
            self.spawned_at = time.monotonic_ns()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *arguments, env=environment, stdout=log, stderr=log
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), _END_S)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()
        if self._notices is not None:
            asyncio.get_running_loop().remove_reader(self._notices)
            self._notices.close()

    @property
    def log(self) -> str:
        """What the process wrote, for a person who wonders."""
        return (self._home / "log").read_text(errors="replace")

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.returncode is None

    def topic(self, treadmill: str, name: str) -> str:
        """A topic of one of its treadmills."""
        return f"{self.kind}/{treadmill}/{name}"

    def cpu_ns(self) -> int:
        """The time that its threads were on a core so far, as the scheduler counts it."""
        total = 0
        for task in Path(f"/proc/{self._pid}/task").iterdir():
            with contextlib.suppress(OSError):
                total += int((task / "schedstat").read_text().split()[0])
        return total

    def resident_kib(self) -> int:
        """What is in memory now (VmRSS)."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _on_notice(self) -> None:
        assert self._notices is not None
        if b"READY=1" in self._notices.recv(4096) and self.ready_at is None:
            self.ready_at = time.monotonic_ns()

    def _write_product(self) -> list[str]:
        programs = self._home / "programs"
        programs.mkdir()
        (programs / f"{PROGRAM}.yaml").write_text(program_yaml())
        sheet = self._home / "sheet.yaml"
        with ThreadPoolExecutor(1) as another:  # a rehearsal has a loop of its own
            write_sheet(another.submit(rehearse, load_machine("ideal")).result().sheet, sheet)
        lines = [
            "[broker]",
            f'host = "{HOST}"',
            f"port = {self._port}",
            "[service]",
            f'state_directory = "{self._home / "state"}"',
            'log_format = "json"',
            "[programs]",
            f'directory = "{programs}"',
        ]
        for treadmill, address in self.machines.items():
            lines += ["[[treadmill]]", f'id = "{treadmill}"', f'name = "{treadmill}"']
            lines += [f'address = "{address}"', 'belt_start = "remote"', f'sheet = "{sheet}"']
        path = self._home / "backstride.toml"
        path.write_text("\n".join(lines) + "\n")
        return ["bench.product", "--config", str(path)]

    def _write_bare(self) -> list[str]:
        path = self._home / "program.json"
        path.write_text(json.dumps([(step.seconds, step.speed / 100) for step in STEPS]))
        pairs = [f"{treadmill}={address}" for treadmill, address in self.machines.items()]
        return ["bench.bare", str(self._port), str(path), *pairs]

    def command(self, name: str, number: int, boot: str | None, **extra: Any) -> bytes:
        """The payload of a command to this peer."""
        if self.kind is Kind.BARE:
            return json.dumps({"command": name, **extra}).encode()
        note = {"v": 1, "id": f"bench-{number}", "command": name, "ts": time.time(), **extra}
        if boot is not None:
            note["boot"] = boot
        return json.dumps(note).encode()

"""QEMU's monitor: one command at a time, and what QEMU tells by itself (QMP, JSON by line)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

_PATIENCE_S = 20.0


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """A connection to the monitor. `heard` gets each event's name and data."""

    def __init__(self, heard: Callable[[str, dict[str, Any]], None]) -> None:
        self._heard = heard
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._one = asyncio.Lock()
        self._listening: asyncio.Task[None] | None = None

    async def open(self, socket: Path) -> bool:
        """Connect, and leave the capabilities negotiation behind; False when QEMU is not there yet."""
        try:
            self._reader, self._writer = await asyncio.open_unix_connection(socket)
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        await self._reader.readline()
        self._listening = asyncio.create_task(self._listen())
        await self.do("qmp_capabilities")
        return True

    async def do(self, command: str, **arguments: Any) -> Any:
        """Run a command and return what it returns.

        Raises:
            QmpError: QEMU refused it.
            TimeoutError: QEMU did not answer.
        """
        async with self._one, asyncio.timeout(_PATIENCE_S):
            line = json.dumps({"execute": command, "arguments": arguments})
            self._writer.write(line.encode() + b"\n")
            answer = await self._answers.get()
        if "error" in answer:
            raise QmpError(f"{command}: {answer['error']['desc']}")
        return answer["return"]

    def close(self) -> None:
        """Hang up."""
        if self._listening is not None:
            self._listening.cancel()
            self._writer.close()

    async def _listen(self) -> None:
        while line := await self._reader.readline():
            said = json.loads(line)
            if "event" in said:
                self._heard(said["event"], said.get("data", {}))
            else:
                self._answers.put_nowait(said)

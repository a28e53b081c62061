"""Each session as files in a folder, as soon as it is over: by a process of its own.

Writing an hour as FIT keeps a small computer busy for seconds, and another treadmill of the same daemon may
have somebody on it. So the daemon starts `backstride history export`, one at a time, with the lowest priority
and as the first to go where memory runs out, and only looks how it ends. A file that is missing costs nobody
anything: the same command writes it again.
"""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from backstride.domain.record import Head
from backstride.service.config import state_directory
from backstride.service.settings import Config

_LOG: Final = structlog.get_logger("backstride.history")

FOLDER: Final = "exports"
"""In the state directory, unless the configuration names another."""
PATIENCE_S: Final = 300.0
"""The longest session takes a Pi Zero a minute."""
_NICEST: Final = 19
_EXPENDABLE: Final = b"500"
"""The oom_score_adj of an export; it inherits the daemon's -500, and takes about 50 MB."""


class Exporter:
    """Exports what is over."""

    def __init__(self, config: Config) -> None:
        self._file = config.file
        self._formats = config.export.formats
        folder = config.export.directory
        self._folder = Path(folder) if folder else state_directory(config) / FOLDER
        self._home = state_directory(config)
        self.running: set[asyncio.Task[None]] = set()
        """Exports that are not done yet."""
        self._turn = asyncio.Lock()

    def __call__(self, head: Head) -> None:
        """Export a session that the disk has. Returns at once; on the loop's thread."""
        for form in self._formats if head.walked > 0 else ():
            task = asyncio.create_task(self._export(head.id, form), name=f"export {head.id}")
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def _export(self, session: str, form: str) -> None:
        words = [sys.executable, "-m", "backstride.cli", "history", "export", session]
        words += ["--format", form, "--output", str(self._folder)]
        words += ["--config", self._file] if self._file else []
        try:
            async with self._turn, asyncio.timeout(PATIENCE_S):
                code, said = await _run_nicely(words, {"STATE_DIRECTORY": str(self._home)})
        except (OSError, TimeoutError) as error:
            _LOG.error("session not exported", session=session, format=form, reason=repr(error))
            return
        if code:
            _LOG.error("session not exported", session=session, format=form, reason=said)
        else:
            _LOG.info("session exported", session=session, format=form, to=str(self._folder))


async def _run_nicely(words: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Run a process that gives way to every other; its exit code and what it complained of."""
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *words, stdin=null, stdout=null, stderr=pipe, env=os.environ | environment
    )
    try:
        # It may have ended, or a sandbox forbids it: written late is better than not.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICEST)
        with suppress(OSError):
            scores = Path(f"/proc/{process.pid}/oom_score_adj")
            await asyncio.to_thread(scores.write_bytes, _EXPENDABLE)
        _, said = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode(errors="replace").strip()

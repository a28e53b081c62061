"""Voices: Piper where it and a model are installed, else espeak-ng; and what they said before.

Speech is made once and kept as a WAV file under a name made of engine, voice and text, so that a computer
too slow to speak in time (a Pi Zero with Piper) can be prepared, and speaks from the disk.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from msgspec import Struct

from backstride.service.languages import Language

PATIENCE_S: Final = 90.0
"""An engine that needs longer is stuck. By then the cue is long late, but the next time it is there."""
_ESPEAK: Final[dict[str, str]] = {"no": "nb"}
"""Languages under another name than ours."""
_PACE: Final = "150"
"""Words a minute: what the guidance reckons with."""
_LOG: Final = structlog.get_logger("backstride.speaker")


class Voice(Struct, frozen=True):
    """One way to speak one language. `command` reads the text from standard input; `{}` is the file."""

    engine: str
    name: str
    command: tuple[str, ...]

    def key(self, text: str) -> str:
        """The name under which what it says is kept."""
        about = f"{self.engine}\0{self.name}\0{text}"
        return hashlib.sha256(about.encode()).hexdigest()[:40]


def find_voices(
    language: str, *, engine: str = "auto", models: Sequence[Path] = ()
) -> tuple[Voice, ...]:
    """The voices of a language, the best first; `engine` is `auto`, `piper` or `espeak-ng`.

    A Piper model is a file such as `de_DE-thorsten-medium.onnx` in one of the directories `models`.
    """
    found: list[Voice] = []
    piper, espeak = shutil.which("piper"), shutil.which("espeak-ng")
    if piper and engine in {"auto", "piper"}:
        names = (f"{language}_*.onnx", f"{_ESPEAK.get(language, language)}_*.onnx")
        files = sorted({file for home in models for name in names for file in home.glob(name)})
        found += [
            Voice("piper", file.stem, (piper, "--model", str(file), "--output_file", "{}"))
            for file in files[:1]
        ]
    if espeak and engine in {"auto", "espeak-ng"}:
        name = _ESPEAK.get(language, language)
        found.append(
            Voice("espeak-ng", name, (espeak, "-v", name, "-s", _PACE, "-w", "{}", "--stdin"))
        )
    return tuple(found)


class Larynx:
    """Speaks into files. `voices` are tried in their order, for each language."""

    def __init__(self, cache: Path, *, engine: str = "auto", models: Sequence[Path] = ()) -> None:
        self._cache = cache
        self._voices = {
            language.value: find_voices(language.value, engine=engine, models=models)
            for language in Language
        }

    def voices(self, language: str) -> tuple[Voice, ...]:
        """What can speak a language; nothing for one that we do not know."""
        return self._voices.get(language, ())

    async def speak(self, text: str, language: str) -> Path | None:
        """A WAV file in which this is said; None if there is nothing to say, or nothing here can say it."""
        for voice in self.voices(language) if text else ():
            kept = self._cache / f"{voice.key(text)}.wav"
            if kept.exists() or await self._make(voice, text, kept):
                return kept
        return None

    async def _make(self, voice: Voice, text: str, kept: Path) -> bool:
        """Whole or not at all: what is cut off half-way must not be taken for the sentence."""
        draft = kept.with_suffix(f".{os.getpid()}.part")
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            code = await _run([part.format(draft) for part in voice.command], text)
            if code == 0 and draft.stat().st_size:
                draft.replace(kept)
                return True
            _LOG.warning("voice failed", engine=voice.engine, voice=voice.name, code=code)
        except (OSError, TimeoutError) as error:
            _LOG.warning("voice failed", engine=voice.engine, voice=voice.name, reason=str(error))
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()
        return False


async def _run(command: Sequence[str], text: str) -> int | None:
    """Run an engine to its end; it does not outlive a cue that was cancelled."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            await process.communicate(f"{text}\n".encode())
    finally:
        await end(process)
    return process.returncode


async def end(process: asyncio.subprocess.Process) -> None:
    """Take a process down now, if it still runs."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

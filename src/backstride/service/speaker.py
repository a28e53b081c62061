"""A local loudspeaker: cues from the broker as tones and speech.

Theory of operation
-------------------
The daemon's sandbox has no devices, so this is a process of its own, an outlet like the page: it takes cues
from the broker, and that the broker handed one over is what an increase waits for.

One cue is played at a time. A more urgent one cuts off what is playing and cancels what waits; any other
waits, in the place of a less urgent or older one. What waited too long is dropped: a cue that is late says
something that is no longer true. What no voice can say is still a tone.
"""

from __future__ import annotations

import asyncio
import shutil
import time
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

import structlog
from msgspec import Struct

from backstride.domain.notices import CueKind
from backstride.mqtt.schema import CueNote
from backstride.service.speaker_tones import compose
from backstride.service.speaker_voices import Larynx, end

LATE_S: Final = 4.0
"""A cue that waited longer than this is not worth hearing."""
_LATE_S: Final[dict[CueKind, float]] = {
    CueKind.BEEP: 0.7,  # a second counted in the next one is a wrong second
    CueKind.ALARM: 15.0,
}
SOON_S: Final = 0.2
"""A voice that needs longer is not waited for: its tone goes first."""
PLAYERS: Final = (("pw-play",), ("paplay",), ("aplay", "-q"))
"""What plays a WAV file, the best first: PipeWire, PulseAudio, ALSA."""
_LOG: Final = structlog.get_logger("backstride.speaker")


class Player(Protocol):
    """Makes a WAV file heard."""

    async def play(self, sound: Path, note: CueNote) -> None:
        """Return when it was heard; being cancelled ends it at once."""
        ...


class Program:
    """A program that plays the file that is its last argument."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = tuple(command)

    async def play(self, sound: Path, note: CueNote) -> None:
        """Run it to its end."""
        try:
            process = await asyncio.create_subprocess_exec(*self._command, str(sound))
        except OSError as error:
            _LOG.error("no player", command=self._command, reason=str(error))
            return
        try:
            if code := await process.wait():
                _LOG.error("player failed", command=self._command, code=code, cue=note.number)
        finally:
            await end(process)


class Folder:
    """Keeps the sounds as files instead, numbered in their order: for a host without a sound card."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._count = 0

    async def play(self, sound: Path, note: CueNote) -> None:
        """Copy the file."""
        self._home.mkdir(parents=True, exist_ok=True)
        self._count += 1
        shutil.copyfile(sound, self._home / f"{self._count:04}-{note.kind}.wav")


def find_player() -> tuple[str, ...] | None:
    """The player of this host, None if it has none."""
    return next((player for player in PLAYERS if shutil.which(player[0])), None)


class _Heard(Struct, frozen=True):
    note: CueNote
    at: float

    def late(self, now: float) -> bool:
        """It is no longer worth saying."""
        return now - self.at > _LATE_S.get(self.note.kind, LATE_S)


class Mouth:
    """Says cues one at a time. `scratch` is a directory of its own for what is being played."""

    def __init__(
        self,
        larynx: Larynx,
        player: Player,
        scratch: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._larynx = larynx
        self._player = player
        self._sound = scratch / "cue.wav"
        self._clock = clock
        self._waiting: _Heard | None = None
        self._urgency = 0
        self._saying: asyncio.Task[None] | None = None
        self._making: set[asyncio.Task[Path | None]] = set()
        self._changed = asyncio.Event()

    def hear(self, note: CueNote) -> None:
        """Take a cue; what has no voice is for the eye alone."""
        if not note.voice:
            return
        if self._waiting is not None and self._waiting.note.urgency > note.urgency:
            return
        self._waiting = _Heard(note, self._clock())
        self._changed.set()
        if self._saying is not None and note.urgency > self._urgency:
            self._saying.cancel()

    async def run(self) -> None:
        """Speak until cancelled."""
        try:
            await self._run()
        finally:
            for task in self._making:
                task.cancel()
            await asyncio.gather(*self._making, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            heard, self._waiting = self._waiting, None
            if heard is None:
                continue
            if heard.late(self._clock()):
                _LOG.info("late", cue=heard.note.number, kind=heard.note.kind)
                continue
            self._urgency = heard.note.urgency
            self._saying = asyncio.create_task(self._say(heard), name=f"cue {heard.note.number}")
            try:
                await asyncio.wait({self._saying})
            finally:  # a player does not outlive us
                self._saying.cancel()
                await asyncio.gather(self._saying, return_exceptions=True)
            if not self._saying.cancelled() and (error := self._saying.exception()):
                _LOG.error("not said", cue=heard.note.number, reason=str(error))
            self._saying = None

    async def _say(self, heard: _Heard) -> None:
        """The tone, then the words. Words that are not there at once come after the tone, or too late."""
        note = heard.note
        making = self._speak(note)
        if await _ready(making, SOON_S):
            await self._play(note, note.kind, making.result())
            return
        await self._play(note, note.kind, None)
        if await _ready(making, _LATE_S.get(note.kind, LATE_S)) and not heard.late(self._clock()):
            await self._play(note, None, making.result())

    def _speak(self, note: CueNote) -> asyncio.Task[Path | None]:
        """Have it spoken; what is too late for this time is kept for the next."""
        making = asyncio.create_task(self._larynx.speak(note.speech, note.language))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        return making

    async def _play(self, note: CueNote, tone: CueKind | None, speech: Path | None) -> None:
        try:
            compose(tone, speech, self._sound)
        except (OSError, EOFError, wave.Error) as error:
            _LOG.warning("speech cannot be read", reason=str(error))
            compose(note.kind, None, self._sound)
        await self._player.play(self._sound, note)


async def _ready(task: asyncio.Task[Path | None], patience: float) -> bool:
    """Whether it ends in this time; it goes on if not."""
    await asyncio.wait({task}, timeout=patience)
    return task.done()

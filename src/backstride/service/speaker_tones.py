"""Tones say it before a word is understood: rising is faster, falling slower, twice low stops."""

from __future__ import annotations

import math
import sys
import wave
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Final

from backstride.domain.notices import CueKind

type Note = tuple[int, int]
"""Frequency in Hz (0 is silence) and length in ms."""

RATE: Final = 22_050
"""Samples a second where there is no voice to go with."""
_LOUD: Final = 0.6
"""Of full scale, and an alarm's is all of it: small loudspeakers rattle above."""
_FADE_MS: Final = 8
"""Without it a tone clicks."""
_PAUSE: Final[Note] = (0, 120)
"""Between a tone and what is said."""

RISING: Final[tuple[Note, ...]] = ((523, 110), (659, 110), (784, 160))
FALLING: Final[tuple[Note, ...]] = ((784, 110), (659, 110), (523, 160))
LOW_TWICE: Final[tuple[Note, ...]] = ((262, 180), (0, 90), (262, 260))
STEP_OFF: Final[tuple[Note, ...]] = ((988, 140), (740, 140)) * 4
BLIP: Final[tuple[Note, ...]] = ((880, 120),)
ASK: Final[tuple[Note, ...]] = ((659, 140), (0, 60), (880, 200))

TONES: Final[dict[CueKind, tuple[Note, ...]]] = {
    CueKind.FASTER: RISING,
    CueKind.STEEPER: RISING,
    CueKind.SLOWER: FALLING,
    CueKind.FLATTER: FALLING,
    CueKind.ENDING: LOW_TWICE,
    CueKind.STOPPING: LOW_TWICE,
    CueKind.TURN: LOW_TWICE,
    CueKind.ALARM: STEP_OFF,
    CueKind.BEEP: BLIP,
    CueKind.CHECK_IN: ASK,
}
"""The web page plays the same; what is not here is only said."""


def compose(kind: CueKind | None, speech: Path | None, target: Path) -> None:
    """Write a cue's tone, then what was said in the file `speech`, as one WAV file.

    Without a speech there is always a tone: better a blip than nothing. Without a kind there is none.

    Raises:
        OSError, EOFError, wave.Error: the speech cannot be read or is no 16 bit mono.
    """
    rate, said = (RATE, b"") if speech is None else _read(speech)
    notes = () if kind is None else TONES.get(kind, () if said else BLIP)
    if notes and said:
        notes = (*notes, _PAUSE)
    loud = 1.0 if kind is CueKind.ALARM else _LOUD
    with wave.open(str(target), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(_sound(note, rate, loud) for note in notes) + said)


def _read(path: Path) -> tuple[int, bytes]:
    with wave.open(str(path), "rb") as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise wave.Error("not 16 bit mono")
        return file.getframerate(), file.readframes(file.getnframes())


@lru_cache(maxsize=64)
def _sound(note: Note, rate: int, loud: float) -> bytes:
    """16 bit samples of one note, little-endian as WAV has them. Kept: a small computer needs a while."""
    frequency, ms = note
    count, fade = rate * ms // 1_000, rate * _FADE_MS // 1_000
    top = 32_767 * loud
    samples = array("h", bytes(2 * count))
    for i in range(count if frequency else 0):
        edge = min(i, count - i, fade) / fade
        samples[i] = int(top * edge * math.sin(math.tau * frequency * i / rate))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()

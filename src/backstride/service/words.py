"""Cues in the walker's language: a text to show and words to speak.

English in km/h is what the core itself says. Everything else comes from a message catalogue (gettext,
`backstride/locale`). What the CLDR knows of numbers and units stands in the catalogues, too, put there by
Babel when they are compiled (tools/catalogues.py): its own data would cost the daemon 5 MB for each
language, and a look at the disk in the middle of a session.

What is spoken leaves the unit of a speed out: "at one point eight" is heard sooner than it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from gettext import GNUTranslations
from pathlib import Path
from typing import Final

from msgspec import Struct

from backstride.domain.notices import Cue, CueKind
from backstride.domain.units import KMH, MINUTE, PERCENT, SECOND, Incline, Ms, Speed
from backstride.domain.walker import Units
from backstride.service import phrases
from backstride.service.languages import Language

DOMAIN: Final = "backstride"
"""The catalogues' file name."""
CATALOGUES: Final = Path(__file__).resolve().parents[1] / "locale"
_MILE: Final = Decimal("160.9344")
"""0.01 km/h in 1 mph."""
_TENTH: Final = Decimal("0.1")


class Spoken(Struct, frozen=True):
    """One cue: what to show, and what to give to a voice (empty: only a tone)."""

    language: Language
    text: str
    speech: str


class Words:
    """Renders cues in one language and one system of units."""

    def __init__(self, language: Language, units: Units) -> None:
        self.language = language
        self._units = units
        compiled = CATALOGUES / language.value / "LC_MESSAGES" / f"{DOMAIN}.mo"
        with compiled.open("rb") as file:
            self._catalogue = GNUTranslations(file)

    def render(self, cue: Cue) -> Spoken:
        """The text and the words of a cue."""
        native = self.language is Language.ENGLISH and self._units is Units.METRIC
        text = cue.text if native else "; ".join(self._parts(cue, self._speed))
        return Spoken(self.language, text, self._speech(cue))

    def _speech(self, cue: Cue) -> str:
        if cue.kind is CueKind.BEEP:
            return ""
        return "; ".join(self._parts(cue, self._number))

    def _parts(self, cue: Cue, speed: Callable[[Speed], str]) -> list[str]:
        """The pieces of a cue; `speed` writes its speeds."""
        match cue.kind:
            case CueKind.COUNTDOWN | CueKind.BEEP:
                return [cue.text]
            case CueKind.TURN if cue.within is not None:
                return [self._say(phrases.TURN, time=self._seconds(cue.within))]
            case CueKind.ENDING:
                return [self._say(phrases.ENDING, time=self._seconds(cue.within or 0))]
            case CueKind.REACHED:
                return [self._say(phrases.REACHED, speed=speed(cue.speed or 0))]
            case CueKind.ARMED:
                return self._armed(cue, speed)
            case CueKind.ALARM if cue.cause is not None:
                known = phrases.CAUSES.get(cue.cause), phrases.ACTIONS.get(cue.action or "")
                return [self._say(one) for one in known if one] or [cue.text]
            case kind if kind in phrases.CHANGES:
                return self._change(cue, speed)
            case _:
                return [self._say(cue.text)]

    def _change(self, cue: Cue, speed: Callable[[Speed], str]) -> list[str]:
        parts = [self._say(phrases.CHANGES[cue.kind], speed=speed(cue.speed or 0))]
        if cue.ramp_to is not None:
            parts.append(self._say(phrases.RAMP, speed=speed(cue.ramp_to)))
        if cue.incline is not None:
            parts.append(self._say(phrases.INCLINE, incline=self._incline(cue.incline)))
        if cue.within is not None and cue.within >= SECOND:
            parts.append(self._say(phrases.WITHIN, time=self._seconds(cue.within)))
        if cause := phrases.CAUSES.get(cue.cause or ""):
            parts.append(self._say(cause))
        return [*parts, cue.note] if cue.note else parts

    def _armed(self, cue: Cue, speed: Callable[[Speed], str]) -> list[str]:
        plan = self._say(
            phrases.ARMED if cue.incline else phrases.ARMED_FLAT,
            program=cue.note or "",
            time=self._minutes(cue.length or 0),
            speed=speed(cue.speed or 0),
            incline=self._incline(cue.incline or 0),
        )
        return [plan, self._say(phrases.STAND)]

    def _say(self, message: str, **values: str) -> str:
        """A message of the catalogue with its values."""
        said = self._catalogue.gettext(message)
        return said.format(**values) if values else said

    def _speed(self, speed: Speed) -> str:
        """For the eye, with its unit."""
        metric = self._units is Units.METRIC
        return self._unit(phrases.KMH if metric else phrases.MPH, self._number(speed))

    def _number(self, speed: Speed) -> str:
        """For the ear, without it: one decimal, or two where km/h have them."""
        if self._units is Units.IMPERIAL:
            return self._decimal((speed / _MILE).quantize(_TENTH))
        value = Decimal(speed) / KMH
        return self._decimal(value if speed % 10 else value.quantize(_TENTH))

    def _incline(self, incline: Incline) -> str:
        value = Decimal(incline) / PERCENT
        return self._unit(phrases.PERCENT, self._decimal(value))

    def _seconds(self, ms: Ms) -> str:
        return self._count(phrases.SECONDS, (ms + SECOND // 2) // SECOND)

    def _minutes(self, ms: Ms) -> str:
        return self._count(phrases.MINUTES, -(-ms // MINUTE))

    def _decimal(self, value: Decimal) -> str:
        return str(value).replace(".", self._catalogue.pgettext(phrases.UNIT, phrases.POINT))

    def _unit(self, unit: str, number: str) -> str:
        return self._catalogue.pgettext(phrases.UNIT, unit).format(number)

    def _count(self, unit: tuple[str, str], number: int) -> str:
        """So many of a unit, in the plural where the language has one."""
        return self._catalogue.npgettext(phrases.UNIT, *unit, number).format(number)


_ALL: Final = {
    (language, units): Words(language, units) for language in Language for units in Units
}
"""Read when the process starts, and not from the disk in the middle of a session: 4 ms and 0.1 MB."""


def words(language: Language, units: Units) -> Words:
    """The words of a language."""
    return _ALL[language, units]

"""What is told of a walker on the command line, and the readiness questions asked one by one."""

from __future__ import annotations

import math
import re
import unicodedata

import typer
from msgspec.structs import replace

from backstride.cli.exits import CommandFailedError, Exit
from backstride.cli.terminal import tell
from backstride.domain.limits import Caps
from backstride.domain.readiness import (
    ADVICE,
    PROFESSIONAL_FIRST,
    QUESTIONS,
    Question,
    Readiness,
)
from backstride.domain.units import parse_duration, parse_incline, parse_speed
from backstride.domain.walker import Units, Walker, problems
from backstride.domain.workout import Level
from backstride.mqtt.topics import is_id
from backstride.service.languages import read_language
from backstride.service.walkers import local_now

_FORGET = {
    "weight": "weight",
    "max-heart-rate": "max_heart_rate",
    "language": "language",
    "units": "units",
    "limits": "caps",
}


def make_id(name: str) -> str:
    """An id that looks like the name: `Jörg Ås` is `jorg-as`."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64].strip("-")


def change(  # noqa: PLR0917  the options of a command
    walker: Walker,
    name: str | None = None,
    level: Level | None = None,
    weight: float | None = None,
    max_heart_rate: int | None = None,
    language: str | None = None,
    units: Units | None = None,
    max_speed: str | None = None,
    max_incline: str | None = None,
    max_backward_time: str | None = None,
    forget: tuple[str, ...] = (),
) -> Walker:
    """A walker with what is given; None leaves it alone.

    Raises:
        CommandFailedError: what cannot be meant (exit code 2).
        UnitError: a limit without a unit.
    """
    if unknown := [what for what in forget if what not in _FORGET]:
        known = ", ".join(_FORGET)
        raise CommandFailedError(f"{unknown[0]!r} cannot be forgotten; known: {known}", Exit.USAGE)
    if language is not None and read_language(language) is None:
        raise CommandFailedError(f"there are no cues in {language!r}", Exit.USAGE)
    if weight is not None and not math.isfinite(weight):
        raise CommandFailedError("a weight is between 20 and 300 kg", Exit.USAGE)
    told = {
        "name": name,
        "level": level,
        "weight": None if weight is None else round(weight * 1_000),
        "max_heart_rate": max_heart_rate,
        "language": language,
        "units": units,
    }
    walker = replace(walker, **{_FORGET[what]: None for what in forget})
    walker = replace(walker, **{key: value for key, value in told.items() if value is not None})
    walker = _limit(walker, max_speed, max_incline, max_backward_time)
    if not is_id(walker.id):
        raise CommandFailedError(
            f"{walker.id!r} cannot be an id; name one with --id, in small letters, digits and hyphens",
            Exit.USAGE,
        )
    if found := problems(walker):
        raise CommandFailedError("; ".join(found), Exit.USAGE)
    return walker


def _limit(walker: Walker, speed: str | None, incline: str | None, time: str | None) -> Walker:
    if speed is incline is time is None and walker.caps is None:
        return walker
    caps = walker.caps or Caps(reason="")
    return replace(
        walker,
        caps=Caps(
            reason="the walker's own limit",
            speed=caps.speed if speed is None else parse_speed(speed),
            incline=caps.incline if incline is None else parse_incline(incline),
            backward_time=caps.backward_time if time is None else parse_duration(time),
        ),
    )


def answer(walker: Walker, yes: tuple[Question, ...], agreed: bool) -> Walker:
    """A walker with the answers of now."""
    answered = local_now().at
    return replace(
        walker, readiness=Readiness(answered=answered, yes=yes, agreed=agreed and bool(yes))
    )


def ask_readiness(walker: Walker) -> Walker:
    """Ask each question at the terminal."""
    tell(f"Before {walker.name} walks backward. The answers stay on this host.")
    yes = tuple(q for q, words in QUESTIONS.items() if typer.confirm(words))
    agreed = False
    if PROFESSIONAL_FIRST & {*yes}:
        tell(ADVICE)
        agreed = typer.confirm("Does a doctor or physiotherapist know of this, and agree?")
    return answer(walker, yes, agreed)

"""What may have to be said: everything that can be spoken in advance."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from backstride.domain import cues
from backstride.domain.failsafe import Action
from backstride.domain.guidance import REMINDERS
from backstride.domain.notices import Cue, CueKind
from backstride.domain.session import Draft, Drive, Phase, Session
from backstride.domain.units import Speed
from backstride.domain.workout import Program, Workout, flatten
from backstride.service import phrases
from backstride.service.words import Words

MINIMA: Final[tuple[Speed, ...]] = (50, 80, 100)
"""Where `machine minimum` stands in a program: what most machines have, 0.01 km/h."""
_GRID: Final[Speed] = 10
_COUNTED: Final = range(1, 11)


def speeches(words: Words, programs: Iterable[Program], fastest: Speed) -> tuple[str, ...]:
    """Each speech that a session of these programs can need, up to this speed; each once."""
    said = (words.render(cue).speech for cue in (*_always(fastest), *_of_programs(programs)))
    return tuple(dict.fromkeys(speech for speech in said if speech))


def _cue(kind: CueKind, text: str = "", speed: Speed | None = None) -> Cue:
    return Cue(at=0, number=0, kind=kind, text=text, speed=speed)


def _always(fastest: Speed) -> Iterator[Cue]:
    for action in Action:
        for cause in phrases.CAUSES:
            yield Cue(
                at=0, number=0, kind=CueKind.ALARM, text="", cause=cause, action=action.name.lower()
            )
    for text in (*phrases.SENTENCES, *REMINDERS.values()):
        yield _cue(CueKind.HOLD, text)
    for seconds in _COUNTED:
        yield _cue(CueKind.COUNTDOWN, str(seconds))
    for kind in (CueKind.ENDING, CueKind.TURN):
        yield Cue(at=0, number=0, kind=kind, text="", within=cues.NOTICE)
    for speed in range(min(MINIMA), fastest + 1, _GRID):
        for kind in (CueKind.REACHED, CueKind.FASTER, CueKind.SLOWER):
            yield _cue(kind, speed=speed)


def _of_programs(programs: Iterable[Program]) -> Iterator[Cue]:
    for program in programs:
        for minimum in MINIMA:
            yield from announcements(flatten(program, minimum))


def announcements(workout: Workout) -> Iterator[Cue]:
    """What is announced before each segment of a workout, if it goes as planned."""
    for segment in workout.segments:
        facing = segment.facing
        begin = Session(
            phase=Phase.RUNNING, workout=workout, script=segment.start, facing=facing,
            now=workout.duration, drive=Drive(target=segment.speed),
        )  # fmt: skip
        near = max(segment.end - cues.NOTICE, segment.start)
        for script in {segment.start, near}:
            draft = Draft(begin)
            draft.set(script=script)
            cues.announce(draft)
            yield from (notice for notice in draft.notices if isinstance(notice, Cue))


__all__ = ["MINIMA", "announcements", "speeches"]

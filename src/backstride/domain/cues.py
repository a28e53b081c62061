"""What is announced when: every change before it happens, and nothing rises unheard.

A cue belongs to a segment. An increase towards a segment's setpoint waits until an outlet has taken
the segment's cue, and then for the walker's time to react; decreases wait for nobody.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain.notices import CueKind, Told
from backstride.domain.session import Draft, Session
from backstride.domain.units import SECOND, Ms, Speed, show_incline, show_speed
from backstride.domain.workout import Segment, setpoint

NOTICE: Final[Ms] = 10 * SECOND
"""A change is announced this long before it."""
REACTION: Final[Ms] = 5 * SECOND
"""An increase comes no sooner than this after its cue was heard: walkers need two strides."""
AGAIN: Final[Ms] = 5 * SECOND
"""A cue that nobody heard is given again after this long."""


def may_rise(s: Session) -> bool:
    """The walker was told of the present setpoint and has had time to take it in."""
    if s.workout is None:
        return False
    index = s.workout.segment_at(s.script).index
    return any(about == index and s.now - at >= REACTION for about, at in s.cues.taken)


def announce(d: Draft) -> None:
    """Give the cue of the present segment if it is missing, or of the next one when it is near."""
    s = d.s
    if s.workout is None:
        return
    segment = s.workout.segment_at(s.script)
    near = segment.end - s.script <= NOTICE
    wanted = (s.workout.following(segment) if near else None) or segment
    waits = s.cues.heard_at is None and s.now - s.cues.asked_at < AGAIN
    if waits and s.cues.segment == segment.index:
        return  # its outlet has a moment to take it, before the next cue takes its place
    unheard = s.cues.heard_at is None and not waits
    if s.cues.segment < wanted.index or unheard:
        _announce(d, segment, wanted)


def reconsider(d: Draft, kind: CueKind) -> None:
    """The operator changed the setpoint: announce it, and let an increase wait for that."""
    s = d.s
    if s.workout is None:
        return
    segment = s.workout.segment_at(s.script)
    wanted = shown(s, setpoint(s.workout, s.script).speed)
    number = d.say(kind, f"{kind}: {show_speed(wanted)}", speed=wanted)
    _wait_for(d, number, segment.index)


def show_seconds(ms: Ms) -> str:
    """Whole seconds to speak, to the nearest: a tick late is still "10 seconds"."""
    seconds = (ms + SECOND // 2) // SECOND
    return f"{seconds} second" if seconds == 1 else f"{seconds} seconds"


def _announce(d: Draft, present: Segment, wanted: Segment) -> None:
    s = d.s
    within = max(wanted.start - s.script, 0)
    kind = change(s, present, wanted)
    if kind is CueKind.TURN:
        text = f"in {show_seconds(within)} the belt stops, and you turn"
        _wait_for(d, d.say(kind, text, within=within), wanted.index)
        return
    start, end = shown(s, wanted.speed), shown(s, wanted.ramp_to)
    told = Told(speed=start, within=within)
    words = [f"{_WORD[kind]}, {show_speed(start)}"]
    if start != end:
        words.append(f"then slowly to {show_speed(end)}")
        told["ramp_to"] = end
    if wanted.incline or present.incline:
        words.append(f"incline {show_incline(wanted.incline)}")
        told["incline"] = wanted.incline
    if within >= SECOND:
        words.append(f"in {show_seconds(within)}")
    if wanted.cue:
        words.append(wanted.cue)
        told["note"] = wanted.cue
    _wait_for(d, d.say(kind, "; ".join(words), **told), wanted.index)


_WORD: Final = {
    CueKind.STEADY: "keep",
    CueKind.FASTER: "faster",
    CueKind.SLOWER: "slower",
    CueKind.STEEPER: "steeper",
    CueKind.FLATTER: "flatter",
}


def change(s: Session, present: Segment, wanted: Segment) -> CueKind:
    """What a walker in the one segment has to expect of the other, as the kind of its cue."""
    start, end = shown(s, wanted.speed), shown(s, wanted.ramp_to)
    before = s.drive.target if present is wanted else shown(s, present.ramp_to)
    if wanted.facing is not s.facing:
        return CueKind.TURN
    if max(start, end) > before:
        return CueKind.FASTER
    if min(start, end) < before:
        return CueKind.SLOWER
    if wanted.incline > present.incline:
        return CueKind.STEEPER
    if wanted.incline < present.incline:
        return CueKind.FLATTER
    return CueKind.STEADY


def _wait_for(d: Draft, number: int, segment: int) -> None:
    """What was known of this segment is out of date until somebody takes this cue."""
    cues = d.s.cues
    again = cues.segment == segment and cues.heard_at is None
    d.set(
        cues=replace(
            cues, about=number, segment=segment, asked_at=d.s.now, heard_at=None,
            missed=cues.missed + 1 if again else 0, taken=_others(d.s, segment),
        )
    )  # fmt: skip


def _others(s: Session, segment: int) -> tuple[tuple[int, Ms], ...]:
    return tuple(one for one in s.cues.taken if one[0] != segment)


def shown(s: Session, speed: Speed) -> Speed:
    """The speed that the belt will really get: trimmed, capped, on the machine's grid."""
    if s.envelope is None:
        return speed
    return s.envelope.grid(min(speed + s.trim, s.envelope.speed.value))


def heard(d: Draft, number: int) -> None:
    """An outlet took a cue: the first to take the one that matters counts."""
    cues = d.s.cues
    if number == cues.about and cues.heard_at is None:
        taken = (*_others(d.s, cues.segment)[-1:], (cues.segment, d.s.now))
        d.set(cues=replace(cues, heard_at=d.s.now, missed=0, taken=taken))


def forget(d: Draft) -> None:
    """The belt starts anew: whatever was announced before is no warning of what comes now."""
    d.set(cues=replace(d.s.cues, segment=-1, heard_at=None, missed=0, taken=()))


def count_down(d: Draft, remaining: Ms) -> None:
    """Speak the last seconds before the belt starts, each once."""
    seconds = -(-remaining // SECOND)
    if seconds > 0 and seconds != d.s.cues.seconds:
        d.set(cues=replace(d.s.cues, seconds=seconds))
        d.say(CueKind.COUNTDOWN, str(seconds), within=remaining)

"""What is said beside the announcements of `cues`: beeps, arrival, the coming end, technique.

Theory of operation
-------------------
Control says what it must, when it must: an increase waits for its announcement, a stop for nothing. The
guidance listens to that and fills the silence. It is the last station of a step, sees everything that
the step had to say, and remembers in `Session.guide` only what control never reads; so nothing here can
move, delay or hold the belt, and the model check leaves it out.

There is no queue, because nothing waits: at each step the guidance looks at what the moment calls for, the
most urgent first, and says it if nobody is speaking. What cannot be said now is looked at again at the
next step, and by then it may have become wrong. An alarm thus cancels everything pending by being said.

The rules:

  - beeps 3, 2 and 1 s before a change, but only before one that will come: a rise whose
    announcement nobody took gets none;
  - "at 1.8" when the measured speed has come to a constant setpoint;
  - the planned end is announced 10 s before, as every change is;
  - technique only while walking backward, at least 45 s apart and never within 10 s of a change, in
    either direction of time; a glance over the shoulder only at constant speed, sides alternating;
  - nothing of this while a check-in waits for its answer.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride.domain.cues import NOTICE, REACTION, change, show_seconds, shown
from backstride.domain.envelope import FRESH
from backstride.domain.notices import Cue, CueKind, Technique
from backstride.domain.session import Draft, Phase, Session
from backstride.domain.units import SECOND, Ms, Speed, show_speed
from backstride.domain.workout import Facing, Segment, Workout

APART: Final[Ms] = 45 * SECOND
"""Between two reminders of technique."""
BEEPS: Final[Ms] = 3 * SECOND
"""A change is counted down from here."""
ARRIVED: Final[Speed] = 5
"""Measured this near to a speed, a belt has come to it: half of what a display shows."""
PACE: Final[Ms] = 70
"""ms that a character takes to say: 150 words a minute [CHOICE]."""
BREATH: Final[Ms] = 500
"""Before and after a sentence."""

REMINDERS: Final[dict[Technique, str]] = {
    Technique.TOES_FIRST: "toes first, then the heel",
    Technique.TALL: "stay tall, back straight",
    Technique.FIXED_POINT: "eyes on a fixed point",
    Technique.NEAR_RAILS: "hands near the rails",
    Technique.LEFT_SHOULDER: "a short glance over your left shoulder",
    Technique.RIGHT_SHOULDER: "a short glance over your right shoulder",
}
_ROUND: Final = (
    Technique.TOES_FIRST, Technique.TALL, Technique.LEFT_SHOULDER, Technique.FIXED_POINT,
    Technique.NEAR_RAILS, Technique.RIGHT_SHOULDER,
)  # fmt: skip
_STEADY_ONLY: Final = frozenset({Technique.LEFT_SHOULDER, Technique.RIGHT_SHOULDER})


def guide(d: Draft) -> None:
    """Say what the moment calls for, if nobody speaks. The last station of a step."""
    _listen(d)
    s = d.s
    if s.phase is not Phase.RUNNING or s.workout is None:
        _forget_arrival(d)
        return
    if s.now < s.guide.quiet_at or s.asked_at is not None:
        return
    segment = s.workout.segment_at(s.script)
    left = segment.end - s.script
    if left <= BEEPS:
        _beep(d, s.workout, segment, left)
    elif left <= NOTICE:
        _announce_end(d, s.workout, segment, left)
    else:
        _arrive(d, segment)
        _remind(d, segment, left)


def speaking_time(text: str) -> Ms:
    """How long a sentence takes to say, about."""
    return BREATH + PACE * len(text)


def _listen(d: Draft) -> None:
    """Whatever was said in this step takes its time."""
    said = [notice for notice in d.notices if isinstance(notice, Cue)]
    if said:
        time = sum(speaking_time(cue.text) for cue in said)
        _remember(d, quiet_at=max(d.s.guide.quiet_at, d.s.now + time))


def _beep(d: Draft, workout: Workout, segment: Segment, left: Ms) -> None:
    """Count the last seconds before a change, each once."""
    seconds = -(-left // SECOND)
    mark = segment.index, seconds
    if left <= 0 or mark == d.s.guide.beeped or not _comes(d.s, workout, segment, left):
        return
    d.say(CueKind.BEEP, str(seconds), within=left)
    _said(d, beeped=mark)


def _comes(s: Session, workout: Workout, segment: Segment, left: Ms) -> bool:
    """Something changes at the end of the segment, and nothing keeps it from changing then."""
    following = workout.following(segment)
    if following is None:
        return True
    kind = change(s, segment, following)
    if kind in {CueKind.FASTER, CueKind.STEEPER}:
        latest = s.now + left - REACTION
        return any(index == following.index and at <= latest for index, at in s.cues.taken)
    return kind is not CueKind.STEADY


def _announce_end(d: Draft, workout: Workout, segment: Segment, left: Ms) -> None:
    """The last segment leads to rest: say so before it does."""
    if d.s.guide.ended == segment.index or workout.following(segment) is not None:
        return
    d.say(CueKind.ENDING, f"in {show_seconds(left)} the belt slows down and stops", within=left)
    _said(d, ended=segment.index)


def _arrive(d: Draft, segment: Segment) -> None:
    """Confirm a speed once the belt was seen at it."""
    s = d.s
    goal = _constant(s, segment)
    if goal is None:
        _forget_arrival(d)
        return
    speed = s.evidence.speed
    fresh = s.evidence.age(s.now) <= FRESH and s.evidence.since > 0
    if goal == s.guide.reached or speed is None or not fresh or not _settled(s, segment):
        return
    if abs(speed - goal) > ARRIVED:
        return
    d.say(CueKind.REACHED, f"at {show_speed(goal)}", speed=goal)
    _said(d, reached=goal)


def _forget_arrival(d: Draft) -> None:
    """The belt is on its way: whatever constant speed comes next is worth a word."""
    if d.s.guide.reached is not None:
        _remember(d, reached=None)


def _constant(s: Session, segment: Segment) -> Speed | None:
    """The setpoint of a segment without a ramp."""
    return shown(s, segment.speed) if segment.speed == segment.ramp_to else None


def _settled(s: Session, segment: Segment) -> bool:
    """The belt was told what the segment wants, and nothing more is to come before its end."""
    drive, within = s.drive, s.envelope
    if within is None or drive.pending is not None or drive.target != _constant(s, segment):
        return False
    return drive.incline == within.incline_grid(min(segment.incline, within.incline.value))


def _remind(d: Draft, segment: Segment, left: Ms) -> None:
    """Remind of the technique: far from every change and not too often."""
    s = d.s
    guide = s.guide
    wanted = s.options.technique and segment.facing is Facing.BACKWARD and not s.findings
    if (
        not wanted
        or s.now < guide.quiet_at
        or (guide.reminders and s.now - guide.reminded_at < APART)
    ):
        return
    changed = max(s.since, s.drive.target_at, s.drive.incline_at, s.now - s.script + segment.start)
    if s.now - changed < NOTICE or not _settled(s, segment):
        return
    technique = _ROUND[guide.reminders % len(_ROUND)]
    if technique in _STEADY_ONLY and not s.evidence.steady:
        return
    text = REMINDERS[technique]
    if left < NOTICE + speaking_time(text):
        return
    d.say(CueKind.TECHNIQUE, text, technique=technique)
    _said(d, reminded_at=s.now, reminders=guide.reminders + 1)


def _said(d: Draft, **changes: object) -> None:
    """Note what was just said, and that it takes its time."""
    _listen(d)
    _remember(d, **changes)


def _remember(d: Draft, **changes: object) -> None:
    d.set(guide=replace(d.s.guide, **changes))

"""A moment of a session in words and figures: what the state payload says, piece by piece. Pure."""

from __future__ import annotations

from typing import Final

from backstride.domain.evidence import NEVER
from backstride.domain.session import Phase, Session
from backstride.domain.units import Ms, Speed, show_speed
from backstride.domain.workout import Segment, Workout, setpoint
from backstride.mqtt import quantities, schema


def age(s: Session, now: Ms) -> float | None:
    """How old the newest speed is, in seconds; None when there is none."""
    age = s.evidence.age(now)
    return None if age == NEVER else max(age, 0) / 1_000


def stage(s: Session) -> str | None:
    """What a phase has inside it, for dashboards that want to know more."""
    if s.phase is Phase.TURNING:
        return "slowing" if s.owed else "waiting for confirm"
    if s.phase is Phase.HOLDING and s.paused:
        return "paused"
    if s.phase is Phase.STOPPING:
        return f"then {s.then}"
    return None


def sentence(s: Session) -> str:
    """What is going on, for a person."""
    match s.phase:
        case Phase.FAULTED if s.fault is not None:
            return f"{s.fault.sentence}; acknowledge when you have looked"
        case Phase.COUNTDOWN:
            left = s.options.countdown - (s.now - s.since)
            return f"the belt starts in {max(-(-left // 1_000), 0)} s"
        case Phase.FINISHED if s.ended_by is not None:
            return f"over: {s.ended_by}"
        case Phase.HOLDING if s.paused:
            return "paused; continue when you are ready"
        case Phase.HOLDING:
            return "holding this speed: " + ", ".join(str(cause) for cause in s.holds)
        case Phase.TURNING if not s.owed:
            return "turn, hold the rails, then confirm"
        case _:
            return _PLAIN[s.phase]


_PLAIN: Final[dict[Phase, str]] = {
    Phase.OFFLINE: "no connection to the treadmill",
    Phase.IDLE: "ready",
    Phase.ARMED: "confirm when you stand on the rails with the clip on",
    Phase.COUNTDOWN: "the belt starts soon",
    Phase.STARTING: "the belt starts",
    Phase.RUNNING: "walking",
    Phase.TURNING: "slowing down for a turn",
    Phase.HOLDING: "holding",
    Phase.SLOWING: "slowing down to stop",
    Phase.STOPPING: "stopping",
    Phase.FINISHED: "over",
    Phase.HANDED_OVER: "somebody else controls the belt; only watching",
    Phase.FAULTED: "something is wrong",
}


def wanted(s: Session) -> Speed | None:
    """The setpoint: what the program and the walker want now, within the cap; None while neither speaks."""
    if s.workout is None or s.envelope is None or s.phase not in _SCRIPTED:
        return None
    return min(setpoint(s.workout, s.script).speed + s.trim, s.envelope.speed.value)


def speeds(s: Session) -> schema.SpeedState:
    """The speeds of the moment."""
    return schema.SpeedState(
        measured=quantities.kmh(s.evidence.speed),
        target=quantities.kmh(s.drive.target) if s.owed else None,
        setpoint=quantities.kmh(wanted(s)),
        cap=quantities.kmh(s.envelope.speed.value) if s.envelope else None,
    )


_SCRIPTED: Final = frozenset({Phase.RUNNING, Phase.HOLDING})


def script(s: Session) -> schema.ScriptState | None:
    """Where the script stands."""
    if s.workout is None:
        return None
    elapsed = min(s.script, s.workout.duration)
    return schema.ScriptState(
        elapsed=elapsed / 1_000, remaining=(s.workout.duration - elapsed) / 1_000
    )


def _present(s: Session) -> tuple[Workout, Segment] | None:
    return None if s.workout is None else (s.workout, s.workout.segment_at(s.script))


def step(s: Session) -> schema.StepState | None:
    """The step that is walked."""
    if (present := _present(s)) is None:
        return None
    workout, segment = present
    name = f"{segment.effort} {show_speed(segment.ramp_to)}"
    return schema.StepState(
        index=segment.index + 1,
        count=len(workout.segments),
        name=name,
        effort=segment.effort,
        facing=segment.facing,
        remaining=max(segment.end - s.script, 0) / 1_000,
    )


def following(s: Session) -> schema.NextState | None:
    """The step after it."""
    if (present := _present(s)) is None:
        return None
    workout, segment = present
    after = workout.following(segment)
    if after is None:
        return None
    return schema.NextState(
        in_s=max(segment.end - s.script, 0) / 1_000,
        speed=quantities.kmh(after.speed),
        facing=after.facing,
        cue=after.cue,
    )

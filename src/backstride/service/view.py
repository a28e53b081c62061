"""The session as others see it: payloads made from state, and nothing decided.

Only what has changed is worth a message: `State` payloads are compared without their time and number.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from backstride import __version__
from backstride.domain.energy import estimate
from backstride.domain.envelope import Envelope, admit, envelope
from backstride.domain.evidence import NEVER, incline_of
from backstride.domain.machine import Machine
from backstride.domain.notices import Alarm, Cue, Notice
from backstride.domain.session import ACTIVE, Phase, Session
from backstride.domain.units import Ms, show_speed
from backstride.domain.workout import (
    MACHINE_MINIMUM,
    Facing,
    Program,
    Segment,
    Workout,
    flatten,
    setpoint,
)
from backstride.mqtt import schema

BODY: Final = 75_000
"""Grams of a walker who told no weight; energy is an estimate for them."""


class View:
    """Makes the payloads of one treadmill in one life of the daemon."""

    def __init__(self, treadmill: str, boot: str) -> None:
        self.treadmill = treadmill
        self.boot = boot
        self._seq = 0
        self._event = 0
        self._cue: schema.CueState | None = None
        self._alarm: schema.AlarmState | None = None
        self._started: str | None = None
        self._distance: int | None = None

    def note(self, notice: Notice) -> None:
        """Remember what the state should show of a notice."""
        match notice:
            case Cue():
                self._cue = schema.CueState(
                    number=notice.number, kind=notice.kind, text=notice.text
                )
            case Alarm():
                self._alarm = schema.AlarmState(
                    cause=notice.cause, sentence=notice.sentence, latched=False
                )
            case _:
                pass

    def follow(self, before: Session, after: Session) -> None:
        """Add up the session's distance: machines reset their counter at each Stop or Start."""
        if after.phase is Phase.ARMED and before.phase is not Phase.ARMED:
            self._distance = None
        seen, now = before.evidence.distance, after.evidence.distance
        if now is None or after.phase not in ACTIVE:
            return
        if self._distance is None:
            self._distance = 0
        if seen is not None and now != seen:
            # A counter that fell began again at 0.
            self._distance += now - seen if now > seen else now

    def state(self, s: Session, now: Ms, time: str) -> schema.State:
        """Everything about this moment."""
        self._seq += 1
        return schema.State(
            boot=self.boot,
            seq=self._seq,
            time=time,
            phase=s.phase,
            stage=_stage(s),
            sentence=_sentence(s),
            program=s.program.id if s.program else None,
            program_name=s.program.name if s.program else None,
            speed=_speeds(s),
            incline=schema.InclineState(
                measured=schema.percent(incline_of(s.evidence, s.machine)),
                target=schema.percent(s.drive.incline) if s.owed else None,
                cap=schema.percent(s.envelope.incline.value) if s.envelope else None,
            ),
            age=_age(s, now),
            script=_script(s),
            step=_step(s),
            next=_next(s),
            cue=self._cue,
            alarm=self._alarm_of(s),
            holding=tuple(str(cause) for cause in s.holds),
            distance=self._distance if s.program else s.evidence.distance,
            elapsed=s.walked / 1_000 if s.program else None,
            heart_rate=s.evidence.heart_rate,
            energy=None if s.evidence.energy is None else float(s.evidence.energy),
            link=s.linked,
            machine=(s.machine.name or s.machine.address) if s.machine else None,
        )

    def _alarm_of(self, s: Session) -> schema.AlarmState | None:
        if s.fault is not None:
            return schema.AlarmState(cause=s.fault.cause, sentence=s.fault.sentence, latched=True)
        if not s.findings and s.phase is not Phase.HANDED_OVER:
            self._alarm = None
        return self._alarm

    def connection(
        self, s: Session, time: str, *, stage: str, reason: str | None
    ) -> schema.Connection:
        """The radio link, and why it is down."""
        return schema.Connection(
            boot=self.boot,
            time=time,
            up=s.linked,
            stage=stage,
            address=s.machine.address if s.machine else None,
            name=s.machine.name if s.machine else None,
            epoch=s.epoch,
            reason=None if s.linked else reason,
        )

    def info(self, s: Session) -> schema.Info:
        """What this daemon and this treadmill are, and the limits in force."""
        limits = s.envelope
        if limits is None and s.machine is not None:
            limits = envelope(s.site, s.machine, s.walker, None)
        return schema.Info(
            boot=self.boot,
            id=self.treadmill,
            version=__version__,
            schemas=schema.VERSIONS,
            capabilities=_capabilities(s.machine),
            machine=_machine(s.machine),
            limits=_limits(limits),
        )

    def programs(self, s: Session, programs: tuple[Program, ...]) -> schema.Programs:
        """The programs on offer, each with what keeps it from running here."""
        return schema.Programs(
            programs=tuple(_offer(program, s) for program in programs),
            selected=s.selected.id if s.selected else None,
        )

    def summary(self, s: Session, time: str) -> schema.SessionSummary | None:
        """The present or the last session; None before the first."""
        if s.program is None:
            self._started = None
            return None
        if s.phase is Phase.ARMED:
            self._started = None
        over = s.phase in {Phase.FINISHED, Phase.FAULTED, Phase.OFFLINE}
        self._started = self._started or time
        return schema.SessionSummary(
            boot=self.boot,
            program=s.program.id,
            program_name=s.program.name,
            started=self._started,
            ended=time if over else None,
            outcome=s.ended_by if over else None,
            walked=s.walked / 1_000,
            backward=_backward(s),
            distance=self._distance,
            top_speed=schema.kmh(s.top_speed),
            energy=_energy(s),
        )

    def cue(self, cue: Cue, time: str) -> schema.CueNote:
        """What to say and show now."""
        return schema.CueNote(
            number=cue.number,
            time=time,
            kind=cue.kind,
            text=cue.text,
            speed=schema.kmh(cue.speed),
            within=schema.seconds(cue.within),
        )

    def event(
        self, time: str, kind: str, sentence: str, **data: str | float | bool | None
    ) -> schema.EventNote:
        """Something that happened, numbered."""
        self._event += 1
        return schema.EventNote(
            boot=self.boot, number=self._event, time=time, kind=kind, sentence=sentence, data=data
        )


def same(before: schema.State | None, after: schema.State) -> bool:
    """Nothing that a person could see has changed."""
    if before is None:
        return False
    return replace(before, seq=0, time="", age=None) == replace(after, seq=0, time="", age=None)


def _age(s: Session, now: Ms) -> float | None:
    age = s.evidence.age(now)
    return None if age == NEVER else max(age, 0) / 1_000


def _stage(s: Session) -> str | None:
    if s.phase is Phase.TURNING:
        return "slowing" if s.owed else "waiting for confirm"
    if s.phase is Phase.HOLDING and s.paused:
        return "paused"
    if s.phase is Phase.STOPPING:
        return f"then {s.then}"
    return None


def _sentence(s: Session) -> str:
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


def _speeds(s: Session) -> schema.SpeedState:
    wanted = None
    if s.workout is not None and s.envelope is not None and s.phase in _SCRIPTED:
        point = setpoint(s.workout, s.script).speed + s.trim
        wanted = min(point, s.envelope.speed.value)
    return schema.SpeedState(
        measured=schema.kmh(s.evidence.speed),
        target=schema.kmh(s.drive.target) if s.owed else None,
        setpoint=schema.kmh(wanted),
        cap=schema.kmh(s.envelope.speed.value) if s.envelope else None,
    )


_SCRIPTED: Final = frozenset({Phase.RUNNING, Phase.HOLDING})


def _script(s: Session) -> schema.ScriptState | None:
    if s.workout is None:
        return None
    elapsed = min(s.script, s.workout.duration)
    return schema.ScriptState(
        elapsed=elapsed / 1_000, remaining=(s.workout.duration - elapsed) / 1_000
    )


def _present(s: Session) -> tuple[Workout, Segment] | None:
    return None if s.workout is None else (s.workout, s.workout.segment_at(s.script))


def _step(s: Session) -> schema.StepState | None:
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


def _next(s: Session) -> schema.NextState | None:
    if (present := _present(s)) is None:
        return None
    workout, segment = present
    following = workout.following(segment)
    if following is None:
        return None
    return schema.NextState(
        in_s=max(segment.end - s.script, 0) / 1_000,
        speed=schema.kmh(following.speed),
        facing=following.facing,
        cue=following.cue,
    )


def _backward(s: Session) -> float:
    """Seconds of the script walked facing the rear."""
    if s.workout is None:
        return 0
    return (
        sum(
            max(min(s.script, segment.end) - segment.start, 0)
            for segment in s.workout.segments
            if segment.facing is Facing.BACKWARD
        )
        / 1_000
    )


def _energy(s: Session) -> float | None:
    """An estimate for the part of the script that was walked, kcal."""
    if s.workout is None or s.script <= 0:
        return None
    walked = tuple(
        replace(segment, duration=min(s.script, segment.end) - segment.start)
        for segment in s.workout.segments
        if segment.start < s.script
    )
    return estimate(Workout(walked), BODY, 0).value / 100


def _offer(program: Program, s: Session) -> schema.ProgramInfo:
    refusal = None
    minimum = s.machine.speed.minimum if s.machine else MACHINE_MINIMUM
    workout = flatten(program, minimum)
    if s.machine is not None:
        within = envelope(s.site, s.machine, s.walker, program)
        refusal = next((r.sentence for r in admit(program, workout, within, s.site)), None)
    return schema.ProgramInfo(
        id=program.id,
        name=program.name,
        goal=program.goal,
        level=program.level,
        duration=workout.duration / 1_000,
        backward=workout.backward_time / 1_000,
        top_speed=schema.kmh(workout.top_speed),
        top_incline=schema.percent(workout.top_incline),
        refusal=refusal,
    )


def _capabilities(machine: Machine | None) -> tuple[str, ...]:
    if machine is None:
        return ()
    found = [f"belt_start_{machine.belt_start}"]
    found += ["incline"] if machine.incline else []
    found += ["distance"] if machine.reports_distance else []
    found += ["elapsed"] if machine.reports_elapsed else []
    return tuple(found)


def _machine(machine: Machine | None) -> schema.MachineInfo | None:
    if machine is None:
        return None
    speed, incline = machine.speed, machine.incline
    return schema.MachineInfo(
        name=machine.name,
        address=machine.address,
        fingerprint=machine.fingerprint,
        speed=schema.RangeInfo(
            minimum=speed.minimum / 100,
            maximum=speed.maximum / 100,
            increment=speed.increment / 100,
        ),
        incline=None
        if incline is None
        else schema.RangeInfo(
            minimum=incline.minimum / 10,
            maximum=incline.maximum / 10,
            increment=incline.increment / 10,
        ),
        belt_start=machine.belt_start,
    )


def _limits(within: Envelope | None) -> dict[str, schema.LimitInfo]:
    if within is None:
        return {}
    rows = (
        ("speed", within.speed, 100, "km/h"),
        ("incline", within.incline, 10, "%"),
        ("backward_time", within.backward_time, 60_000, "min"),
    )
    return {
        name: schema.LimitInfo(
            value=limit.value / scale, unit=unit, layer=limit.layer, reason=limit.reason
        )
        for name, limit, scale, unit in rows
    }

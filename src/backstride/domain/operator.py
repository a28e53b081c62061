"""What people may ask, when it is granted, and what they are told if it is not.

Stop has no precondition, in no phase. Everything else is granted by phase and by proof, and a
refusal says what to do instead.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain import cues
from backstride.domain.envelope import FRESH, admit, envelope
from backstride.domain.events import Ask, Request
from backstride.domain.evidence import incline_of
from backstride.domain.machine import BeltStart
from backstride.domain.notices import CueKind, Reply
from backstride.domain.pilot import halt_now
from backstride.domain.session import Control, Draft, Drive, Phase, Session, Then, Trigger
from backstride.domain.units import show_duration, show_incline, show_speed
from backstride.domain.workout import Program, flatten, setpoint


class Refused(Exception):  # noqa: N818  it is an answer, not an error of the program
    """The request is not granted; `code` is for programs, the message for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


def operate(d: Draft, request: Request) -> None:
    """Grant or refuse one request, and answer it."""
    try:
        code, sentence = _HANDLERS[request.ask](d, request)
    except Refused as refused:
        d.answer(request.id, Reply.REFUSED, refused.code, refused.sentence)
    else:
        d.answer(request.id, Reply.OK, code, sentence)


type Granted = tuple[str, str]


def _require(s: Session, *phases: Phase) -> None:
    if s.phase not in phases:
        wanted = " or ".join(phases)
        raise Refused("wrong_phase", f"not while {s.phase}; this works while {wanted}")


def _stop(d: Draft, _: Request) -> Granted:
    s = d.s
    match s.phase:
        case Phase.OFFLINE:
            d.set(stop_wanted_at=s.now)
            return "queued", "no connection to the treadmill; Stop is sent as soon as it is back"
        case Phase.STOPPING:
            d.set(then=s.then if s.then is Then.FAULT else Then.FINISH)
            return "stopping", "the belt is already being stopped"
        case Phase.FAULTED:
            if not (s.owed and s.evidence.falling):
                d.drive(stop_at=None)
                d.set(owed=True)
            return "stopping", "Stop is sent; the fault still needs an acknowledgement"
        case _:
            then = Then.FAULT if s.fault else Then.FINISH
            d.set(then=then, ended_by=s.ended_by or "stopped by request")
            halt_now(d)
            return "stopping", "Stop is sent"


def _select(d: Draft, request: Request) -> Granted:
    if request.program is None:
        raise Refused("no_program", "name a program to select")
    d.set(selected=request.program)
    return "selected", f"{request.program.name} is selected"


def _start(d: Draft, request: Request) -> Granted:
    s = d.s
    _require(s, Phase.IDLE, Phase.FINISHED, Phase.ARMED)
    program = request.program or s.selected
    if program is None:
        raise Refused("no_program", "name a program, or select one first")
    _check_belt(s)
    machine = s.machine
    if machine is None:
        raise Refused("no_machine", "the treadmill has not introduced itself yet")
    limits = envelope(s.site, machine, s.walker, program)
    workout = flatten(program, machine.speed.minimum)
    for refusal in admit(program, workout, limits, s.site):
        raise Refused(refusal.rule, refusal.sentence)
    incline = incline_of(s.evidence, machine)
    if incline is None or not 0 <= incline <= limits.incline.value:
        raise Refused("incline", _incline_sentence(incline))
    control = s.control if s.control is not Control.REFUSED else Control.NONE
    d.move(
        Trigger.ARM, selected=program, program=program, workout=workout, envelope=limits, script=0,
        trim=0, facing=workout.segments[0].facing, control=control, control_asks=0, outage=0, gap=0,
        ended_by=None, top_speed=0, walked=0, holds=(), start_granted=False, then=Then.FINISH,
        paused=False, asked_at=None,
    )  # fmt: skip
    d.set(since=s.now)
    statement = _statement(program, d.s)
    d.say(CueKind.ARMED, statement, speed=workout.top_speed)
    return "armed", statement


def _check_belt(s: Session) -> None:
    """The belt must be proven still, now, on the machine that we are bound to."""
    if s.bound is not None and s.machine is not None and s.machine.fingerprint != s.bound:
        raise Refused(
            "wrong_machine", "this is not the treadmill in the configuration: check its address"
        )
    if s.evidence.age(s.now) > FRESH:
        raise Refused("no_telemetry", "the treadmill reports no speed: wake it up, then try again")
    if s.evidence.speed != 0:
        raise Refused("belt_moving", "the belt moves: stop it first")


def _incline_sentence(incline: int | None) -> str:
    if incline is None:
        return "the treadmill does not report its incline: set it to 0 % on the console"
    return f"the deck stands at {show_incline(incline)}: bring it to 0 % on the console"


def _statement(program: Program, s: Session) -> str:
    if s.workout is None:
        return program.name
    turns = sum(segment.turn for segment in s.workout.segments)
    incline = s.workout.top_incline
    window = s.options.confirm_window // 1000
    parts = [
        f"{program.name}: {show_duration(s.workout.duration)} min",
        f"at most {show_speed(s.workout.top_speed)}",
        f"up to {show_incline(incline)} incline" if incline else "flat",
        f"{turns} turns" if turns != 1 else "1 turn",
    ]
    return (
        ", ".join(parts)
        + ". Stand on the side rails, clip on your waistband, 2 m free behind the belt,"
        + f" and confirm within {window} s."
    )


def _confirm(d: Draft, request: Request) -> Granted:
    s = d.s
    resting = s.phase in {Phase.TURNING, Phase.HOLDING} and not s.owed
    if s.phase is not Phase.ARMED and not resting:
        raise Refused("nothing_to_confirm", f"nothing waits for a confirm while {s.phase}")
    if request.program is not None and s.program is not None and request.program.id != s.program.id:
        raise Refused("other_program", f"armed is {s.program.name!r}; confirm that, or start again")
    _check_belt(s)
    if s.control is Control.REFUSED:
        raise Refused("no_control", "the treadmill refuses to be controlled: close other apps")
    if s.workout is None:
        raise Refused("no_program", "start a program first")
    remote = s.machine is not None and s.machine.belt_start is BeltStart.REMOTE
    d.move(
        Trigger.CONFIRM, start_granted=remote, confirmed_epoch=s.epoch, paused=False,
        facing=setpoint(s.workout, s.script).segment.facing, drive=_fresh(s), holds=(),
    )  # fmt: skip
    return (
        "countdown",
        f"the belt starts in {s.options.countdown // 1000} s; Stop works at any time",
    )


def _fresh(s: Session) -> Drive:
    return Drive(incline=s.drive.incline)


def _pause(d: Draft, _: Request) -> Granted:
    _require(d.s, Phase.RUNNING, Phase.HOLDING)
    if d.s.paused:
        return "paused", "already paused"
    d.say(CueKind.STOPPING, "pause: the belt slows down and stops")
    d.move(Trigger.SLOW, then=Then.PAUSE, holds=())
    return "pausing", "the belt slows down and stops; your place in the program is kept"


def _continue(d: Draft, request: Request) -> Granted:
    if not (d.s.phase is Phase.HOLDING and d.s.paused):
        raise Refused("not_paused", "there is no pause to continue from")
    return _confirm(d, request)


def _skip(d: Draft, _: Request) -> Granted:
    _require(d.s, Phase.RUNNING)
    if d.s.workout is None:
        raise Refused("no_program", "no program runs")
    segment = d.s.workout.segment_at(d.s.script)
    d.set(script=segment.end, trim=0)
    following = d.s.workout.following(segment)
    return "skipped", "the program ends" if following is None else f"on to {following.effort}"


def _faster(d: Draft, _: Request) -> Granted:
    return _adjust(d, 1)


def _slower(d: Draft, _: Request) -> Granted:
    return _adjust(d, -1)


def _adjust(d: Draft, direction: int) -> Granted:
    s = d.s
    _require(s, Phase.RUNNING)
    if s.workout is None or s.envelope is None:
        raise Refused("no_program", "no program runs")
    limit = s.envelope.speed
    base = setpoint(s.workout, s.script).speed
    wanted = s.envelope.grid(base + s.trim) + direction * s.envelope.increment
    if wanted > limit.value:
        sentence = f"{show_speed(limit.value)} is the limit ({limit.layer}: {limit.reason})"
        raise Refused("too_fast", sentence)
    if wanted < s.envelope.floor:
        raise Refused("too_slow", f"{show_speed(s.envelope.floor)} is the machine's lowest speed")
    d.set(trim=wanted - base)
    cues.reconsider(d, CueKind.FASTER if direction > 0 else CueKind.SLOWER)
    return "adjusted", f"the setpoint is now {show_speed(wanted)}"


def _finish(d: Draft, _: Request) -> Granted:
    s = d.s
    if s.phase in {Phase.TURNING, Phase.HOLDING} and not s.owed:
        d.move(Trigger.STILL, ended_by="finished by request", paused=False)
        return "finished", "the session is over"
    _require(s, Phase.RUNNING, Phase.HOLDING)
    cooldown = s.workout.cooldown() if s.workout else None
    d.set(ended_by="finished by request")
    if cooldown is None or cooldown.start <= s.script or s.phase is Phase.HOLDING:
        d.say(CueKind.STOPPING, "the belt slows down and stops")
        d.move(Trigger.SLOW, then=Then.FINISH)
        return "slowing", "the belt slows down and stops"
    d.set(script=cooldown.start, trim=0)
    return "cooldown", f"cool-down, {show_duration(cooldown.duration)} min"


def _acknowledge(d: Draft, _: Request) -> Granted:
    s = d.s
    _require(s, Phase.FAULTED, Phase.FINISHED)
    if s.owed:
        answered = s.linked and s.drive.stop_answered_at is not None
        if s.evidence.moving() or not answered:
            raise Refused(
                "not_still", "the belt is not proven still yet: pull the clip if it moves"
            )
    cause = s.fault.cause if s.fault else s.ended_by
    d.move(Trigger.ACKNOWLEDGE, fault=None, owed=False, holds=(), findings=(), adopted=None)
    if not s.linked:
        d.move(Trigger.LINK_DOWN)
    return "acknowledged", f"{cause} is acknowledged"


def _present(d: Draft, _: Request) -> Granted:
    d.set(asked_at=None, seen_at=d.s.now)
    return "thanks", "good to hear"


_HANDLERS: Final[dict[Ask, Callable[[Draft, Request], Granted]]] = {
    Ask.START: _start,
    Ask.CONFIRM: _confirm,
    Ask.PAUSE: _pause,
    Ask.CONTINUE: _continue,
    Ask.SKIP: _skip,
    Ask.FASTER: _faster,
    Ask.SLOWER: _slower,
    Ask.FINISH: _finish,
    Ask.STOP: _stop,
    Ask.ACKNOWLEDGE: _acknowledge,
    Ask.SELECT: _select,
    Ask.PRESENT: _present,
}

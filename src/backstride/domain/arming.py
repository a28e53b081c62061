"""The two steps to a start: a program is armed and stated, then a person confirms.

The belt must be proven still at both, on the machine that we are bound to, with somebody watching.
"""

from __future__ import annotations

from msgspec.structs import replace

from backstride.domain.bounds import lowest
from backstride.domain.envelope import FRESH, Envelope, admit, envelope
from backstride.domain.events import Request
from backstride.domain.evidence import incline_of
from backstride.domain.machine import BeltStart, Machine
from backstride.domain.notices import CueKind
from backstride.domain.session import Control, Draft, Drive, Options, Phase, Session, Then, Trigger
from backstride.domain.supervision import CONTROL_ASKS
from backstride.domain.units import SECOND, show_duration, show_incline, show_speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Program, Workout, flatten, setpoint


class Refused(Exception):  # noqa: N818  it is an answer, not an error of the program
    """The request is not granted; `code` is for programs, the message for people."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


type Granted = tuple[str, str]
"""The code and the sentence of a granted request."""


def require(s: Session, *phases: Phase) -> None:
    """Grant it in these phases only.

    Raises:
        Refused: in any other.
    """
    if s.phase not in phases:
        wanted = " or ".join(phases)
        raise Refused("wrong_phase", f"not while {s.phase}; this works while {wanted}")


def start(d: Draft, request: Request) -> Granted:
    """Arm a program: judge it, and state what will happen. Moves nothing."""
    s = d.s
    require(s, Phase.IDLE, Phase.FINISHED, Phase.ARMED)
    program = request.program or s.selected
    if program is None:
        raise Refused("no_program", "name a program, or select one first")
    machine = _check_belt(s, program)
    person = _who(s, request)
    limits = envelope(s.site, machine, s.walker, program, person)
    workout = _flat(program, machine)
    for refusal in admit(program, workout, limits, s.site, person):
        raise Refused(refusal.rule, refusal.sentence)
    _check_deck(s, limits)
    control = s.control if s.control is not Control.REFUSED else Control.NONE
    asks = 0 if control is Control.NONE else s.control_asks
    d.move(
        Trigger.ARM, selected=program, program=program, workout=workout, envelope=limits, script=0,
        trim=0, facing=workout.segments[0].facing, control=control, control_asks=asks, outage=0, gap=0,
        ended_by=None, top_speed=0, walked=0, holds=(), start_granted=False, then=Then.FINISH,
        paused=False, asked_at=None, person=person,
    )  # fmt: skip
    d.set(since=s.now)
    statement = _statement(program, workout, d.s.options)
    d.say(
        CueKind.ARMED, statement, speed=workout.top_speed, incline=workout.top_incline,
        length=workout.duration, note=program.name,
    )  # fmt: skip
    return "armed", statement


def _who(s: Session, request: Request) -> Walker | None:
    """Who walks: whoever is named now, else before. What is armed for one is not taken over by another."""
    person = request.walker or s.person
    before = s.person.id if s.person else None
    if s.phase is Phase.ARMED and person is not None and person.id != before:
        raise Refused("wrong_phase", "it is armed for somebody else: stop first, then start again")
    return person


def _flat(program: Program, machine: Machine) -> Workout:
    workout = flatten(program, lowest(machine))
    if not workout.segments or any(segment.duration <= 0 for segment in workout.segments):
        raise Refused("bad_program", f"{program.name!r} has no steps, or one that takes no time")
    return workout


def _check_belt(s: Session, program: Program | None) -> Machine:
    """The belt must be proven still, now, on the machine that we are bound to, with us watched."""
    if s.ending:
        raise Refused("shutting_down", "the service is going down")
    if s.machine is None:
        raise Refused("no_machine", "the treadmill has not introduced itself yet")
    if s.bound is not None and s.machine.fingerprint != s.bound:
        raise Refused(
            "wrong_machine", "this is not the treadmill in the configuration: check its address"
        )
    if s.adopted is not None:
        sentence = "the belt was left during a session and is being judged: try again in a moment"
        raise Refused("recovering", sentence)
    if s.evidence.age(s.now) > FRESH:
        raise Refused("no_telemetry", "the treadmill reports no speed: wake it up, then try again")
    if s.evidence.speed != 0:
        raise Refused("belt_moving", "the belt moves: stop it first")
    if not s.bus and not (program is not None and program.unsupervised):
        raise Refused("no_broker", "the broker is gone, and this program must be supervised")
    return s.machine


def _check_deck(s: Session, limits: Envelope) -> None:
    incline = incline_of(s.evidence, s.machine)
    if incline is None:
        sentence = "the treadmill does not report its incline: set it to 0 % on the console"
        raise Refused("incline", sentence)
    if not 0 <= incline <= limits.incline.value:
        sentence = f"the deck stands at {show_incline(incline)}: bring it to 0 % on the console"
        raise Refused("incline", sentence)


def _statement(program: Program, workout: Workout, options: Options) -> str:
    """What will happen. Never who walks: whoever sees the treadmill reads it."""
    turns = sum(segment.turn for segment in workout.segments)
    incline = workout.top_incline
    window = options.confirm_window // SECOND
    parts = [
        f"{program.name}: {show_duration(workout.duration)} min",
        f"at most {show_speed(workout.top_speed)}",
        f"up to {show_incline(incline)} incline" if incline else "flat",
        f"{turns} turns" if turns != 1 else "1 turn",
    ]
    return (
        ", ".join(parts)
        + ". Stand on the side rails, clip on your waistband, 2 m free behind the belt,"
        + f" and confirm within {window} s."
    )


def confirm(d: Draft, request: Request) -> Granted:
    """Begin the countdown to the one Start that this confirm is good for."""
    s = d.s
    resting = s.phase in {Phase.TURNING, Phase.HOLDING} and not s.owed
    if s.phase is not Phase.ARMED and not resting:
        raise Refused("nothing_to_confirm", f"nothing waits for a confirm while {s.phase}")
    if request.program is not None and s.program is not None and request.program.id != s.program.id:
        raise Refused("other_program", f"armed is {s.program.name!r}; confirm that, or start again")
    if s.phase is Phase.ARMED and s.now - s.since >= s.options.confirm_window:
        raise Refused("too_late", "the confirm came too late; start again")
    machine = _check_belt(s, s.program)
    if s.control is Control.REFUSED and s.control_asks >= CONTROL_ASKS:
        raise Refused("no_control", "the treadmill refuses to be controlled: close other apps")
    if s.workout is None or s.envelope is None:
        raise Refused("no_program", "start a program first")
    _check_deck(s, s.envelope)
    d.move(
        Trigger.CONFIRM, start_granted=machine.belt_start is BeltStart.REMOTE, paused=False,
        confirmed_epoch=s.epoch, facing=setpoint(s.workout, s.script).segment.facing,
        drive=Drive(incline=s.drive.incline), holds=(), then=Then.FINISH, outage=0, gap=0,
        cues=replace(s.cues, seconds=0),
    )  # fmt: skip
    return (
        "countdown",
        f"the belt starts in {s.options.countdown // SECOND} s; Stop works at any time",
    )

"""The gate between what the session wants and what the belt is told.

Theory of operation
-------------------
Everything that could move a walker passes `permit()`, and only `permit()` can make a `Permit`;
the treadmill executes nothing else. The gate knows no programs and no phases' logic. It knows
physics: how fast, how steep, how quickly changed, on what evidence, on which connection. It denies by
default: a command that no rule grants is refused with the rule that bit. It never bends a command;
a planner that asks for too much gets a refusal, and the belt stays as it is.

Letting go can never be refused: Stop is granted in any situation, without evidence or deadline.

The gate reads a `Situation`, the plain facts of one instant. An increase needs fresh evidence that the
belt does what it was last told. A decrease needs no evidence, because less is the direction of safety;
but what evidence there is may not contradict it. Against a belt that runs slower than it was told, or
stands, "less than before" would be more, and a surprise.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec import Struct

from backstride.domain.admission import (
    COARSEST,
    Refusal,
    Rule,
    admit,
    coarse,
    too_fast,
    too_steep,
)
from backstride.domain.bounds import Envelope, envelope
from backstride.domain.commands import (
    Command,
    RequestControl,
    SetIncline,
    SetSpeed,
    Start,
    Stop,
)
from backstride.domain.errors import PermitError
from backstride.domain.limits import Layer
from backstride.domain.units import (
    PERCENT,
    SECOND,
    Incline,
    Ms,
    Speed,
    show_incline,
    show_speed,
)

RISE: Final[Speed] = 10
"""Steepest ramp up, 0.01 km/h per s: clinical treadmills' automatic mode allows half of it."""
FALL: Final[Speed] = 30
"""Steepest planned ramp down, 0.01 km/h per s."""
STEP_UP: Final[Speed] = 30
"""Largest rise in one command, unless the machine's increment is coarser."""
FOLLOWING: Final[Speed] = 30
"""How far the belt may be from its target and still be called following it."""
REACH: Final[Speed] = 10
"""How much further than one increment a command may lie above the measured speed: jitter."""
INCLINE_STEP: Final[Incline] = 1 * PERCENT
"""Largest change of slope in one command, unless the machine's increment is coarser [CHOICE]."""
INCLINE_PAUSE: Final[Ms] = 5 * SECOND
"""Shortest time between two steps up the slope: decks need 2 to 4 s for one percent [CHOICE]."""
FRESH: Final[Ms] = 1_500
"""Telemetry older than this permits no increase: one frame a second is usual, one may be late."""
DEADLINE: Final[Ms] = 1 * SECOND
"""A permit is void after this long: a command must never fire late on another situation."""


class Situation(Struct, frozen=True, kw_only=True):
    """The facts of one instant that the gate judges by.

    `speed`/`incline` are measured, None when unknown, with the `age` of the newest record.
    `target`/`target_at` are the last commanded speed and when it was commanded (the speed at which
    the belt was found, before the first command). `start_granted` is the walker's fresh confirm,
    not used yet. `moves` says that this session may move the belt at all.
    """

    now: Ms
    epoch: int
    control: bool
    moves: bool
    start_granted: bool
    speed: Speed | None
    incline: Incline | None
    age: Ms
    target: Speed
    target_at: Ms
    incline_target: Incline
    incline_target_at: Ms


_SEAL: Final = object()
_FORGED: Final = "a permit is made by envelope.permit() and nowhere else"


class Permit:
    """The right to send one command on one connection before a deadline.

    Only `permit()` can make one, and nobody can change, copy or extend one. `ticket` names the
    command in its outcome; `deadline` is in ms of the session's clock and None for Stop, which is
    never too late.

    Raises:
        PermitError: on any attempt to make one elsewhere.
    """

    __slots__ = ("command", "deadline", "epoch", "ticket")

    command: Command
    epoch: int
    ticket: int
    deadline: Ms | None

    def __init__(
        self, seal: object, command: Command, epoch: int, ticket: int, deadline: Ms | None
    ) -> None:
        if seal is not _SEAL:
            raise PermitError(_FORGED)
        fix = super().__setattr__
        fix("command", command)
        fix("epoch", epoch)
        fix("ticket", ticket)
        fix("deadline", deadline)

    def __init_subclass__(cls) -> None:
        raise PermitError(_FORGED)

    def __setattr__(self, name: str, value: object) -> None:
        raise PermitError(_FORGED)

    def __delattr__(self, name: str) -> None:
        raise PermitError(_FORGED)

    def __reduce__(self) -> str:
        raise PermitError(_FORGED)

    def __repr__(self) -> str:
        return f"Permit({self.command!r}, epoch={self.epoch}, ticket={self.ticket})"


def permit(
    command: Command, ticket: int, now: Situation, within: Envelope | None
) -> Permit | Refusal:
    """Judge one command in one situation: a permit to send it, or the rule against it.

    Without an envelope (nothing was ever armed) only Stop and the request for control pass.
    """
    if isinstance(command, Stop):
        return Permit(_SEAL, command, now.epoch, ticket, None)
    refusal = _judge(command, now, within)
    if refusal is not None:
        return refusal
    return Permit(_SEAL, command, now.epoch, ticket, now.now + DEADLINE)


def _judge(
    command: RequestControl | SetSpeed | SetIncline | Start,
    now: Situation,
    within: Envelope | None,
) -> Refusal | None:
    if now.epoch == 0:
        return Refusal(Rule.NO_LINK, "there is no connection to the treadmill")
    if isinstance(command, RequestControl):
        return None
    if not now.control:
        return Refusal(Rule.NO_CONTROL, "the treadmill has not granted control")
    if not now.moves or within is None:
        return Refusal(Rule.HANDED_OVER, "this session may not move the belt now")
    match command:
        case Start():
            return _judge_start(now, within)
        case SetSpeed(target=target):
            return _judge_speed(target, now, within)
        case SetIncline(target=target):
            return _judge_incline(target, now, within)
        case _:
            assert_never(command)


def _judge_start(now: Situation, within: Envelope) -> Refusal | None:
    if not now.start_granted:
        return Refusal(Rule.NOT_CONFIRMED, "nobody has confirmed that the walker is ready")
    if now.age > FRESH or now.speed is None:
        return Refusal(Rule.STALE, "the belt is not proven still: its speed is unknown or old")
    if now.speed != 0:
        return Refusal(Rule.MOVING, f"the belt moves at {show_speed(now.speed)}")
    if now.incline is None:
        return Refusal(Rule.INCLINE_UNKNOWN, "the incline is unknown")
    if now.incline < 0:
        return Refusal(Rule.DOWNHILL, f"the deck stands at {show_incline(now.incline)}")
    if now.incline > within.incline.value:
        return too_steep(now.incline, within)
    if within.increment > COARSEST:
        return coarse(within)
    return None


def _judge_speed(target: Speed, now: Situation, within: Envelope) -> Refusal | None:
    if target < within.floor or target <= 0:
        sentence = f"{show_speed(target)} is below the machine's lowest {show_speed(within.floor)}"
        return Refusal(Rule.TOO_SLOW, sentence)
    if target > within.speed.value:
        return too_fast(target, within)
    if (target - within.floor) % within.increment:
        sentence = f"{show_speed(target)} is not a multiple of {show_speed(within.increment)}"
        return Refusal(Rule.OFF_GRID, sentence)
    if now.speed == 0:
        return Refusal(Rule.NOT_MOVING, "the belt stands still")
    if target > now.target:
        return _judge_rise(target, now, within)
    if now.speed is not None and target - now.speed > FOLLOWING:
        return _not_following(now.speed, now.target)
    return _slew(now.target - target, now.now - now.target_at, FALL)


def _judge_rise(target: Speed, now: Situation, within: Envelope) -> Refusal | None:
    change = target - now.target
    if now.age > FRESH or now.speed is None:
        return Refusal(Rule.STALE, "no increase while the belt's speed is unknown or old")
    if abs(now.speed - now.target) > FOLLOWING:
        return _not_following(now.speed, now.target)
    if change > max(STEP_UP, within.increment):
        return Refusal(Rule.STEP, f"a rise of {show_speed(change)} in one command is too much")
    if target - now.speed > reach(within):
        return _not_following(now.speed, now.target)
    return _slew(change, now.now - now.target_at, RISE)


def reach(within: Envelope) -> Speed:
    """How far above the measured speed an increase may aim, 0.01 km/h."""
    return max(STEP_UP, within.increment + REACH)


def _not_following(speed: Speed, target: Speed) -> Refusal:
    sentence = f"the belt runs at {show_speed(speed)}, not at its {show_speed(target)}"
    return Refusal(Rule.NOT_FOLLOWING, sentence)


def _slew(change: Speed, elapsed: Ms, rate: Speed) -> Refusal | None:
    if change * SECOND <= rate * elapsed:
        return None
    sentence = f"{show_speed(change)} in {elapsed} ms is quicker than {show_speed(rate)} per second"
    return Refusal(Rule.SLEW, sentence)


def _judge_incline(target: Incline, now: Situation, within: Envelope) -> Refusal | None:
    if target < 0:
        return Refusal(Rule.DOWNHILL, "an incline below 0 is never commanded")
    if target > within.incline.value:
        if within.incline.value == 0 and within.incline.layer is Layer.MACHINE:
            return Refusal(Rule.NO_INCLINE, "this machine cannot set its incline")
        return too_steep(target, within)
    if target % within.incline_increment:
        sentence = (
            f"{show_incline(target)} is not a step of {show_incline(within.incline_increment)}"
        )
        return Refusal(Rule.OFF_GRID, sentence)
    if target <= now.incline_target:
        return None
    if now.age > FRESH or now.incline is None:
        return Refusal(Rule.STALE, "no steeper slope while the incline is unknown or old")
    if target - now.incline_target > max(INCLINE_STEP, within.incline_increment):
        return Refusal(Rule.STEP, "the slope may change by one step at a time")
    if now.now - now.incline_target_at < INCLINE_PAUSE:
        return Refusal(Rule.SLEW, "the deck needs time between two steps of the slope")
    return None


__all__ = [
    "COARSEST", "DEADLINE", "FALL", "FOLLOWING", "FRESH", "INCLINE_PAUSE", "INCLINE_STEP", "RISE",
    "STEP_UP", "Envelope", "Permit", "Refusal", "Rule", "Situation", "admit", "envelope", "permit",
]  # fmt: skip

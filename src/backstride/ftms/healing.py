"""What to do about a connection that fails: decided here and done elsewhere, so that all of it can be tried.

Theory of operation
-------------------
Most failures need nothing but the next attempt. What the next attempt cannot mend is answered from gentle
to harsh, and only on evidence:

- BlueZ holds a connection that is of no use (its process died, or nothing answers on it): end it. While
  it lives the machine does not advertise, and no scan finds it.
- Services cannot be discovered, or attributes do not answer: what BlueZ keeps of the machine may be wrong.
  Let it forget the machine; it is met anew by its next advertisement. The key of a paired machine goes
  with it, so that one is forgotten only when the machine itself refuses the key: in words, or by ending each
  connection as it begins. For BlueZ encrypts with the key before anything else, and a machine that was reset
  to its factory settings has lost its own.
- The machine demands encryption: pair with it.
- Nothing of this helped, or the adapter takes no orders: switch the adapter off and on. That ends every
  connection of the host, so it is done only while no treadmill of the host owes anybody anything, in this
  process or another, and no other device is connected through the adapter, and rarely.

A machine that is not heard is off, or away: nothing is healed for that. Each step has a pause that doubles
while it does not help, and that is forgotten when the step was not needed for long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from backstride.domain.units import MINUTE, SECOND, Ms

HOUR: Final[Ms] = 60 * MINUTE
DOUBTED: Final = 2
"""After so many failures in a row what BlueZ remembers of the machine is not trusted any more."""
KEYLESS: Final = 3
"""So many connections in a row that a paired machine ends as they begin: it has lost its key [CHOICE]."""
LAST_RESORT: Final = 20
"""The same while its belt may be moving. Then a bad radio is likelier than a lost key, and a machine may take
a new one only when somebody asks it to: without the old one a Stop would not get through [CHOICE]."""
HARD: Final = 6
"""So many failures in a row that gentle steps did not end; only then the adapter itself is doubted."""
STUCK: Final = 3
"""So many times in a row an adapter that is on did not do what it was told."""


class Fault(StrEnum):
    """How an attempt ended, or a connection."""

    RADIO = "radio"
    """The adapter is absent, off, or does not do what it is told."""
    UNHEARD = "unheard"
    """The machine was not heard, or several fit."""
    UNREACHED = "unreached"
    """The machine is there, but the connection or its list of services failed."""
    MUTE = "mute"
    """Connected, but its attributes do not answer."""
    FOREIGN = "foreign"
    """Connected, but the list of services lacks what a treadmill has: perhaps an old list."""
    REFUSED = "refused"
    """The machine demands encryption, and did not get it."""
    GHOST = "ghost"
    """A connection that was in use answers nothing any more, although BlueZ says that it lives."""


class Step(StrEnum):
    """What is done before the next attempt."""

    RETRY = "retry"
    """Nothing."""
    ADOPT = "adopt"
    """Go on with the connection that BlueZ holds already. Not a remedy, and so never decided here."""
    CLOSE = "close"
    """End the connection that BlueZ holds (Device1.Disconnect)."""
    FORGET = "forget"
    """Let BlueZ forget the machine (Adapter1.RemoveDevice)."""
    PAIR = "pair"
    """Pair with the machine without anybody's help (Device1.Pair, just works)."""
    WAKE = "wake"
    """Switch the adapter on (Adapter1.Powered)."""
    CYCLE = "cycle"
    """Switch the adapter off and on."""


class Pace(Struct, frozen=True):
    """The pause before the same step is taken again: the first, doubling up to the longest [CHOICE]."""

    first: Ms
    longest: Ms


PACES: Final[Mapping[Step, Pace]] = {
    Step.CLOSE: Pace(2 * SECOND, MINUTE),
    Step.FORGET: Pace(30 * SECOND, 30 * MINUTE),
    Step.PAIR: Pace(10 * SECOND, 10 * MINUTE),
    Step.WAKE: Pace(5 * SECOND, 5 * MINUTE),
    Step.CYCLE: Pace(10 * MINUTE, 6 * HOUR),
}


class Tried(Struct, frozen=True):
    """How often a step was taken without a long rest between, and when last."""

    times: int
    last: Ms


type Trials = Mapping[Step, Tried]


class History(Struct, frozen=True, kw_only=True):
    """What happened to one treadmill's connection: the last fault, how often in a row, and what was tried.

    `last` is the step before; None when none was taken since a connection lasted.
    """

    fault: Fault = Fault.UNHEARD
    count: int = 0
    last: Step | None = None
    tried: Trials = {}


class Scene(Struct, frozen=True, kw_only=True):
    """What is known at the moment of a failure.

    `moving`: this treadmill's belt may be moving. `at_rest`: no treadmill of the host owes a belt, or is
    about to. `known`, `connected`, `paired` are BlueZ's words about the machine; `powered` and `others` about
    the adapter, None and 0 where there is none: whether it is on, and how many other devices are connected
    through it. `ours_off`: it is we who left the adapter off.
    """

    moving: bool
    at_rest: bool
    known: bool = False
    connected: bool = False
    paired: bool = False
    powered: bool | None = None
    others: int = 0
    ours_off: bool = False


class Decision(Struct, frozen=True):
    """A step, and why, as the end of a sentence that begins with what the step does."""

    step: Step
    reason: str


def note_fault(history: History, fault: Fault) -> History:
    """The history after another failure. One of the adapter is not one of the machine."""
    same = (fault is Fault.RADIO) is (history.fault is Fault.RADIO)
    count = history.count if same and history.fault is not Fault.UNHEARD else 0
    return replace(history, fault=fault, count=0 if fault is Fault.UNHEARD else count + 1)


def note_proven(history: History) -> History:
    """The history after a connection that lasted: failures begin anew, pauses do not."""
    return replace(history, fault=Fault.UNHEARD, count=0, last=None)


def note_taken(history: History, step: Step, now: Ms) -> History:
    """The history after a step that concerned this treadmill alone."""
    return replace(history, last=step, tried=note_step(history.tried, step, now))


def note_step(tried: Trials, step: Step, now: Ms) -> Trials:
    """What was tried, after a step is taken. A step that was not needed for long begins anew."""
    before, pace = tried.get(step), PACES[step]
    again = before is not None and now - before.last <= 2 * pace.longest
    return {**tried, step: Tried(before.times + 1 if again and before else 1, now)}


def due(tried: Trials, step: Step) -> Ms | None:
    """The instant from which a step may be taken again; None if it was never taken."""
    before, pace = tried.get(step), PACES[step]
    if before is None:
        return None
    return before.last + min(pace.first << min(before.times - 1, 32), pace.longest)


def decide(history: History, scene: Scene, now: Ms, cycled: Trials) -> Decision:
    """The gentlest step that may help and may be taken now. `cycled` is what the adapter was made to do."""
    for wish in _wish(history, scene):
        if wish.step is Step.CYCLE and not may_cycle(scene, cycled, now):
            continue
        tried = cycled if wish.step in {Step.CYCLE, Step.WAKE} else history.tried
        from_when = due(tried, wish.step)
        if from_when is None or now >= from_when:
            return wish
    return Decision(Step.RETRY, "the next attempt may do")


def may_cycle(scene: Scene, cycled: Trials, now: Ms) -> bool:
    """Whether the adapter may be switched off and on: rarely, and while nobody needs it."""
    from_when = due(cycled, Step.CYCLE)
    return (
        scene.at_rest
        and not scene.moving
        and scene.powered is True
        and scene.others == 0
        and (from_when is None or now >= from_when)
    )


def _wish(history: History, scene: Scene) -> Iterator[Decision]:
    """What would help, gentlest first."""
    fault, count = history.fault, history.count
    if fault is Fault.RADIO:
        yield from _wish_of_adapter(count, scene)
        return
    if scene.connected and history.last is Step.CLOSE and not scene.paired:
        yield Decision(Step.FORGET, "the connection did not end when it was told to")
    if scene.connected:
        yield Decision(Step.CLOSE, _useless(fault))
    match fault:
        case Fault.UNHEARD:
            return
        case Fault.REFUSED if scene.paired:
            yield Decision(Step.FORGET, "the machine refuses the key of an earlier pairing")
        case Fault.REFUSED if scene.known:
            yield Decision(Step.PAIR, "the machine demands an encrypted connection")
        case Fault.REFUSED:
            pass
        case Fault.UNREACHED | Fault.MUTE | Fault.FOREIGN | Fault.GHOST:
            yield from _wish_of_machine(history, scene)
        case _:
            assert_never(fault)
    if count >= HARD:
        reason = (
            f"{count} attempts in a row failed with a machine that is there, and nothing helped"
        )
        yield Decision(Step.CYCLE, reason)


def _useless(fault: Fault) -> str:
    match fault:
        case Fault.UNHEARD:
            return "it is held by BlueZ and hides the machine from every scan"
        case Fault.GHOST | Fault.MUTE:
            return "BlueZ says that it lives, and nothing answers on it"
        case _:
            return "it was left behind, or is of no use"


def _wish_of_adapter(count: int, scene: Scene) -> Iterator[Decision]:
    if scene.powered is False and scene.moving:
        yield Decision(Step.WAKE, "it is off, and a belt that may be moving must be stopped")
    elif scene.powered is False and scene.ours_off:
        yield Decision(Step.WAKE, "it was switched off here and did not come back")
    elif scene.powered and count >= STUCK:
        yield Decision(
            Step.CYCLE, f"it is on and did not do what it was told, {count} times in a row"
        )


def _wish_of_machine(history: History, scene: Scene) -> Iterator[Decision]:
    """A belt that may be moving is not hidden from us without need: a retry is tried first."""
    fault, count = history.fault, history.count
    if not scene.known:
        return
    if scene.paired:
        if fault is Fault.UNREACHED and count >= (LAST_RESORT if scene.moving else KEYLESS):
            what = "the machine is there, ends each connection, and may have lost the key"
            yield Decision(Step.FORGET, f"{what} of an earlier pairing ({count} in a row)")
        return
    soon = fault is not Fault.UNREACHED and not scene.moving
    if count >= (1 if soon else DOUBTED):
        what = "what BlueZ remembers of the machine may be wrong"
        yield Decision(Step.FORGET, f"{what} ({fault}, {count} in a row)")

"""From what was observed on a machine to a verdict. Pure: the same figures give the same finding.

One function for each check that needs judgement; what they take is what the wizard measured, in ms,
0.01 km/h, mm. Every figure goes into the finding's sentence, so that a reader can judge the judge.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from msgspec import Struct

from backstride.domain.admission import COARSEST
from backstride.domain.commissioning import COMMISSIONING_SPEED, Check, Finding, Proof
from backstride.domain.events import Telemetry
from backstride.domain.machine import Machine
from backstride.domain.units import SECOND, Incline, Ms, Speed, show_incline, show_speed

LONGEST_GAP: Final[Ms] = 3 * SECOND
"""Telemetry older than this makes a session hold; a machine that pauses so long cannot be walked on."""
FEWEST_FRAMES: Final = 4
EXACT: Final[Speed] = 10
"""A no-op may move the belt by this much: one step of most machines, jitter of the others [CHOICE]."""
START_SLACK: Final[Speed] = 30
"""A start this far above the lowest speed still counts as it: belts overshoot [CHOICE]."""
STOP_TIME: Final[Ms] = 20 * SECOND
"""The slowest measured belt took 9.1 s from 3.0 km/h; nothing that we walk on takes twice that."""
MILE: Final[tuple[int, int]] = (145, 177)
"""1.609 with the error of a count, in percent."""
PER_MILE: Final[tuple[int, int]] = (56, 69)
"""And its reciprocal, 0.621."""
SAME: Final[tuple[int, int]] = (88, 112)
IN_MILES: Final = "it takes mph"


def _within(percent: int, span: tuple[int, int]) -> bool:
    return span[0] <= percent <= span[1]


def _seconds(time: Ms) -> str:
    return f"{time // SECOND}.{time % SECOND // 100} s"


def proven(check: Check, figure: str) -> Finding:
    """It is so."""
    return Finding(check, Proof.PROVEN, figure)


def failed(check: Check, figure: str) -> Finding:
    """It is not so."""
    return Finding(check, Proof.FAILED, figure)


def untested(check: Check, figure: str) -> Finding:
    """Nobody knows."""
    return Finding(check, Proof.NOT_TESTED, figure)


def judge_identity(machine: Machine) -> Finding:
    """The fingerprint always exists; a name is for people."""
    figure = f"{machine.name or 'no name'}, fingerprint {machine.fingerprint}"
    return proven(Check.IDENTITY, figure)


def judge_ranges(machine: Machine) -> Finding:
    """Slow enough to begin with, and fine enough to ramp."""
    speed = machine.speed
    figure = (
        f"{show_speed(speed.minimum)} to {show_speed(speed.maximum)}"
        f" by {show_speed(speed.increment)}, {_slopes(machine)}"
    )
    if speed.increment > COARSEST:
        return failed(Check.RANGES, f"{figure}: too coarse to ramp")
    if speed.minimum > COMMISSIONING_SPEED:
        return failed(Check.RANGES, f"{figure}: too fast to begin with")
    return proven(Check.RANGES, figure)


def _slopes(machine: Machine) -> str:
    if machine.incline is None:
        return "sets no incline"
    return f"{show_incline(machine.incline.minimum)} to {show_incline(machine.incline.maximum)}"


def judge_connecting(speeds: tuple[Speed, ...], incline: Incline | None) -> Finding:
    """The speeds that were reported right after the connection, with nobody asking for motion."""
    deck = "" if incline is None else f", deck at {show_incline(incline)}"
    if any(speeds):
        return failed(Check.CONNECTING, f"the belt moves at {show_speed(max(speeds))}")
    if not speeds:
        return proven(Check.CONNECTING, "the belt stands, by a person's word; no telemetry at rest")
    return proven(Check.CONNECTING, f"the belt stands{deck}")


def judge_telemetry(frames: tuple[Telemetry, ...], lasted: Ms) -> Finding:
    """The records of a belt that moved for `lasted` ms."""
    spoken = [frame for frame in frames if frame.speed is not None]
    if len(spoken) < FEWEST_FRAMES:
        few = f"{len(spoken)} records in {_seconds(lasted)} of a moving belt"
        return failed(Check.TELEMETRY, few)
    gaps = [after.at - before.at for before, after in pairwise(spoken)]
    fields = sorted(
        name
        for name in ("incline", "distance", "elapsed", "energy", "heart_rate", "steps")
        if any(getattr(frame, name) is not None for frame in frames)
    )
    carried = ", ".join(["speed", *fields]).replace("_", " ")
    pace = sorted(gaps)[len(gaps) // 2]
    figure = f"a record each {_seconds(pace)}, longest gap {_seconds(max(gaps))}; {carried}"
    if max(gaps) > LONGEST_GAP:
        return failed(Check.TELEMETRY, figure)
    return proven(Check.TELEMETRY, figure)


class Probe(Struct, frozen=True):
    """What a belt did that was told what it already did, and then a little more.

    `told` is the no-op, `shown` what telemetry said then; `raised` and `after` the same for the step up,
    None when it was not made. `refusal` is why not.
    """

    told: Speed
    shown: Speed | None
    raised: Speed | None = None
    after: Speed | None = None
    refusal: str = ""


def follows(probe: Probe) -> bool:
    """The no-op left the belt where it was."""
    return probe.shown is not None and abs(probe.shown - probe.told) <= EXACT


def judge_probe(probe: Probe, *, requests: int = 1) -> Finding:
    """Nothing may change at the no-op; the step must have the right direction and size.

    `requests` is how often control had to be asked for.
    """
    found = _judge_probe(probe)
    late = f"; control granted at request {requests}" if requests > 1 else ""
    return Finding(found.check, found.proof, found.figure + late)


def obeys_a_unit(finding: Finding) -> bool:
    """Whether the belt does what it is told, in whatever unit: then its true speed tells which."""
    return finding.proof is Proof.PROVEN or IN_MILES in finding.figure


def _judge_probe(probe: Probe) -> Finding:
    if probe.shown is None:
        return failed(Check.PROBE, probe.refusal or "no telemetry after the command")
    figure = f"told {show_speed(probe.told)}, shows {show_speed(probe.shown)}"
    if not follows(probe):
        return failed(Check.PROBE, figure + _suspect(probe.shown, probe.told))
    if probe.raised is None or probe.after is None:
        return failed(Check.PROBE, f"{figure}; no step up: {probe.refusal or 'no telemetry'}")
    step, rise = probe.raised - probe.told, probe.after - probe.shown
    figure += f"; told {show_speed(probe.raised)}, shows {show_speed(probe.after)}"
    if rise <= 0:
        return failed(Check.PROBE, f"{figure}: no effect")
    if not step <= 2 * rise <= 4 * step:
        return failed(Check.PROBE, f"{figure}: not the step that it was told")
    return proven(Check.PROBE, figure)


def _suspect(shown: Speed, told: Speed) -> str:
    percent = shown * 100 // told
    if _within(percent, MILE):
        return f": {IN_MILES}"
    if _within(percent, PER_MILE):
        return ": it shows mph"
    return ": it does not do what it is told"


class Laps(Struct, frozen=True):
    """Revolutions that a person counted: how many, of a belt how long (mm), in what time (ms)."""

    count: int
    belt: int
    time: Ms

    @property
    def speed(self) -> Speed:
        """The true speed: 1 mm/ms is 3.6 km/h."""
        return self.count * self.belt * 360 // max(self.time, 1)


def judge_units(laps: Laps | None, shown: Speed | None, told: Speed | None) -> Finding:
    """The true speed against what telemetry shows, and against what the belt was told last, if it follows."""
    if laps is None:
        return untested(Check.UNITS, "nobody counted the belt's revolutions")
    if not shown:
        return failed(Check.UNITS, f"truly {show_speed(laps.speed)}, and no telemetry")
    figure = (
        f"{laps.count} revolutions in {_seconds(laps.time)}: truly {show_speed(laps.speed)},"
        f" shows {show_speed(shown)}"
    )
    percent = laps.speed * 100 // shown
    if _within(percent, MILE):
        return failed(Check.UNITS, f"{figure}: telemetry is in mph")
    if not _within(percent, SAME):
        return failed(Check.UNITS, f"{figure}: telemetry is wrong")
    if told is not None and not _within(laps.speed * 100 // told, SAME):
        return failed(Check.UNITS, f"{figure}, told {show_speed(told)}: it takes another unit")
    return proven(Check.UNITS, figure)


class Halt(Struct, frozen=True):
    """How a belt came to rest, in ms since it was asked to; None where telemetry never said so.

    `answer` is the outcome's verdict, `moves` a person's word in the end.
    """

    speed: Speed | None
    answer: str
    slowing: Ms | None
    rest: Ms | None
    moves: bool


def describe_halt(halt: Halt) -> str:
    """The figures of a stop."""
    start = "an unknown speed" if halt.speed is None else show_speed(halt.speed)
    parts = [f"{halt.answer}, from {start}"]
    if halt.slowing is not None:
        parts.append(f"slows down after {_seconds(halt.slowing)}")
    if halt.rest is not None:
        parts.append(f"shown at rest after {_seconds(halt.rest)}")
        if halt.speed:
            rate = halt.speed * SECOND // max(halt.rest, 1)
            parts.append(f"{show_speed(rate)} per s")
    else:
        parts.append("never shown at rest")
    return ", ".join(parts)


def judge_stop(halt: Halt) -> Finding:
    """A Stop must be answered with success, act, and be seen to have acted."""
    figure = describe_halt(halt)
    if halt.moves:
        return failed(Check.STOP, f"{figure}: the belt still moves")
    if halt.rest is None or halt.rest > STOP_TIME:
        return failed(Check.STOP, f"{figure}: it stands, and that is not seen in time")
    return proven(Check.STOP, figure)


def judge_stop_again(halt: Halt, *, restarted: bool) -> Finding:
    """A second Stop while the belt coasts."""
    if restarted or halt.moves:
        return failed(Check.STOP_AGAIN, "a second Stop while it coasts starts the belt again")
    return proven(Check.STOP_AGAIN, f"a second Stop changes nothing: {describe_halt(halt)}")


class Started(Struct, frozen=True):
    """What a Start over the air did. `before` is the speed of the run before it."""

    floor: Speed
    before: Speed
    delay: Ms | None
    top: Speed
    lasted: bool


def judge_start(started: Started) -> Finding:
    """It must move the belt, keep it moving, and at its lowest speed even after a faster run."""
    check = Check.REMOTE_START
    if started.delay is None:
        return failed(check, "Start is answered, and the belt does not move")
    figure = f"moves after {_seconds(started.delay)}, at most {show_speed(started.top)}"
    if not started.lasted:
        return failed(check, f"{figure}: and stops again by itself")
    if started.top > started.floor + START_SLACK:
        return failed(check, f"{figure}: above its lowest {show_speed(started.floor)}")
    if started.before <= started.floor + START_SLACK:
        return untested(check, f"{figure}; no faster run came before, so it may resume at one")
    return proven(check, f"{figure}, after a run at {show_speed(started.before)}")


class Presses(Struct, frozen=True):
    """What was seen of a person's presses, such as `status 05`; None where nothing was."""

    start: str | None
    faster: str | None
    stop: str | None


def judge_console(presses: Presses) -> Finding:
    """A press of Stop and of a speed must be seen in some way; of Start the motion is."""
    told = (("start", presses.start), ("faster", presses.faster), ("stop", presses.stop))
    figure = ", ".join(f"{name}: {word or 'nothing'}" for name, word in told)
    if presses.faster is None or presses.stop is None:
        return failed(Check.CONSOLE, figure)
    return proven(Check.CONSOLE, figure)


def judge_key(halt: Halt, *, reported: bool) -> Finding:
    """The key must stop the belt, whatever we know of it."""
    told = "reported as status 03" if reported else "not reported"
    if halt.moves:
        return failed(Check.SAFETY_KEY, f"{told}; the belt still moves")
    return proven(Check.SAFETY_KEY, f"{told}; {describe_halt(halt)}")


def judge_link_loss(*, moves: bool, after: Ms) -> Finding:
    """What the person saw when the connection had been gone for a while."""
    if moves:
        return failed(Check.LINK_LOSS, f"the belt runs on, {_seconds(after)} after the link ended")
    return proven(Check.LINK_LOSS, f"the belt stands {_seconds(after)} after the link ended")


def judge_second_client(*, connected: bool, lost: bool, kept: bool) -> Finding:
    """Another app: did it get in, were we told that we lost control, do we still have it?"""
    check = Check.SECOND_CLIENT
    if not connected:
        return proven(check, "a second app cannot connect")
    if lost:
        return proven(check, "a second app takes control, and we are told (status FF)")
    if kept:
        return proven(check, "a second app connects, and control stays with us")
    return failed(check, "a second app takes control, and we are not told")

"""What the machine's log says about who moved the belt, without a word of the product's."""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from msgspec import Struct

from backstride.domain.units import Ms, Speed
from backstride.virtual.log import Phase, Sample, Write
from backstride.virtual.machine import Machine
from backstride.virtual.model import Delay
from backstride.virtual.quirks import OnConnect

CAUSE_MS: Final[Ms] = 6_000
"""A belt begins to count down this long after what made it, at the most."""


HARMLESS: Final = frozenset({"insert key", "step on", "step off"})
"""What a person may do at a machine without taking the belt over."""


class Motion(Struct, frozen=True):
    """A belt was set in motion `at`; by us, or by somebody else."""

    at: Ms
    ours: bool
    cause: str


def is_ours(write: Write) -> bool:
    """The service wrote it, in one of its lives."""
    return write.client.startswith("client-")


def motions(machine: Machine) -> list[Motion]:
    """Every time the belt was set in motion."""
    causes = [(w.at, is_ours(w), "start") for w in machine.log.starts]
    causes += [(h.at, False, "console") for h in machine.log.find("console") if h.detail == "start"]
    if machine.model.link.on_connect is OnConnect.STARTS:
        causes += [(h.at, False, "connection") for h in machine.log.find("connected")]
    causes.sort()
    found = []
    before = Phase.REST.name
    for change in machine.log.find("phase"):
        after = change.detail
        if after == Phase.COUNTDOWN.name:
            near = [c for c in causes if change.at - CAUSE_MS <= c[0] <= change.at]
            _, ours, cause = near[-1] if near else (0, False, "unknown")
            found.append(Motion(change.at, ours, cause))
        elif after == Phase.RUNNING.name and before == Phase.STOPPING.name:
            found.append(Motion(change.at, found[-1].ours if found else False, "restart"))
        before = after
    return found


def meddling(machine: Machine) -> list[Ms]:
    """When anybody but us did something to the machine."""
    log = machine.log
    times = [w.at for w in log.writes if not is_ours(w)]
    times += [h.at for h in log.happenings if h.what == "console" and h.detail not in HARMLESS]
    times += [h.at for h in log.happenings if h.what in {"reset", "control taken"}]
    return sorted(times)


def belongs_to_us(machine: Machine) -> bool:
    """The belt moves because of our Start, and nobody else has touched the machine since."""
    moved = motions(machine)
    if not moved or not moved[-1].ours:
        return False
    return not any(at >= moved[-1].at - CAUSE_MS for at in meddling(machine))


class Track:
    """The samples of a log, to be looked up by time."""

    def __init__(self, machine: Machine) -> None:
        self._samples = machine.log.samples
        self._times = [sample.at for sample in self._samples]

    def before(self, at: Ms) -> Sample:
        """The last sample before `at`."""
        return self._samples[max(bisect_right(self._times, at - 1) - 1, 0)]

    def between(self, start: Ms, end: Ms) -> list[Sample]:
        """The samples in a stretch of time."""
        return self._samples[bisect_right(self._times, start - 1) : bisect_right(self._times, end)]


def coast(machine: Machine, speed: Speed) -> Ms:
    """How long this machine needs from `speed` to rest after a Stop took effect."""
    control = machine.model.speed
    creep = control.creep_for + 1_000 * control.creep // control.stop_deceleration
    return 1_000 * speed // control.stop_deceleration + (creep if control.creep_for else 0)


def effect_delay(machine: Machine) -> Ms:
    """The longest time between a procedure and its effect."""
    delays = machine.model.control_point.delays
    each: list[Delay] = [getattr(delays, name) for name in delays.__struct_fields__]
    return max(max(delay.effect) for delay in each)

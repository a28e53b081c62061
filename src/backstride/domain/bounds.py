"""The envelope: every limit in force for one session on one machine, folded from five layers."""

from __future__ import annotations

from msgspec import Struct

from backstride.domain import limits
from backstride.domain.limits import Caps, Layer, Limit, SiteRules
from backstride.domain.machine import Machine
from backstride.domain.units import PERCENT, Incline, Speed
from backstride.domain.walker import Walker
from backstride.domain.workout import Level, Program


class Envelope(Struct, frozen=True, kw_only=True):
    """Every limit in force for one session on one machine, each with its reasons.

    Units: speeds 0.01 km/h, inclines 0.1 %. `floor` and `increment` are the machine's grid.
    """

    speed: Limit
    incline: Limit
    backward_time: Limit
    jump: Limit
    floor: Speed
    increment: Speed
    incline_increment: Incline

    def grid(self, speed: Speed) -> Speed:
        """The highest speed of the machine's grid that is not above `speed`; never below the floor."""
        return self.floor + max(speed - self.floor, 0) // self.increment * self.increment

    def incline_grid(self, incline: Incline) -> Incline:
        """The steepest incline of the machine's grid that is not above `incline`; never below 0."""
        return max(incline, 0) // self.incline_increment * self.incline_increment


def lowest(machine: Machine) -> Speed:
    """The lowest speed that may be commanded: never 0, which is what Stop is for."""
    return machine.speed.minimum or machine.speed.increment


def envelope(
    site: SiteRules,
    machine: Machine,
    walker: Caps | None,
    program: Program | None,
    person: Walker | None = None,
) -> Envelope:
    """Fold the five layers into one envelope.

    In the walker's layer speak what the treadmill's configuration allows any `walker`, and the `person`
    who said that they walk. Without a program it is the envelope of a belt that may only be watched and
    stopped.
    """
    speed = limits.hard(limits.WALK_SPEED, "the fastest backward walk")
    if site.jog and program is not None and program.level is Level.LOCKED:
        speed = limits.hard(limits.JOG_SPEED, "the fastest backward jog")
    incline = limits.hard(limits.INCLINE, "the steepest slope that was studied")
    backward = limits.hard(limits.BACKWARD_TIME, "the longest backward session that was studied")
    for layer, caps in _layers(site, machine, walker, program, person):
        if caps is not None:
            speed = speed.tighten(caps.speed, layer, caps.reason)
            incline = incline.tighten(caps.incline, layer, caps.reason)
            backward = backward.tighten(caps.backward_time, layer, caps.reason)
    return Envelope(
        speed=speed,
        incline=incline,
        backward_time=backward,
        jump=limits.hard(limits.JUMP, "the largest change between two segments"),
        floor=lowest(machine),
        increment=machine.speed.increment,
        incline_increment=machine.incline.increment if machine.incline else PERCENT,
    )


def _layers(
    site: SiteRules,
    machine: Machine,
    walker: Caps | None,
    program: Program | None,
    person: Walker | None,
) -> list[tuple[Layer, Caps | None]]:
    """What every layer says, in the order in which they speak."""
    own = Caps(
        reason="the machine's own range",
        speed=machine.speed.maximum,
        incline=machine.incline.maximum if machine.incline else 0,
    )
    layers: list[tuple[Layer, Caps | None]] = [
        (Layer.SITE, site.caps),
        (Layer.MACHINE, own),
        (Layer.MACHINE, site.machine),
        (Layer.WALKER, walker),
        *((Layer.WALKER, caps) for caps in (person.layers if person else ())),
    ]
    if program is not None:
        author = Caps(
            reason=f"the program {program.name!r}",
            speed=program.max_speed,
            incline=program.max_incline,
        )
        layers.append((Layer.PROFILE, author))
    return layers

"""What a session adds up to: metres, time facing the rear, and an estimate of the energy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backstride.domain.energy import (
    FORWARD,
    Grams,
    Oxygen,
    energy,
    factor,
    met,
    oxygen,
    spread,
    uptake_over,
)
from backstride.domain.evidence import incline_of
from backstride.domain.session import ACTIVE, Phase, Session
from backstride.domain.units import Ms
from backstride.domain.walker import Walker
from backstride.domain.workout import Facing

BODY: Final[Grams] = 75_000
"""A walker who told no weight; energy is an estimate for them."""


class Account:
    """Follows one session after the other; what is skipped is not walked, and counts nothing."""

    def __init__(self) -> None:
        self.practice: Callable[[str], int] = lambda _: 0
        """How many sessions a walker, by id, has finished: walking backward costs less with practice."""
        self.distance: int | None = None
        """m; None until the machine has told its counter."""
        self.backward: Ms = 0
        self._uptake = 0
        self._weight: Grams = BODY
        self._backward = factor(0)
        self._present: Oxygen | None = None

    @property
    def energy(self) -> float:
        """kcal, estimated from the measured speed and incline, for the walker's weight or BODY."""
        return self.range[1]

    @property
    def range(self) -> tuple[float, float, float]:
        """The same between the lowest and the highest that it may have been, kcal."""
        estimate = spread(energy(self._uptake, self._weight))
        return estimate.low / 100, estimate.value / 100, estimate.high / 100

    @property
    def met(self) -> float | None:
        """Metabolic equivalents now, estimated; None while nobody walks."""
        return None if self._present is None else met(self._present) / 100

    def follow(self, before: Session, after: Session) -> None:
        """Add what happened between two states of the session."""
        if after.phase is Phase.ARMED and before.phase is not Phase.ARMED:
            self.distance, self.backward, self._uptake = None, 0, 0
        if after.person != before.person or after.phase is not before.phase:
            self._meet(after.person)
        self._add_time(before, after)
        seen, now = before.evidence.distance, after.evidence.distance
        if now is None or after.phase not in ACTIVE:
            return
        if self.distance is None:
            self.distance = 0
        if seen is not None and now != seen:
            # Machines begin again at 0 at each Stop or Start.
            self.distance += now - seen if now > seen else now

    def _meet(self, person: Walker | None) -> None:
        """Whose body it is: their weight, if they told it, and their practice."""
        told = None if person is None else person.weight
        self._weight = BODY if told is None else told
        self._backward = factor(0 if person is None else self.practice(person.id))

    def _add_time(self, before: Session, after: Session) -> None:
        passed = after.walked - before.walked
        if passed <= 0:
            self._present = self._present if after.evidence.moving() else None
            return
        rearward = after.facing is Facing.BACKWARD
        self.backward += passed if rearward else 0
        self._present = oxygen(
            after.evidence.speed or 0,
            max(incline_of(after.evidence, after.machine) or 0, 0),
            self._backward if rearward else FORWARD,
        )
        self._uptake += uptake_over(self._present, passed)

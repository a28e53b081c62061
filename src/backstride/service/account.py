"""What a session adds up to: metres, time facing the rear, and an estimate of the energy."""

from __future__ import annotations

from typing import Final

from backstride.domain.energy import FORWARD, energy, factor, oxygen, uptake_over
from backstride.domain.evidence import incline_of
from backstride.domain.session import ACTIVE, Phase, Session
from backstride.domain.units import Ms
from backstride.domain.workout import Facing

BODY: Final = 75_000
"""Grams of a walker who told no weight; energy is an estimate for them."""


class Account:
    """Follows one session after the other; what is skipped is not walked, and counts nothing."""

    def __init__(self) -> None:
        self.distance: int | None = None
        """m; None until the machine has told its counter."""
        self.backward: Ms = 0
        self._uptake = 0

    @property
    def energy(self) -> float:
        """kcal, estimated from the measured speed and incline."""
        return energy(self._uptake, BODY) / 100

    def follow(self, before: Session, after: Session) -> None:
        """Add what happened between two states of the session."""
        if after.phase is Phase.ARMED and before.phase is not Phase.ARMED:
            self.distance, self.backward, self._uptake = None, 0, 0
        self._add_time(before, after)
        seen, now = before.evidence.distance, after.evidence.distance
        if now is None or after.phase not in ACTIVE:
            return
        if self.distance is None:
            self.distance = 0
        if seen is not None and now != seen:
            # Machines begin again at 0 at each Stop or Start.
            self.distance += now - seen if now > seen else now

    def _add_time(self, before: Session, after: Session) -> None:
        passed = after.walked - before.walked
        if passed <= 0:
            return
        rearward = after.facing is Facing.BACKWARD
        self.backward += passed if rearward else 0
        uptake = oxygen(
            after.evidence.speed or 0,
            max(incline_of(after.evidence, after.machine) or 0, 0),
            factor(0) if rearward else FORWARD,
        )
        self._uptake += uptake_over(uptake, passed)

"""The walker's body in the payloads: heart rate and energy. Pure."""

from __future__ import annotations

from backstride.domain.ceiling import ceiling_of, heart_rate_of, source_of
from backstride.domain.heart import PULSE_AGE
from backstride.domain.session import Session
from backstride.mqtt.body import EnergyState, HeartState
from backstride.service.account import Account


def heart(s: Session) -> HeartState | None:
    """What is known of the heart; None where nobody ever measured it and no ceiling holds."""
    told = s.heart
    fresh = told.at is not None and s.now - told.at <= PULSE_AGE
    shown = HeartState(
        rate=heart_rate_of(s),
        source=source_of(s),
        ceiling=ceiling_of(s),
        over=told.held_by is not None,
        contact=told.contact if fresh else None,
        battery=told.battery,
    )
    return None if shown == HeartState() else shown


def cost(s: Session, account: Account) -> EnergyState | None:
    """What the session has cost so far, with its range; None before the first step."""
    if not s.walked:
        return None
    low, kcal, high = account.range
    return EnergyState(kcal=kcal, low=low, high=high, met=account.met)

"""What a world writes down while it is played; times are those of the machine."""

from __future__ import annotations

from msgspec import Struct

from backstride.domain.units import Ms
from safety.swarm.plan import Mishap


class Turn(Struct, frozen=True):
    """A change of phase in the life `life`."""

    at: Ms
    life: int
    before: str
    after: str
    trigger: str


class Granted(Struct, frozen=True):
    """A request that the session granted, and the client that was connected then."""

    at: Ms
    life: int
    code: str
    client: str


class Struck(Struct, frozen=True):
    """A mishap that happened."""

    at: Ms
    mishap: Mishap
    life: int
    """The process of the service that was there to see it; 0 when none was."""

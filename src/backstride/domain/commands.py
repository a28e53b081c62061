"""What can be asked of a treadmill: five procedures of the FTMS control point, and nothing else."""

from __future__ import annotations

from msgspec import Struct

from backstride.domain.units import Incline, Speed


class RequestControl(Struct, frozen=True, tag="request_control"):
    """Ask for permission to control the machine (op code 00). Moves nothing."""


class SetSpeed(Struct, frozen=True, tag="set_speed"):
    """Set the target speed of a moving belt (op code 02)."""

    target: Speed


class SetIncline(Struct, frozen=True, tag="set_incline"):
    """Set the target incline (op code 03)."""

    target: Incline


class Start(Struct, frozen=True, tag="start"):
    """Start a belt that stands still (op code 07)."""


class Stop(Struct, frozen=True, tag="stop"):
    """Stop the belt (op code 08 01). Always permitted."""


type Command = RequestControl | SetSpeed | SetIncline | Start | Stop

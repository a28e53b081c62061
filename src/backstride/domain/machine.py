"""What is known of a treadmill before it moves: identity, ranges, and what was proven on it."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from backstride.domain.units import Incline, Speed


class BeltStart(StrEnum):
    """How the belt of this machine is set in motion."""

    CONSOLE = "console"
    """The walker presses Start on the console; Backstride takes over the slow belt."""
    REMOTE = "remote"
    """Backstride sends FTMS Start. Only for machines whose commissioning proved it."""


class SpeedRange(Struct, frozen=True):
    """The machine's own speeds (characteristic 2AD4), in 0.01 km/h."""

    minimum: Speed
    maximum: Speed
    increment: Speed


class InclineRange(Struct, frozen=True):
    """The machine's own inclines (characteristic 2AD5), in 0.1 %."""

    minimum: Incline
    maximum: Incline
    increment: Incline


class Machine(Struct, frozen=True, kw_only=True):
    """One treadmill as its radio describes it, checked for sense by the adapter.

    `incline` is None when the machine cannot set one. The `reports_*` flags say which telemetry
    fields its features promise; a field that is promised but never comes stays unknown.
    `fingerprint` is stable over reconnections: model, serial number, features and ranges.
    """

    address: str
    name: str | None
    fingerprint: str
    speed: SpeedRange
    incline: InclineRange | None
    belt_start: BeltStart
    reports_incline: bool = False
    reports_distance: bool = False
    reports_elapsed: bool = False
    reports_heart_rate: bool = False
    reports_steps: bool = False

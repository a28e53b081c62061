"""What a machine offers and what limits it: parts of the payload of `info`."""

from __future__ import annotations

from msgspec import Struct


class LimitInfo(Struct, frozen=True, kw_only=True):
    """A limit in force: its value, who set it and why."""

    value: float
    unit: str
    layer: str
    reason: str


class RangeInfo(Struct, frozen=True, kw_only=True):
    """What the machine itself offers."""

    minimum: float
    maximum: float
    increment: float


class MachineInfo(Struct, frozen=True, kw_only=True):
    """The treadmill as its radio describes it. Speeds in km/h, inclines in %."""

    name: str | None
    address: str
    fingerprint: str
    speed: RangeInfo
    incline: RangeInfo | None
    belt_start: str

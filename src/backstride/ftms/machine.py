"""From raw characteristics to a `Machine`: what is believed, what is doubted, what is refused."""

from __future__ import annotations

from typing import Final

import structlog
from bleak.backends.device import BLEDevice

from backstride.domain.machine import BeltStart, InclineRange, Machine
from backstride.ftms.errors import RangeError
from backstride.ftms.features import (
    Features,
    Identity,
    decode_features,
    decode_incline_range,
    decode_speed_range,
)
from backstride.ftms.rejections import Rejected

_LOG: Final = structlog.get_logger("backstride.ftms")


def describe(device: BLEDevice, identity: Identity, belt_start: BeltStart) -> Machine:
    """Judge what a machine says of itself.

    Without readable features nothing is promised but speed. Without a sensible speed range the
    machine is refused; without a declared target and a sensible range its incline is not used.

    Raises:
        RangeError: the speed range makes no sense.
    """
    speed = decode_speed_range(identity.speed_range)
    if isinstance(speed, Rejected):
        raise RangeError(
            f"{device.address} reports the speed range {identity.speed_range.hex(' ') or 'empty'},"
            " which makes no sense, so it is not controlled"
        )
    features = decode_features(identity.features)
    if isinstance(features, Rejected):
        _LOG.warning(
            "features unreadable", address=device.address, frame=identity.features.hex(" ")
        )
        features = Features(sets_speed=True)
    if not features.sets_speed:
        _LOG.warning("speed target not declared", address=device.address)
    return Machine(
        address=device.address,
        name=device.name,
        fingerprint=identity.fingerprint,
        speed=speed,
        incline=_incline(device, features, identity),
        belt_start=belt_start,
        reports_incline=features.reports_incline,
        reports_distance=features.reports_distance,
        reports_elapsed=features.reports_elapsed,
        reports_heart_rate=features.reports_heart_rate,
        reports_steps=features.reports_steps,
    )


def _incline(device: BLEDevice, features: Features, identity: Identity) -> InclineRange | None:
    if not features.sets_incline:
        return None
    incline = decode_incline_range(identity.incline_range)
    if isinstance(incline, Rejected):
        # JTX: all zero although it works. Not worth the machines that then go to their maximum.
        _LOG.warning(
            "incline range senseless", address=device.address, frame=identity.incline_range.hex(" ")
        )
        return None
    return incline

"""What an error of the radio says about what is at fault."""

from __future__ import annotations

import pytest
from bleak.exc import BleakDBusError, BleakGATTProtocolError

from backstride.ftms.care import judge
from backstride.ftms.errors import (
    AmbiguousError,
    ConnectError,
    NotATreadmillError,
    NotFoundError,
    RadioError,
    RangeError,
    ReadError,
    SubscribeError,
)
from backstride.ftms.gatt import demands_pairing
from backstride.ftms.healing import Fault

NOT_PAIRED = BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"])


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (BleakGATTProtocolError(0x05), True),
        (BleakGATTProtocolError(0x0F), True),
        (NOT_PAIRED, True),
        (BleakDBusError("org.bluez.Error.NotPermitted", ["Not connected"]), False),
        (BleakDBusError("org.bluez.Error.NotPermitted", []), False),
        (BleakGATTProtocolError(0x0E), False),
        (TimeoutError(), False),
        (None, False),
    ],
)
def test_a_demand_for_encryption_is_told_from_other_refusals(fault, expected):
    assert demands_pairing(fault) is expected


@pytest.mark.parametrize(
    ("error", "cause", "expected"),
    [
        (RadioError("off"), None, Fault.RADIO),
        (NotFoundError("not heard"), None, Fault.UNHEARD),
        (AmbiguousError("two"), None, Fault.UNHEARD),
        (ConnectError("no"), None, Fault.UNREACHED),
        (NotATreadmillError("no"), None, Fault.FOREIGN),
        (ReadError("no"), TimeoutError(), Fault.MUTE),
        (ReadError("no"), BleakGATTProtocolError(0x05), Fault.REFUSED),
        (SubscribeError("no"), NOT_PAIRED, Fault.REFUSED),
        (RangeError("nonsense"), None, None),
    ],
)
def test_each_failure_has_its_fault(error, cause, expected):
    error.__cause__ = cause
    assert judge(error, heard=True) is expected


def test_a_machine_that_was_not_heard_is_not_at_fault_when_it_cannot_be_reached():
    assert judge(ConnectError("no"), heard=False) is Fault.UNHEARD

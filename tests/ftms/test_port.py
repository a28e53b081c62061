from __future__ import annotations

import inspect

from backstride import ports
from backstride.ftms.discovery import OnlyOne
from backstride.ftms.treadmill import BleakTreadmill


def test_the_adapter_is_a_treadmill_of_the_port(hand_clock):
    treadmill: ports.Treadmill = BleakTreadmill(OnlyOne(), clock=hand_clock)
    for name in ("run", "execute"):
        promised = inspect.signature(getattr(ports.Treadmill, name))
        assert inspect.signature(getattr(type(treadmill), name)) == promised


def test_the_ages_of_a_treadmill_that_was_never_connected_are_unknown(hand_clock):
    treadmill = BleakTreadmill(OnlyOne(), clock=hand_clock)
    assert treadmill.ages(0) == {}
    assert treadmill.counts == {}
    assert treadmill.trouble == "the treadmill is being looked for"

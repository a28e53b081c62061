from __future__ import annotations

from bleak.backends.device import BLEDevice

from backstride.ftms.radio import adapter_of

ADDRESS = "C0:00:00:00:00:01"


def test_the_adapter_of_a_device_is_in_the_path_of_its_object():
    path = "/org/bluez/hci1/dev_C0_00_00_00_00_01"
    assert adapter_of(BLEDevice(ADDRESS, None, {"path": path})) == "hci1"


def test_a_device_of_another_platform_has_no_adapter():
    assert adapter_of(BLEDevice(ADDRESS, None, object())) == ""
    assert adapter_of(BLEDevice(ADDRESS, None, {})) == ""

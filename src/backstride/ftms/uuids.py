"""The Bluetooth names of what Backstride uses: FTMS 1.0, device information, heart rate and battery."""

from __future__ import annotations

from typing import Final

_BASE: Final = "0000{:04x}-0000-1000-8000-00805f9b34fb"


def _full(short: int) -> str:
    return _BASE.format(short)


FITNESS_MACHINE: Final = _full(0x1826)
FEATURE: Final = _full(0x2ACC)
TREADMILL_DATA: Final = _full(0x2ACD)
TRAINING_STATUS: Final = _full(0x2AD3)
SPEED_RANGE: Final = _full(0x2AD4)
INCLINE_RANGE: Final = _full(0x2AD5)
CONTROL_POINT: Final = _full(0x2AD9)
MACHINE_STATUS: Final = _full(0x2ADA)

DEVICE_INFORMATION: Final = _full(0x180A)
MODEL: Final = _full(0x2A24)
SERIAL_NUMBER: Final = _full(0x2A25)
MANUFACTURER: Final = _full(0x2A29)

HEART_RATE: Final = _full(0x180D)
HEART_RATE_MEASUREMENT: Final = _full(0x2A37)
BODY_SENSOR_LOCATION: Final = _full(0x2A38)
BATTERY: Final = _full(0x180F)
BATTERY_LEVEL: Final = _full(0x2A19)

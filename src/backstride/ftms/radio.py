"""Which Bluetooth is used: the platform's own, or backends that are plugged in (the virtual radio)."""

from __future__ import annotations

from collections.abc import Callable

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from msgspec import Struct

type Heard = Callable[[BLEDevice, AdvertisementData], None]


class Radio(Struct, frozen=True, kw_only=True):
    """A way to the air. `client` and `scanner` replace bleak's backends; None means the platform's.

    `adapter` is the host's Bluetooth adapter, such as `hci1`.
    """

    client: type[BaseBleakClient] | None = None
    scanner: type[BaseBleakScanner] | None = None
    adapter: str | None = None

    @property
    def is_platform(self) -> bool:
        """True when the connection goes over the host's own Bluetooth (BlueZ on Linux)."""
        return self.client is None

    def make_scanner(self, heard: Heard, adapter: str | None = None) -> BleakScanner:
        """A scanner that reports each advertisement to `heard` once it is started.

        `adapter` replaces the radio's own.
        """
        adapter = adapter or self.adapter
        bluez = BlueZScannerArgs(adapter=adapter) if adapter else BlueZScannerArgs()
        return BleakScanner(heard, backend=self.scanner, bluez=bluez)

    def make_client(
        self, device: BLEDevice, gone: Callable[[BleakClient], None], timeout_s: float
    ) -> BleakClient:
        """A client for one connection; `gone` is called when the connection is lost."""
        bluez = BlueZClientArgs(adapter=self.adapter) if self.adapter else BlueZClientArgs()
        return BleakClient(device, gone, timeout=timeout_s, bluez=bluez, backend=self.client)


def adapter_of(device: BLEDevice) -> str:
    """The name of the adapter that met a device, such as hci0; empty where there is no such thing.

    It is in the path of the device's object in BlueZ: /org/bluez/hci0/dev_C0_00_00_00_00_01.
    """
    details = device.details
    path = str(details.get("path", "")) if isinstance(details, dict) else ""
    return path.rsplit("/", 2)[-2] if path.count("/") > 1 else ""

"""Which Bluetooth is used: the platform's own, or backends that are plugged in (the virtual radio)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak_retry_connector import clear_cache, close_stale_connections_by_address, get_device
from msgspec import Struct

type Heard = Callable[[BLEDevice, AdvertisementData], None]


class Radio(Struct, frozen=True, kw_only=True):
    """A way to the air. `client` and `scanner` replace bleak's backends; None means the platform's.

    `adapter` is the host's Bluetooth adapter, such as `hci1`; `pair` asks for a pairing before the
    connection, which machines that insist on the encryption of FTMP 1.0, 6.1 need once.
    """

    client: type[BaseBleakClient] | None = None
    scanner: type[BaseBleakScanner] | None = None
    adapter: str | None = None
    pair: bool = False

    @property
    def is_platform(self) -> bool:
        """True when the connection goes over the host's own Bluetooth (BlueZ on Linux)."""
        return self.client is None

    def make_scanner(self, heard: Heard) -> BleakScanner:
        """A scanner that reports each advertisement to `heard` once it is started."""
        bluez = BlueZScannerArgs(adapter=self.adapter) if self.adapter else BlueZScannerArgs()
        return BleakScanner(heard, backend=self.scanner, bluez=bluez)

    def make_client(
        self, device: BLEDevice, gone: Callable[[BleakClient], None], timeout_s: float
    ) -> BleakClient:
        """A client for one connection; `gone` is called when the connection is lost."""
        bluez = BlueZClientArgs(adapter=self.adapter) if self.adapter else BlueZClientArgs()
        return BleakClient(
            device, gone, timeout=timeout_s, pair=self.pair, bluez=bluez, backend=self.client
        )

    async def recall(self, address: str) -> BLEDevice | None:
        """The device from the platform's memory: a ghost connection does not advertise."""
        if not self.is_platform or self.adapter is not None:
            return None  # the memory does not tell which adapter it speaks of
        with suppress(Exception):  # BlueZ absent or restarting; scanning will say so better
            return await get_device(address)
        return None

    async def forget(self, address: str) -> None:
        """Drop what the platform cached of the device: after a GATT timeout it may be wrong.

        A paired device is left alone, because BlueZ would forget its key as well.
        """
        if self.is_platform:
            with suppress(Exception):
                device = await get_device(address)
                if device is not None and not device.details.get("props", {}).get("Paired"):
                    await clear_cache(address)

    async def end_ghosts(self, address: str) -> None:
        """Disconnect connections to the device that an earlier process left behind."""
        if self.is_platform:
            with suppress(Exception):
                await close_stale_connections_by_address(address)

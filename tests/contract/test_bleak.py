"""What we rely on in bleak: that a backend can be plugged in, and how it calls it."""

from __future__ import annotations

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import (
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from backstride.ftms import uuids
from backstride.ftms.radio import Radio
from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_virtual
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine

DEVICE = BLEDevice("C0:00:00:00:00:01", "Pad", {})


@pytest.fixture
def made():
    return []


@pytest.fixture
def client_backend(made):
    class Backend(BaseBleakClient):
        def __init__(self, address_or_ble_device, **options):
            made.append((address_or_ble_device, options))
            super().__init__(
                address_or_ble_device,
                disconnected_callback=options["disconnected_callback"],
                timeout=options["timeout"],
            )

        mtu_size = 23
        is_connected = True

        async def connect(self, pair, **kwargs):
            made.append(("connect", pair, kwargs))

        async def disconnect(self):
            self._disconnected_callback()

        async def _nothing(self, *_args, **_kwargs):
            raise AssertionError

        pair = unpair = read_gatt_char = read_gatt_descriptor = _nothing
        write_gatt_char = write_gatt_descriptor = start_notify = stop_notify = _nothing

    return Backend


def test_a_client_takes_a_backend_and_passes_on_what_we_say(client_backend, made):
    """If `backend=` went away, the virtual radio could not be plugged in any more."""
    gone = []
    radio = Radio(client=client_backend, adapter="hci1")
    client = radio.make_client(DEVICE, gone.append, 12.5)

    async def story():
        await client.connect()
        await client.disconnect()

    run_virtual(story())
    (device, options), connected = made
    assert device is DEVICE
    assert options["timeout"] == 12.5
    assert options["bluez"] == {"adapter": "hci1"}
    assert connected == ("connect", False, {})
    assert gone == [client]
    assert client.backend_id == "Backend"


def test_a_scanner_takes_a_backend_and_calls_back_for_each_advertisement():
    """If the callback were batched or delayed, finding would be slower, not wrong."""
    heard = []

    class Backend(BaseBleakScanner):
        def __init__(self, detection_callback, service_uuids, scanning_mode, **options):
            assert (service_uuids, scanning_mode) == (None, "active")
            assert options["bluez"] == {"adapter": "hci1"}
            super().__init__(detection_callback, service_uuids)

        async def start(self):
            self.call_detection_callbacks(DEVICE, "advertisement")

        async def stop(self):
            heard.append("stopped")

    async def story():
        scanner = Radio(scanner=Backend, adapter="hci1").make_scanner(
            lambda device, said: heard.append((device, said))
        )
        await scanner.start()
        await scanner.stop()

    run_virtual(story())
    assert heard == [(DEVICE, "advertisement"), "stopped"]


def test_without_a_backend_the_platforms_own_is_used():
    """`backend=None` must mean "yours": that is how the daemon runs on BlueZ."""
    assert Radio().is_platform
    device = BLEDevice(DEVICE.address, None, {"path": "/org/bluez/hci0/dev_C0", "props": {}})
    assert type(BleakClient(device, backend=None)._backend).__name__ == "BleakClientBlueZDBus"
    assert type(BleakScanner(backend=None)._backend).__name__ == "BleakScannerBlueZDBus"


def test_notifications_arrive_in_the_callback_with_their_characteristic_and_are_not_tasks():
    """If callbacks became tasks, the order of frames would no longer be that of the air."""
    order = []

    async def story():
        air = LoopbackAir()
        machine = Machine(load_machine("ideal"))
        pump = await air.serve(machine)
        async with BleakClient(
            BLEDevice(machine.address, None, {}), backend=air.client_backend()
        ) as client:

            def heard(characteristic, data):
                assert isinstance(data, bytearray)
                order.append(characteristic.uuid)

            await client.start_notify(uuids.MACHINE_STATUS, heard)
            pump.act(lambda m, now: m.console.press_start(now))
            assert order == [uuids.MACHINE_STATUS]
        await air.close()

    run_virtual(story())


def test_a_protocol_error_carries_its_code():
    """If 0xFE came as another error, a Stop that meets a busy machine would not be repeated."""
    error = BleakGATTProtocolError(0xFE)
    assert error.code is BleakGATTProtocolErrorCode.PROCEDURE_ALREADY_IN_PROGRESS
    assert isinstance(error, BleakError)


def test_on_bluez_a_refused_write_is_a_protocol_error_too():
    """BlueZ reports ATT errors as text; if bleak stopped reading it, 0xFE would go unnoticed."""
    from bleak.backends.bluezdbus.utils import assert_gatt_reply
    from dbus_fast.constants import MessageType
    from dbus_fast.message import Message

    reply = Message(
        message_type=MessageType.ERROR,
        reply_serial=1,
        error_name="org.bluez.Error.Failed",
        signature="s",
        body=["Operation failed with ATT error: 0xfe"],
    )
    with pytest.raises(BleakGATTProtocolError) as raised:
        assert_gatt_reply(reply)
    assert raised.value.code == 0xFE
    assert not isinstance(raised.value, BleakDBusError)

"""A machine on a Bumble transport as with a dongle, and in real and accelerated time."""

import asyncio
import socket
import time

import pytest
from bleak import BleakClient
from bumble import hci
from bumble.controller import Controller
from bumble.core import UUID
from bumble.device import Device, Peer
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket

from backstride.virtual.catalogue import load_machine
from backstride.virtual.clock import run_accelerated, run_virtual
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.peripheral import serve_on_transport
from backstride.virtual.radio import Air


async def read_feature_over_tcp() -> bytes:
    """A controller behind a TCP transport stands for the dongle; a central on the same air reads."""
    link = LocalLink()
    machine = Machine(load_machine("citysports"))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    dongle = await open_tcp_server_transport_with_socket(listener)
    Controller("dongle", host_source=dongle.source, host_sink=dongle.sink, link=link)
    near = Controller("central", link=link)
    central = Device(
        name="central",
        address=hci.Address("C0:00:00:00:00:01"),
        host=Host(near, AsyncPipeSink(near)),
    )
    port = listener.getsockname()[1]
    async with serve_on_transport(machine, f"tcp-client:127.0.0.1:{port}"):
        await central.power_on()
        connection = await central.connect_le(hci.Address(machine.address), timeout=5)
        peer = Peer(connection)
        await peer.discover_services()
        await peer.discover_characteristics()
        (feature,) = peer.get_characteristics_by_uuid(UUID.from_16_bits(0x2ACC))
        value = await feature.read_value()
        await connection.disconnect()
        await central.power_off()
    dongle.server.close()
    await dongle.close()
    return bytes(value)


def test_a_machine_is_served_on_a_transport():
    value = run_accelerated(asyncio.wait_for(read_feature_over_tcp(), 20), 1)
    assert value == bytes.fromhex("44 12 00 00 01 00 00 00")


@pytest.mark.parametrize("air", [Air, LoopbackAir])
def test_a_run_in_accelerated_real_time(air):
    async def run() -> tuple[int, int]:
        ether = air()
        machine = Machine(load_machine("ideal"))
        await ether.serve(machine)
        heard = []
        async with BleakClient(machine.address, backend=ether.client_backend()) as client:
            await client.start_notify("2acd", lambda _, data: heard.append(bytes(data)))
            await client.start_notify("2ad9", lambda *_: None)
            await client.write_gatt_char("2ad9", b"\x00")
            await asyncio.sleep(0.5)
            await client.write_gatt_char("2ad9", b"\x07")
            await asyncio.sleep(20)
        await ether.close()
        return len(heard), machine.drive.belt.value

    began = time.monotonic()
    frames, speed = run_accelerated(run(), 20)
    assert time.monotonic() - began < 5
    assert frames in range(19, 22)
    assert speed == 80


def test_a_session_of_twenty_minutes_at_5_hz_takes_seconds():
    async def run() -> int:
        ether = LoopbackAir()
        machine = Machine(load_machine("citysports"))
        await ether.serve(machine)
        heard = []
        async with BleakClient(machine.address, backend=ether.client_backend()) as client:
            await client.start_notify("2acd", lambda _, data: heard.append(data))
            await asyncio.sleep(1_200)
        await ether.close()
        return len(heard)

    began = time.monotonic()
    assert run_virtual(run()) in (6_000, 6_001)
    assert time.monotonic() - began < 5

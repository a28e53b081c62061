"""A plain BleakClient over both virtual backends: what the product relies on, and how it fails."""

import asyncio

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak_retry_connector import establish_connection

from backstride.virtual.catalogue import list_machines, load_machine
from backstride.virtual.fault_script import plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import Phase
from backstride.virtual.loopback import LoopbackAir
from backstride.virtual.machine import Machine
from backstride.virtual.radio import Air

AIRS = pytest.mark.parametrize("air", ["loopback", "bumble"])
CONTROL_POINT = "2ad9"


def make_air(kind: str) -> Air | LoopbackAir:
    return Air() if kind == "bumble" else LoopbackAir()


@AIRS
@pytest.mark.parametrize("name", list_machines())
async def test_every_machine_can_be_read_started_and_stopped(rig, air, name):
    model = load_machine(name)
    async with rig(name, air=air) as r:
        assert await r.client.read_gatt_char("2acc") == bytearray(model.features)
        assert len(await r.client.read_gatt_char("2ad4")) == 6
        if model.incline is not None:
            assert len(await r.client.read_gatt_char("2ad5")) == 6
        r.pump.act(lambda m, now: m.console.press_start(now))
        await asyncio.sleep(12)
        if name == "trx3500":
            await r.order("00")
            await r.order("07")
            await asyncio.sleep(5)
        assert r.machine.log.top_speed > 0
        await r.order("00")
        await r.order("00")
        if name != "sole-f65":
            await r.order("02 96 00")
        answer = await r.order("08 01")
        assert answer == bytes.fromhex("80 08 01")
        await asyncio.sleep(15)
        assert r.machine.drive.belt.value == 0
        if name != "yesoul-mute":
            assert len(r.frames[Uuid.TREADMILL_DATA]) > 10


async def record(rig, air, name) -> list[tuple[int, str, bytes]]:
    """A short run at fixed times of a half minute; everything that a client hears."""
    loop = asyncio.get_running_loop()
    began = (loop.time() // 30 + 1) * 30
    await asyncio.sleep(began - 1 - loop.time())
    heard = []
    async with rig(name, air=air, latency_ms=0, subscribe=False) as r:
        for characteristic in r.machine.characteristics:
            if {"notify", "indicate"} & set(characteristic.properties):
                uuid = characteristic.uuid
                await r.client.start_notify(
                    f"{uuid:04x}",
                    lambda _, data, uuid=uuid: heard.append(
                        (round((loop.time() - began) * 1_000), uuid.name, bytes(data))
                    ),
                )
        orders = {0.05: "00", 0.3: "00", 0.6: "07", 0.9: "07", 9: "02 C8 00", 12: "08 01"}
        for at, text in orders.items():
            await asyncio.sleep(began + at - loop.time())
            await r.write(text)
        await asyncio.sleep(began + 17.01 - loop.time())
    return [item for item in heard if item[0] >= 0]


# horizon-74 starts when a client connects, and a connection takes longer over Bluetooth.
@pytest.mark.parametrize("name", [name for name in list_machines() if name != "horizon-74"])
async def test_loopback_and_bumble_give_the_same_bytes_at_the_same_times(rig, name):
    over_loopback = await record(rig, "loopback", name)
    over_bumble = await record(rig, "bumble", name)
    assert len(over_loopback) > 3
    assert over_bumble == over_loopback


@AIRS
async def test_the_scanner_hears_name_service_and_service_data(air):
    ether = make_air(air)
    machine = Machine(load_machine("citysports"))
    await ether.serve(machine)
    found = await BleakScanner.discover(1, return_adv=True, backend=ether.scanner_backend())
    device, heard = found[machine.address]
    assert (device.name, heard.local_name) == ("CITYSPORTS-Linker", "CITYSPORTS-Linker")
    uuid = "00001826-0000-1000-8000-00805f9b34fb"
    assert heard.service_uuids == [uuid]
    assert heard.service_data == {uuid: b"\x01\x01\x00"}
    await ether.close()


@AIRS
async def test_the_scanner_hears_a_machine_without_a_name(air):
    ether = make_air(air)
    machine = Machine(load_machine("omega-z"))
    await ether.serve(machine)
    device = await BleakScanner.find_device_by_filter(
        lambda _device, heard: heard.local_name is None and bool(heard.service_data),
        backend=ether.scanner_backend(),
    )
    assert device is not None
    assert device.address == machine.address
    await ether.close()


@AIRS
async def test_a_connected_machine_is_not_heard(rig, air):
    async with rig("citysports", air=air) as r:
        found = await BleakScanner.discover(2, backend=r.air.scanner_backend())
        assert found == []


@AIRS
async def test_neighbours_with_the_same_name_have_their_own_addresses(air):
    ether = make_air(air)
    machines = [Machine(load_machine("ideal"), address=f"C0:00:00:00:00:0{n}") for n in range(1, 4)]
    for machine in machines:
        await ether.serve(machine)
    found = await BleakScanner.discover(1, backend=ether.scanner_backend())
    assert sorted(device.address for device in found) == [m.address for m in machines]
    clients = [BleakClient(m.address, backend=ether.client_backend()) for m in machines]
    await asyncio.gather(*(client.connect() for client in clients))
    await clients[1].start_notify(CONTROL_POINT, lambda *_: None)
    await clients[1].write_gatt_char(CONTROL_POINT, b"\x00")
    assert [bool(machine.log.writes) for machine in machines] == [False, True, False]
    for client in clients:
        await client.disconnect()
    await ether.close()


@AIRS
async def test_two_machines_with_one_address_are_a_mistake(air):
    ether = make_air(air)
    await ether.serve(Machine(load_machine("ideal")))
    with pytest.raises(ValueError, match="two machines"):
        await ether.serve(Machine(load_machine("ideal")))
    await ether.close()


@AIRS
async def test_a_refused_write_is_a_protocol_error_with_its_code(rig, air):
    async with rig("ideal", air=air) as r:
        await r.write("00")
        with pytest.raises(BleakGATTProtocolError) as error:
            await r.write("07")
        assert error.value.code == 0xFE


@AIRS
async def test_a_write_before_the_subscription_is_a_protocol_error(rig, air):
    async with rig("ideal", air=air, subscribe=False) as r:
        with pytest.raises(BleakGATTProtocolError) as error:
            await r.write("00")
        assert error.value.code == 0xFD


@AIRS
async def test_a_write_request_to_a_machine_that_takes_only_commands_is_refused(rig, air):
    async with rig("urevo-e1l", air=air) as r:
        with pytest.raises(BleakGATTProtocolError) as error:
            await r.client.write_gatt_char(CONTROL_POINT, b"\x00", response=True)
        assert error.value.code == 0x03
        await r.client.write_gatt_char(CONTROL_POINT, b"\x00", response=False)
        assert await asyncio.wait_for(r.answers.get(), 3) == bytes.fromhex("80 00 01")


@AIRS
async def test_a_refused_write_command_is_silent(rig, air):
    async with rig("ideal", air=air) as r:
        await r.client.write_gatt_char(CONTROL_POINT, b"\x00", response=False)
        await r.client.write_gatt_char(CONTROL_POINT, b"\x07", response=False)
        await asyncio.sleep(1)
        assert [write.att_error for write in r.machine.log.writes] == [None, 0xFE]


@AIRS
async def test_notifications_end_with_stop_notify(rig, air):
    async with rig("ideal", air=air) as r:
        await asyncio.sleep(5)
        await r.client.stop_notify("2acd")
        seen = len(r.frames[Uuid.TREADMILL_DATA])
        await asyncio.sleep(5)
        assert seen >= 4
        assert len(r.frames[Uuid.TREADMILL_DATA]) == seen
        await r.client.start_notify("2acd", r.keep)
        await asyncio.sleep(5)
        assert len(r.frames[Uuid.TREADMILL_DATA]) in (seen + 4, seen + 5)


@AIRS
async def test_a_lost_link_calls_back_and_ends_every_operation(rig, air):
    async with rig("ideal", air=air) as r:
        await r.air.set_in_range(r.machine.address, in_range=False)
        await asyncio.wait_for(r.lost.wait(), 5)
        assert not r.client.is_connected
        with pytest.raises(BleakError):
            await r.write("00")
        with pytest.raises(BleakError):
            await r.client.read_gatt_char("2acc")
        assert r.machine.clients == ()


@AIRS
async def test_an_operation_under_way_fails_when_the_link_is_lost(rig, air):
    async with rig("ideal", air=air) as r:
        reads = [asyncio.create_task(r.client.read_gatt_char("2acc")) for _ in range(100)]
        await asyncio.sleep(0)
        await r.air.set_in_range(r.machine.address, in_range=False)
        outcomes = await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), 5)
        assert isinstance(outcomes[-1], BleakError)


@AIRS
async def test_a_machine_out_of_range_times_out_and_can_be_found_again(rig, air):
    async with rig("ideal", air=air) as r:
        await r.air.set_in_range(r.machine.address, in_range=False)
        await asyncio.wait_for(r.lost.wait(), 5)
        again = BleakClient(r.machine.address, backend=r.air.client_backend(), timeout=4)
        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(TimeoutError):
            await again.connect()
        assert loop.time() - began == pytest.approx(4, abs=0.01)
        await r.air.set_in_range(r.machine.address, in_range=True)
        await again.connect()
        assert again.is_connected
        await again.disconnect()


@AIRS
async def test_a_connection_attempt_succeeds_when_the_machine_appears(rig, air):
    async with rig("ideal", air=air) as r:
        await r.air.set_in_range(r.machine.address, in_range=False)
        again = BleakClient(r.machine.address, backend=r.air.client_backend(), timeout=20)
        connecting = asyncio.create_task(again.connect())
        await asyncio.sleep(5)
        assert not connecting.done()
        await r.air.set_in_range(r.machine.address, in_range=True)
        await asyncio.wait_for(connecting, 2)
        await again.disconnect()


@AIRS
async def test_nobody_has_this_address(air):
    ether = make_air(air)
    await ether.serve(Machine(load_machine("ideal")))
    client = BleakClient("C0:00:00:00:00:99", backend=ether.client_backend(), timeout=2)
    with pytest.raises(BleakDeviceNotFoundError):
        await client.connect()
    await ether.close()


@AIRS
async def test_disconnecting_calls_back_too_as_bluez_does(rig, air):
    async with rig("ideal", air=air) as r:
        await r.client.disconnect()
        assert r.lost.is_set()
        await r.client.disconnect()
        await asyncio.sleep(1)
        assert [h.what for h in r.machine.log.happenings[:2]] == ["connected", "disconnected"]


@AIRS
async def test_connecting_twice_is_an_error(rig, air):
    async with rig("ideal", air=air) as r:
        with pytest.raises(BleakError, match="already connected"):
            await r.client.connect()


@AIRS
async def test_a_second_client_takes_control(rig, air):
    async with rig("ideal", air=air) as r:
        await r.order("00")
        phone = BleakClient(r.machine.address, backend=r.air.client_backend())
        await phone.connect()
        await phone.start_notify(CONTROL_POINT, lambda *_: None)
        await phone.write_gatt_char(CONTROL_POINT, b"\x00")
        await asyncio.sleep(1)
        assert r.frames[Uuid.MACHINE_STATUS] == [b"\xff"]
        assert await r.order("02 64 00") == bytes.fromhex("80 02 05")
        await phone.disconnect()


@AIRS
async def test_a_ghost_keeps_the_next_client_out_for_a_while(rig, air):
    async with rig("domyos", air=air) as r:
        await asyncio.wait_for(r.lost.wait(), 25)
        again = BleakClient(r.machine.address, backend=r.air.client_backend(), timeout=5)
        with pytest.raises((BleakError, TimeoutError)):
            await again.connect()
        await asyncio.sleep(1)
        await again.connect()
        assert await again.read_gatt_char("2acc")
        await again.disconnect()


@AIRS
async def test_the_retry_connector_works_with_the_backend(rig, air):
    async with rig("ideal", air=air) as r:
        scanner = r.air.scanner_backend()
        device = await BleakScanner.find_device_by_address(r.machine.address, backend=scanner)
        client = await establish_connection(
            BleakClient, device, "Ideal", max_attempts=2, backend=r.air.client_backend()
        )
        assert client.is_connected
        await client.disconnect()


@AIRS
async def test_an_encrypted_machine_can_be_controlled(rig, air):
    async with rig("encrypted", air=air) as r:
        assert await r.order("00") == bytes.fromhex("80 00 01")


@AIRS
async def test_a_whole_run_is_the_same_each_time(rig, air):
    async def run():
        async with rig("citysports", air=air) as r:
            await r.order("07")
            await asyncio.sleep(5)
            await r.order("02 C8 00")
            await asyncio.sleep(20)
            await r.order("08 01")
            await asyncio.sleep(10)
            began = r.machine.log.happenings[0].at
            return [(sent.at - began, sent.data) for sent in r.machine.log.sent]

    first = await run()
    assert len(first) > 150
    # Ticks are phase-locked to the clock, so the second run starts at another phase of a second.
    second = await run()
    assert [data for _, data in first if data[0] == 0x80] == [
        data for _, data in second if data[0] == 0x80
    ]


@AIRS
async def test_faults_work_over_the_air(air):
    ether = make_air(air)
    machine = Machine(load_machine("ideal"))
    faults = Faults(machine)
    plan_script(faults, "2 s after connect: disconnect for 3 s")
    await ether.serve(machine, faults)
    lost = asyncio.Event()
    client = BleakClient(
        machine.address, backend=ether.client_backend(), disconnected_callback=lambda _: lost.set()
    )
    await client.connect()
    await asyncio.wait_for(lost.wait(), 3)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client.connect()
    assert loop.time() - began == pytest.approx(3, abs=0.3)
    assert machine.drive.phase is Phase.REST
    await client.disconnect()
    await ether.close()

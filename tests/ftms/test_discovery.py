from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakBluetoothNotAvailableError, BleakBluetoothNotAvailableReason

from backstride.ftms.discovery import (
    ByAddress,
    ByName,
    Candidate,
    Evidence,
    OnlyOne,
    find,
    judge,
    parse_target,
    scan,
    show_target,
)
from backstride.ftms.errors import AmbiguousError, NotFoundError, RadioError
from backstride.ftms.radio import Radio
from backstride.ftms.uuids import FITNESS_MACHINE
from backstride.ftms.waits import Waits
from backstride.virtual.loopback import LoopbackAir

WAITS = Waits()
OTHER = "C0:00:00:00:00:02"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        (None, OnlyOne()),
        ("", OnlyOne()),
        ("any", OnlyOne()),
        (" Any ", OnlyOne()),
        ("aa:bb:cc:dd:ee:0f", ByAddress("AA:BB:CC:DD:EE:0F")),
        (
            "12345678-1234-1234-1234-123456789abc",
            ByAddress("12345678-1234-1234-1234-123456789ABC"),
        ),
        ("CITYSPORTS-Linker", ByName("CITYSPORTS-Linker")),
        ("aa:bb:cc", ByName("aa:bb:cc")),
    ],
)
def test_a_target_is_an_address_a_name_or_any(text, target):
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (OnlyOne(), "a treadmill"),
        (ByName("Pad"), "the treadmill named 'Pad'"),
        (ByAddress(OTHER), f"the treadmill with address {OTHER}"),
    ],
)
def test_a_target_can_be_named_to_a_person(target, text):
    assert show_target(target) == text


def advertisement(data=None, *, services=()):
    return AdvertisementData(
        local_name=None,
        manufacturer_data={},
        service_data={} if data is None else {FITNESS_MACHINE: bytes.fromhex(data)},
        service_uuids=list(services),
        tx_power=None,
        rssi=-60,
        platform_data=(),
    )


@pytest.mark.parametrize(
    ("data", "services", "evidence"),
    [
        ("01 01 00", [FITNESS_MACHINE], Evidence.SAYS_SO),
        ("01 01", [], Evidence.SAYS_SO),
        ("01 00 01", [], Evidence.SAYS_SO),
        ("00 01 00", [FITNESS_MACHINE], Evidence.SAYS_SO),
        ("01 01 00 00", [], Evidence.SAYS_SO),
        ("01 20 00", [FITNESS_MACHINE], None),
        ("", [FITNESS_MACHINE], None),
        (None, [FITNESS_MACHINE], Evidence.FITNESS_MACHINE),
        (None, [], None),
    ],
)
def test_an_advertisement_is_judged_by_its_service_data_then_by_its_service(
    data, services, evidence
):
    assert judge(advertisement(data, services=services)) is evidence


@pytest.fixture
def air_with():
    @asynccontextmanager
    async def make(*machines):
        air = LoopbackAir()
        for machine in machines:
            await air.serve(machine)
        try:
            yield Radio(client=air.client_backend(), scanner=air.scanner_backend())
        finally:
            await air.close()

    return make


def hide(make_machine, **more):
    """A machine that advertises neither name nor service, like the Omega Z."""
    return make_machine(
        identity__name=None,
        identity__advertises_service=False,
        identity__service_data=None,
        address=OTHER,
        **more,
    )


class TestFinding:
    def test_by_address_ignores_everything_else(self, air_with, make_machine, in_virtual_time):
        async def story():
            hidden = hide(make_machine)
            async with air_with(make_machine(), hidden) as radio:
                device = (await find(ByAddress(OTHER.lower()), radio, WAITS)).device
                assert (device.address, device.name) == (OTHER, None)

        in_virtual_time(story)

    def test_by_address_is_done_at_the_first_advertisement(
        self, air_with, make_machine, in_virtual_time
    ):
        async def story():
            machine = make_machine()
            async with air_with(machine) as radio:
                await find(ByAddress(machine.address), radio, WAITS)
                assert asyncio.get_running_loop().time() < 1

        in_virtual_time(story)

    def test_by_name_ignores_case(self, air_with, make_machine, in_virtual_time):
        async def story():
            machine = make_machine("citysports")
            async with air_with(machine, make_machine()) as radio:
                device = (await find(ByName("citysports-linker"), radio, WAITS)).device
                assert device.address == machine.address

        in_virtual_time(story)

    @pytest.mark.hazard("H19")
    def test_by_name_refuses_neighbours_of_the_same_name_and_lists_them(
        self, air_with, make_machine, in_virtual_time
    ):
        async def story():
            first, second = make_machine(), make_machine(address=OTHER)
            async with air_with(first, second) as radio:
                with pytest.raises(AmbiguousError) as raised:
                    await find(ByName("Ideal Treadmill"), radio, WAITS)
            text = str(raised.value)
            assert text.startswith("2 treadmills are named so: ")
            assert first.address in text
            assert OTHER in text
            assert text.endswith("configure the address of yours")

        in_virtual_time(story)

    def test_the_only_one_is_found_among_other_things(
        self, air_with, make_machine, in_virtual_time
    ):
        async def story():
            machine = make_machine()
            async with air_with(machine, hide(make_machine)) as radio:
                assert (await find(OnlyOne(), radio, WAITS)).device.address == machine.address

        in_virtual_time(story)

    @pytest.mark.hazard("H19")
    def test_the_only_one_refuses_two(self, air_with, make_machine, in_virtual_time):
        async def story():
            async with air_with(make_machine(), make_machine("citysports")) as radio:
                with pytest.raises(AmbiguousError, match="2 treadmills are in range"):
                    await find(OnlyOne(), radio, WAITS)

        in_virtual_time(story)

    def test_of_something_that_says_nothing_of_itself_asks_for_its_address(
        self, air_with, make_machine, in_virtual_time
    ):
        async def story():
            async with air_with(hide(make_machine)) as radio:
                with pytest.raises(NotFoundError, match="configure its address"):
                    await find(OnlyOne(), radio, WAITS)

        in_virtual_time(story)

    def test_of_an_absent_name_lists_the_treadmills_in_range(
        self, air_with, make_machine, in_virtual_time
    ):
        async def story():
            async with air_with(make_machine()) as radio:
                with pytest.raises(NotFoundError, match=r"In range: .*Ideal Treadmill, -50 dBm"):
                    await find(ByName("Pad"), radio, WAITS)

        in_virtual_time(story)

    def test_gives_up_when_its_time_is_over(self, air_with, in_virtual_time):
        async def story():
            async with air_with() as radio:
                with pytest.raises(NotFoundError, match="switch it on"):
                    await find(OnlyOne(), radio, WAITS)
                assert round(asyncio.get_running_loop().time()) == 10

        in_virtual_time(story)


class TestScanning:
    def test_lists_treadmills_and_says_why(self, air_with, make_machine, in_virtual_time):
        async def story():
            machine = make_machine()
            async with air_with(machine, hide(make_machine)) as radio:
                expected = Candidate(
                    address=machine.address,
                    name="Ideal Treadmill",
                    rssi=-50,
                    evidence=Evidence.SAYS_SO,
                )
                assert await scan(radio) == (expected,)
                everything = await scan(radio, 1_000, everything=True)
                assert {c.address for c in everything} == {machine.address, OTHER}
                assert {c.evidence for c in everything} == {Evidence.SAYS_SO, None}

        in_virtual_time(story)

    def test_keeps_the_name_that_only_some_advertisements_carry(self, in_virtual_time):
        class Split(BaseBleakScanner):
            """Advertisement and scan response apart, as real radios report them."""

            def __init__(self, detection_callback, service_uuids, _mode, **_):
                super().__init__(detection_callback, service_uuids)

            async def start(self):
                named = advertisement()._replace(local_name="Pad")
                for heard in (advertisement("01 01 00"), named, advertisement()):
                    self.call_detection_callbacks(BLEDevice(OTHER, None, None), heard)

            async def stop(self):
                pass

        async def story():
            expected = Candidate(address=OTHER, name="Pad", rssi=-60, evidence=Evidence.SAYS_SO)
            assert await scan(Radio(scanner=Split), 100) == (expected,)

        in_virtual_time(story)

    def test_without_bluetooth_says_what_to_check(self, in_virtual_time):
        class Off(BaseBleakScanner):
            def __init__(self, detection_callback, service_uuids, _mode, **_):
                super().__init__(detection_callback, service_uuids)

            async def start(self):
                raise BleakBluetoothNotAvailableError(
                    "powered off", BleakBluetoothNotAvailableReason.POWERED_OFF
                )

            async def stop(self):
                raise AssertionError

        async def story():
            with pytest.raises(RadioError, match="bluetoothctl show"):
                await scan(Radio(scanner=Off))

        in_virtual_time(story)

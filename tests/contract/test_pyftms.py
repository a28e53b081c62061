"""pyftms as it is installed: the eight behaviours that decide what we use it for.

None of this is a complaint; each test names what an upgrade that changes it would mean for us.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version

import pytest
from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from pyftms import get_client
from pyftms.client import client as client_module
from pyftms.client.backends import DataUpdater, MachineController
from pyftms.client.errors import NotFitnessMachineError
from pyftms.client.machines import Treadmill
from pyftms.client.properties import MachineType, get_machine_type_from_service_data
from pyftms.models import (
    ControlModel,
    MachineStatusModel,
    ResultCode,
    StopPauseCode,
    TrainingStatusModel,
    TreadmillData,
)
from pyftms.serializer import get_serializer

from backstride.ftms.uuids import FITNESS_MACHINE
from backstride.virtual.clock import run_virtual

DEVICE = BLEDevice("C0:00:00:00:00:01", "Pad", {})


def frame(text):
    return bytearray.fromhex(text)


def test_the_version_is_the_one_that_was_read():
    """Not a behaviour, but when this fails all others deserve a look, and facts a new date."""
    assert version("pyftms") == "0.4.15"


class TestUpdater:
    """1. Only changes, and no zeros."""

    @pytest.fixture
    def updates(self):
        seen = []
        updater = DataUpdater(TreadmillData, seen.append)

        def notify(text):
            seen.clear()
            updater._on_notify(None, frame(text))
            return [dict(event.event_data) for event in seen]

        return notify

    def test_drops_a_record_of_zeros_so_a_stopped_belt_is_silent(self, updates):
        """If it reported zeros, its updater could confirm a stop; ours would still be exact."""
        assert updates("00 00 64 00") == [{"speed_instant": 1.0}]
        assert updates("00 00 00 00") == []

    def test_says_nothing_of_an_unchanged_record_so_a_steady_belt_is_silent(self, updates):
        """If it repeated them, staleness could be judged from its events."""
        assert updates("00 00 64 00") == [{"speed_instant": 1.0}]
        assert updates("00 00 64 00") == []


@pytest.mark.hazard("H04")
class TestEncoding:
    """2. Floats on the way to the machine."""

    @staticmethod
    def encode(**target):
        return int.from_bytes(_serialized(ControlModel(code=None, **target))[1:], "little")

    def test_sends_266_of_2501_speeds_too_low(self):
        """If none was low any more, its encoder would do; ours costs 12 lines and stays."""
        wrong = [v for v in range(2_501) if self.encode(target_speed=v / 100) != v]
        assert len(wrong) == 266
        assert 230 in wrong
        assert {v - self.encode(target_speed=v / 100) for v in wrong} == {1}

    def test_sends_67_of_201_inclines_too_low(self):
        """The same for inclines."""
        wrong = [v for v in range(201) if self.encode(target_inclination=v / 10) != v]
        assert len(wrong) == 67


def _serialized(model):
    import io

    written = io.BytesIO()
    model._serialize(written)
    return written.getvalue()


@pytest.mark.hazard("H03")
class TestCommands:
    """3. A command connects first."""

    def test_of_a_lost_link_connect_before_they_are_written(self, monkeypatch):
        """If it failed at once instead, a command could not fire a minute late (H03)."""
        connected = []

        class Reached(Exception):  # noqa: N818  not an error, the end of the road
            pass

        async def establish_connection(**options):
            connected.append(options["device"])
            raise Reached

        async def close_stale_connections(_device):
            pass

        monkeypatch.setattr(client_module, "establish_connection", establish_connection)
        monkeypatch.setattr(client_module, "close_stale_connections", close_stale_connections)

        async def story():
            treadmill = Treadmill(DEVICE)
            treadmill.need_connect = True
            with pytest.raises(Reached):
                await treadmill.stop()

        run_virtual(story())
        assert connected == [DEVICE]

    def test_may_spend_four_attempts_of_twenty_seconds_on_that(self):
        """If this shrank below our 1 s deadline, its connections could be used for commands."""
        import bleak_retry_connector

        assert bleak_retry_connector.MAX_CONNECT_ATTEMPTS == 4
        assert bleak_retry_connector.BLEAK_TIMEOUT == 20.0


OP_CODES = {"control": 0x00, "speed": 0x02, "stop": 0x08}


class Peripheral:
    """As much of a bleak client as the controller touches. `answers` says how it answers."""

    def __init__(self, **answers):
        self.answers = {OP_CODES[op]: result for op, result in answers.items()}
        self.writes = []
        self.events = []
        self.controller = MachineController(self.events.append)
        self.controller._subscribed = True

    async def write_gatt_char(self, _uuid, data, _response):
        self.writes.append(data.hex(" "))
        result = self.answers.get(data[0], 1)
        if result is not None:
            self.indicate(f"80 {data[0]:02x} {result:02x}")

    def indicate(self, text):
        self.controller._on_indicate(None, frame(text))

    def status(self, text):
        self.controller._on_machine_status(None, frame(text))

    async def stop(self):
        return await self.controller.write_command(self, stop_pause=StopPauseCode.STOP)

    async def speed(self, value):
        return await self.controller.write_command(self, target_speed=value)


@pytest.mark.hazard("H18")
class TestControl:
    """4. Control is lost, and taken back, without a word."""

    def test_that_was_lost_raises_in_the_callback_and_is_not_noticed(self):
        """FF is also its "no value", so it never reaches its own branch for the loss of control.

        If it were reported, its control could be trusted with the console's user (H17, H18).
        """

        async def story():
            peripheral = Peripheral()
            await peripheral.speed(1.0)
            peripheral.events.clear()
            with pytest.raises(KeyError, match="code"):
                peripheral.status("ff")
            assert peripheral.events == []
            assert peripheral.controller._auth

        run_virtual(story())

    def test_that_a_reset_ended_is_taken_back_by_the_next_command(self):
        """If it asked us instead, a machine that a person reset would stay theirs (H17)."""

        async def story():
            peripheral = Peripheral()
            await peripheral.speed(1.0)
            peripheral.status("01")
            await peripheral.speed(2.0)
            assert peripheral.writes == ["00", "02 64 00", "00", "02 c8 00"]

        run_virtual(story())

    def test_that_was_refused_is_no_reason_not_to_command(self):
        """If a refusal stopped the command, one reason less for our own control point."""

        async def story():
            peripheral = Peripheral(control=ResultCode.FAILED)
            assert await peripheral.speed(1.0) is ResultCode.SUCCESS
            assert peripheral.writes == ["00", "02 64 00"]

        run_virtual(story())


class TestAnswers:
    """5. One future for all of them."""

    def test_before_the_first_command_raise_in_the_callback(self):
        """If they were ignored, a restart of ours while the machine answers would be harmless."""
        with pytest.raises(AttributeError, match="_indicate"):
            Peripheral().indicate("80 08 01")

    def test_that_come_late_break_the_stop_that_follows(self):
        """If answers were correlated, a late one could not make a Stop look failed."""

        async def story():
            peripheral = Peripheral(speed=None, stop=None)
            peripheral.controller._auth = True
            with pytest.raises(TimeoutError):
                await peripheral.speed(1.0)
            stop = asyncio.create_task(peripheral.stop())
            await asyncio.sleep(0.01)
            peripheral.indicate("80 02 01")
            with pytest.raises(ValueError, match="another request"):
                await stop

        run_virtual(story())

    def test_that_come_late_to_a_stop_complete_the_next_stop(self):
        """The same the other way round: a Stop is called done before the machine has answered it."""

        async def story():
            peripheral = Peripheral(stop=None)
            peripheral.controller._auth = True
            with pytest.raises(TimeoutError):
                await peripheral.stop()
            again = asyncio.create_task(peripheral.stop())
            await asyncio.sleep(0.01)
            peripheral.indicate("80 08 01")
            assert await again is ResultCode.SUCCESS

        run_virtual(story())


class TestFrames:
    """6. Whatever is unexpected raises."""

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("00 00 64", EOFError),
            ("84 04 fa 00", EOFError),
            ("00 00 64 00 00", AssertionError),
            ("ff ff" + " 00" * 40, TypeError),
            ("ff 3f" + " 00" * 40, AssertionError),
            ("", EOFError),
        ],
    )
    def test_of_telemetry_raise(self, text, error):
        """If they did not, its model could decode telemetry; floats would still speak against it."""
        with pytest.raises(error):
            get_serializer(TreadmillData).deserialize(bytes(frame(text)))

    @pytest.mark.parametrize(
        ("model", "text", "error"),
        [
            (MachineStatusModel, "02", EOFError),
            (MachineStatusModel, "05", EOFError),
            (TrainingStatusModel, "00 77", ValueError),
            (TrainingStatusModel, "00", EOFError),
        ],
    )
    def test_of_status_raise(self, model, text, error):
        """If they did not, its status models could stand behind our guard."""
        with pytest.raises(error):
            get_serializer(model).deserialize(bytes(frame(text)))

    def test_raise_through_the_callback_of_bleak(self):
        """If its callbacks guarded themselves, a bad frame would not end in the event loop's log."""
        updater = DataUpdater(TreadmillData, lambda _: None)
        with pytest.raises(EOFError):
            updater._on_notify(None, frame("84 04 fa 00"))


class TestBackend:
    """7. No other radio."""

    def test_extra_keywords_arrive_as_one_dictionary(self, monkeypatch):
        """If they were passed through, its client could run over the virtual radio."""
        received = {}

        class Reached(Exception):  # noqa: N818  not an error, the end of the road
            pass

        async def establish_connection(**options):
            received.update(options)
            raise Reached

        async def close_stale_connections(_device):
            pass

        monkeypatch.setattr(client_module, "establish_connection", establish_connection)
        monkeypatch.setattr(client_module, "close_stale_connections", close_stale_connections)

        async def story():
            treadmill = get_client(DEVICE, MachineType.TREADMILL, backend=object)
            with pytest.raises(Reached):
                await treadmill.connect()

        run_virtual(story())
        assert "backend" not in received
        assert received["kwargs"] == {"kwargs": {"backend": object}}
        assert received["client_class"] is BleakClient


class TestPatience:
    """8. Two seconds for control, and service data or nothing."""

    def test_for_a_request_for_control_ends_after_two_seconds_and_with_it_the_command(self):
        """If it went on without an answer, the Omega Z could be used with it."""

        async def story():
            peripheral = Peripheral(control=None)
            started = asyncio.get_running_loop().time()
            with pytest.raises(TimeoutError):
                await peripheral.speed(1.0)
            assert asyncio.get_running_loop().time() - started == 2.0
            assert peripheral.writes == ["00"]

        run_virtual(story())

    def test_an_advertisement_without_service_data_is_no_treadmill(self):
        """If it accepted the service alone, our own judgement in discovery could go."""
        with pytest.raises(NotFitnessMachineError):
            get_machine_type_from_service_data(_advertisement(None))

    @pytest.mark.parametrize("data", ["01 01 00", "01 01", "01 00 01"])
    def test_service_data_of_both_lengths_and_byte_orders_is_read(self, data):
        """We rely on it: reversed and short type fields are its knowledge, not ours."""
        kind = get_machine_type_from_service_data(_advertisement(data))
        assert MachineType.TREADMILL in kind

    @pytest.mark.parametrize("data", ["00 01 00", "01 01 00 00", "01 00 00", "01 00 80", ""])
    def test_service_data_that_it_refuses_raises_one_kind_of_error(self, data):
        """We rely on it: `judge` catches this error and nothing else."""
        with pytest.raises(NotFitnessMachineError):
            get_machine_type_from_service_data(_advertisement(data))


def _advertisement(data):
    return AdvertisementData(
        local_name=None,
        manufacturer_data={},
        service_data={} if data is None else {FITNESS_MACHINE: bytes(frame(data))},
        service_uuids=[FITNESS_MACHINE],
        tx_power=None,
        rssi=-60,
        platform_data=(),
    )


def test_its_names_of_bits_are_those_of_the_specification():
    """We rely on them in `features`: a renumbered flag would misread every machine."""
    from pyftms.client.properties.features import MachineFeatures, MachineSettings

    bits = (
        MachineFeatures.DISTANCE,
        MachineFeatures.INCLINATION,
        MachineFeatures.ELAPSED_TIME,
        MachineSettings.SPEED,
        MachineSettings.INCLINE,
    )
    assert [int(bit) for bit in bits] == [1 << 2, 1 << 3, 1 << 12, 1 << 0, 1 << 1]

"""The whole adapter against virtual machines over the loopback air, in virtual time."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import BleakError, BleakGATTProtocolError
from structlog.testing import capture_logs

from backstride.domain.commands import RequestControl, SetIncline, SetSpeed, Start, Stop
from backstride.domain.events import (
    LinkDown,
    LinkUp,
    MachineStatus,
    Status,
    Telemetry,
    Training,
    Verdict,
)
from backstride.domain.machine import BeltStart, InclineRange, SpeedRange
from backstride.ftms.discovery import ByName, OnlyOne
from backstride.ftms.errors import Stage
from backstride.ftms.uuids import FITNESS_MACHINE
from backstride.ftms.waits import Waits
from backstride.virtual.catalogue import list_machines
from backstride.virtual.quirks import AnswerBy, Idle, Permission, Shape, Write

CONFIRMED, REJECTED, UNKNOWN = Verdict.CONFIRMED, Verdict.REJECTED, Verdict.UNKNOWN
HOUR = 3_600

DRIVABLE = {
    "citysports": set(),
    "decline": set(),
    "domyos": {"data.short"},
    "fr30z": set(),
    "ideal": set(),
    "jtx": set(),
    "life-fitness": set(),
    "matrix": {"data.cut"},
    "mph": set(),
    "omega-z": set(),
    "split-record": set(),
    "t12b": set(),
    "urevo-e1l": set(),
    "yesoul": set(),
}
"""Machines that do as they are told, with the flaws that their telemetry has."""


class TestConnection:
    def test_link_up_comes_first_and_describes_the_machine(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                up = await rig.until(LinkUp)
                await rig.until(Telemetry)
                assert rig.events[0] is up
                machine = up.machine
                assert up.epoch == 1
                assert machine.address == rig.machine.address
                assert machine.name == "Ideal Treadmill"
                assert machine.speed == SpeedRange(80, 2_000, 10)
                assert machine.incline == InclineRange(0, 100, 5)
                assert machine.belt_start is BeltStart.REMOTE
                assert rig.treadmill.stage is Stage.READY
                assert rig.treadmill.trouble is None

        in_virtual_time(story)

    def test_the_training_status_that_was_read_is_reported_after_link_up(
        self, make_bench, in_virtual_time
    ):
        async def story():
            async with make_bench() as rig:
                training = await rig.until(Training)
                assert rig.events.index(training) == 1
                assert training.code == 1

        in_virtual_time(story)

    def test_indications_are_enabled_before_everything_else(self, make_bench, in_virtual_time):
        order = []

        def note(backend):
            class Noting(backend):
                async def start_notify(self, characteristic, callback, **kwargs):
                    order.append(characteristic.uuid[4:8])
                    await super().start_notify(characteristic, callback, **kwargs)

            return Noting

        async def story():
            async with make_bench(wrap=note) as rig:
                await rig.until(LinkUp)
                assert order == ["2ad9", "2ada", "2ad3", "2acd"]

        in_virtual_time(story)

    @pytest.mark.hazard("H01")
    def test_connecting_sends_nothing_to_the_control_point(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(Telemetry, 5)
                assert rig.machine.log.writes == []

        in_virtual_time(story)

    @pytest.mark.hazard("H19")
    @pytest.mark.parametrize("target", [OnlyOne(), ByName("ideal treadmill")])
    def test_a_machine_that_was_connected_is_not_confused_with_a_neighbour_later(
        self, make_bench, make_machine, in_virtual_time, target
    ):
        async def story():
            async with make_bench(target=target) as rig:
                await rig.until(LinkUp)
                await rig.air.serve(make_machine(address="C0:00:00:00:00:02"))
                await rig.air.set_in_range(rig.machine.address, in_range=False)
                await rig.until(LinkDown)
                await asyncio.sleep(600)
                await rig.air.set_in_range(rig.machine.address, in_range=True)
                second = await rig.until(LinkUp, 2)
                assert second.machine.address == rig.machine.address

        in_virtual_time(story)

    def test_a_machine_that_advertises_nothing_is_found_by_its_address(
        self, make_bench, in_virtual_time
    ):
        nothing = {
            "identity.name": None,
            "identity.advertises_service": False,
            "identity.service_data": None,
        }

        async def story():
            async with make_bench(changes=nothing) as rig:
                assert (await rig.until(LinkUp)).machine.name is None

        in_virtual_time(story)

    @pytest.mark.parametrize("silence", [Idle.ZEROS, Idle.SILENCE])
    def test_a_machine_that_says_nothing_while_it_stands_is_not_dropped(
        self, make_bench, in_virtual_time, silence
    ):
        async def story():
            async with make_bench(changes={"telemetry.idle": silence}) as rig:
                await rig.until(LinkUp)
                await asyncio.sleep(HOUR)
                assert rig.of(LinkDown) == []
                assert (await rig.send(RequestControl())).verdict is CONFIRMED

        in_virtual_time(story)

    def test_the_end_of_the_service_ends_the_link_and_says_so(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
            assert [event.reason for event in rig.of(LinkDown)] == ["the service ends"]
            assert rig.machine.clients == ()

        in_virtual_time(story)


def say(**frames):
    """A client backend whose machine says these frames in the moment of each subscription."""

    def wrap(backend):
        class Saying(backend):
            async def start_notify(self, characteristic, callback, **kwargs):
                await super().start_notify(characteristic, callback, **kwargs)
                for frame in frames.get(f"on_{characteristic.uuid[4:8]}", ()):
                    callback(bytearray.fromhex(frame))

        return Saying

    return wrap


class TestBeforeLinkUp:
    def test_a_status_is_kept_until_the_link_is_up(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench(wrap=say(on_2ada=["03"], on_2ad3=["00 0e"])) as rig:
                up = await rig.until(LinkUp)
                await rig.until(MachineStatus)
                assert rig.events[:3] == [
                    up,
                    MachineStatus(at=up.at, epoch=1, status=Status.SAFETY_KEY),
                    Training(at=up.at, epoch=1, code=0x0E),
                ]

        in_virtual_time(story)

    def test_telemetry_is_dropped_and_counted(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench(wrap=say(on_2acd=["00 00 64 00"])) as rig:
                assert (await rig.until(Telemetry)).speed == 0
                assert rig.treadmill.counts == {"data.early": 1}

        in_virtual_time(story)

    def test_noise_on_every_characteristic_is_counted_and_harmless(
        self, make_bench, in_virtual_time
    ):
        noise = ["", "05", "77", "80", "ff"]

        async def story():
            wrap = say(on_2ad9=noise, on_2ada=noise, on_2ad3=noise, on_2acd=noise)
            async with make_bench(wrap=wrap) as rig:
                await rig.until(Telemetry)
                expected = {
                    "answer.short": 5,
                    "status.short": 2,
                    "status.unknown": 2,
                    "training.short": 5,
                    "data.early": 5,
                }
                assert rig.treadmill.counts == expected
                assert (await rig.send(RequestControl())).verdict is CONFIRMED

        in_virtual_time(story)


class TestEveryMachine:
    every_air = True

    @pytest.mark.parametrize("machine", list_machines())
    def test_that_comes_with_the_product_comes_up_as_itself(
        self, make_bench, in_virtual_time, machine
    ):
        async def story():
            async with make_bench(machine) as rig:
                found = (await rig.until(LinkUp)).machine
                assert found.address == rig.machine.address
                assert found.name == rig.machine.model.identity.name
                assert 0 < found.speed.minimum < found.speed.maximum
                assert rig.machine.log.writes == []

        in_virtual_time(story)

    @pytest.mark.parametrize(("machine", "flaws"), DRIVABLE.items())
    def test_that_obeys_can_be_driven_and_stopped(
        self, make_bench, in_virtual_time, machine, flaws
    ):
        async def story():
            async with make_bench(machine) as rig:
                up = await rig.until(LinkUp)
                await rig.send(RequestControl())
                assert (await rig.send(Start())).verdict is CONFIRMED
                async with asyncio.timeout(60):
                    while not any(record.speed for record in rig.of(Telemetry)):
                        await rig.until(Telemetry, len(rig.of(Telemetry)) + 1)
                target = up.machine.speed.minimum + up.machine.speed.increment
                assert (await rig.send(SetSpeed(target))).verdict is CONFIRMED
                await asyncio.sleep(5)
                assert (await rig.send(Stop())).verdict is CONFIRMED
                await asyncio.sleep(30)
                assert rig.machine.drive.belt.value == 0
                assert rig.machine.log.speed_targets == [target]
                assert rig.machine.log.moving_starts() == []
                assert rig.treadmill.counts.keys() - {"data.early"} == flaws

        in_virtual_time(story)


class TestRefusedMachines:
    @pytest.mark.parametrize("claimed", [bytes(6), bytes.fromhex("58 02 64 00 0A 00")])
    def test_a_senseless_speed_range_never_comes_up(self, make_bench, in_virtual_time, claimed):
        async def story():
            async with make_bench(changes={"speed.claimed_range": claimed}) as rig:
                await asyncio.sleep(HOUR)
                assert rig.events == []
                assert "makes no sense" in rig.treadmill.trouble
                assert rig.machine.clients == ()

        in_virtual_time(story)

    def test_an_incline_range_of_zeros_is_not_used(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench(changes={"incline.claimed_range": bytes(6)}) as rig:
                assert (await rig.until(LinkUp)).machine.incline is None

        in_virtual_time(story)

    def test_what_lacks_the_service_never_comes_up(self, make_bench, in_virtual_time):
        def hide(backend):
            class Hiding(backend):
                async def connect(self, pair, **kwargs):
                    await super().connect(pair, **kwargs)
                    for handle, service in list(self.services.services.items()):
                        if service.uuid == FITNESS_MACHINE:
                            del self.services.services[handle]

            return Hiding

        async def story():
            async with make_bench(wrap=hide) as rig:
                await asyncio.sleep(120)
                assert rig.events == []
                assert "no fitness machine service" in rig.treadmill.trouble

        in_virtual_time(story)

    @pytest.mark.parametrize("gone", ["2ad9", "2acd", "2ad4"])
    def test_what_lacks_a_needed_characteristic_never_comes_up(
        self, make_bench, in_virtual_time, gone
    ):
        def hide(backend):
            class Hiding(backend):
                async def connect(self, pair, **kwargs):
                    await super().connect(pair, **kwargs)
                    for service in self.services:
                        kept = {c.handle: c for c in service.characteristics if gone not in c.uuid}
                        service._characteristics = kept

            return Hiding

        async def story():
            async with make_bench(wrap=hide) as rig:
                await asyncio.sleep(120)
                assert rig.events == []
                assert f"({gone.upper()})" in rig.treadmill.trouble

        in_virtual_time(story)


class TestCommands:
    every_air = True

    def test_reach_the_machine_exactly(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                for command in (RequestControl(), Start()):
                    assert (await rig.send(command)).verdict is CONFIRMED
                await asyncio.sleep(6)
                for command in (SetSpeed(230), SetIncline(25), Stop()):
                    assert (await rig.send(command)).verdict is CONFIRMED
                written = [write.data.hex(" ") for write in rig.machine.log.writes]
                assert written == ["00", "07", "02 e6 00", "03 19 00", "08 01"]

        in_virtual_time(story)

    def test_before_the_first_connection_are_not_sent(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                outcome = await rig.send(Stop(), epoch=1)
                assert outcome.verdict is REJECTED
                assert outcome.detail == "not sent: there is no connection"

        in_virtual_time(story)

    @pytest.mark.hazard("H03")
    def test_of_an_old_connection_are_not_sent_on_a_new_one(
        self, make_bench, in_virtual_time, any_command
    ):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                rig.pump.act(lambda m, now: m.drop_clients(now))
                assert (await rig.until(LinkUp, 2)).epoch == 2
                outcome = await rig.send(any_command, epoch=1)
                assert (outcome.verdict, outcome.epoch) == (REJECTED, 1)
                assert rig.machine.log.writes == []

        in_virtual_time(story)

    def test_whose_link_breaks_are_unknown(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                await rig.send(RequestControl())
                task = asyncio.create_task(rig.send(Start()))
                await asyncio.sleep(0.02)
                rig.pump.act(lambda m, now: m.drop_clients(now))
                outcome = await task
                assert outcome.verdict is UNKNOWN
                assert outcome.detail == "the link broke: the radio link broke"

        in_virtual_time(story)

    def test_stop_goes_through_while_the_machine_is_busy(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                await rig.send(RequestControl())
                start = asyncio.create_task(rig.send(Start()))
                await asyncio.sleep(0.01)
                assert (await rig.send(Stop())).verdict is CONFIRMED
                assert (await start).verdict is CONFIRMED
                stops = [write for write in rig.machine.log.writes if write.data == b"\x08\x01"]
                assert [write.att_error for write in stops] == [0xFE, None]

        in_virtual_time(story)

    def test_refusals_name_the_result(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                outcome = await rig.send(Start())
                assert outcome.detail == "refused: control not permitted"

        in_virtual_time(story)

    def test_answers_as_notifications_are_answers(self, make_bench, in_virtual_time):
        changes = {"control_point.answer_by": AnswerBy.NOTIFICATION}

        async def story():
            async with make_bench(changes=changes) as rig:
                await rig.until(LinkUp)
                assert (await rig.send(RequestControl())).verdict is CONFIRMED

        in_virtual_time(story)

    def test_a_request_for_control_that_is_never_answered_is_unknown_and_no_more(
        self, make_bench, in_virtual_time
    ):
        changes = {"control_point.permission": Permission.UNANSWERED}

        async def story():
            async with make_bench(changes=changes) as rig:
                await rig.until(LinkUp)
                assert (await rig.send(RequestControl())).verdict is UNKNOWN
                assert (await rig.send(Start())).verdict is CONFIRMED
                await asyncio.sleep(120)
                assert rig.of(LinkDown) == []

        in_virtual_time(story)

    @pytest.mark.parametrize("kind", list(Write))
    def test_each_kind_of_write_is_used_where_it_is_wanted(self, make_bench, in_virtual_time, kind):
        async def story():
            async with make_bench(changes={"control_point.write": kind}) as rig:
                await rig.until(LinkUp)
                assert (await rig.send(RequestControl())).verdict is CONFIRMED
                assert (await rig.send(Start())).verdict is CONFIRMED

        in_virtual_time(story)

    @pytest.mark.hazard("H24")
    def test_a_control_point_that_dies_takes_the_link_with_it_after_30_s(
        self, make_bench, in_virtual_time
    ):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                rig.machine.intercept = lambda _op, _at: type("Silence", (), {"result": None})()
                assert (await rig.send(Stop())).verdict is UNKNOWN
                down = await rig.until(LinkDown)
                assert down.reason == "the control point did not answer for 30 s"
                assert (await rig.until(LinkUp, 2)).epoch == 2

        in_virtual_time(story)


class TestReports:
    every_air = True

    @pytest.mark.parametrize("shape", list(Shape))
    def test_telemetry_of_every_shape_shows_the_belt(self, make_bench, in_virtual_time, shape):
        async def story():
            async with make_bench(changes={"telemetry.shape": shape}) as rig:
                await rig.until(LinkUp)
                await rig.send(RequestControl())
                await rig.send(Start())
                await asyncio.sleep(8)
                newest = rig.of(Telemetry)[-4:]
                assert {record.speed for record in newest} <= {79, 80}
                fields = {"speed", "incline", "distance", "elapsed"}
                assert fields <= rig.treadmill.ages(rig.events[-1].at).keys()

        in_virtual_time(story)

    def test_a_press_on_the_console_is_a_status(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                rig.pump.act(lambda m, now: m.console.press_start(now))
                assert (await rig.until(MachineStatus)).status is Status.STARTED_BY_USER
                await asyncio.sleep(5)
                rig.pump.act(lambda m, now: m.console.press_stop(now))
                assert (await rig.until(MachineStatus, 2)).status is Status.STOPPED_BY_USER

        in_virtual_time(story)

    def test_the_safety_key_and_the_loss_of_control_are_statuses(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                await rig.send(RequestControl())
                rig.pump.act(lambda m, now: m.take_control(now))
                assert (await rig.until(MachineStatus)).status is Status.CONTROL_LOST
                rig.pump.act(lambda m, now: m.console.pull_key(now))
                await rig.until(MachineStatus, 2)
                assert Status.SAFETY_KEY in {event.status for event in rig.of(MachineStatus)}

        in_virtual_time(story)

    def test_events_of_a_connection_carry_its_epoch_and_never_go_back_in_time(
        self, make_bench, in_virtual_time
    ):
        async def story():
            async with make_bench() as rig:
                for count in range(1, 4):
                    await rig.until(LinkUp, count)
                    await asyncio.sleep(6)
                    rig.pump.act(lambda m, now: m.drop_clients(now))
                await rig.until(LinkDown, 3)
                times = [event.at for event in rig.events]
                epochs = [event.epoch for event in rig.events]
                assert times == sorted(times)
                assert epochs == sorted(epochs)
                assert set(epochs) == {1, 2, 3}

        in_virtual_time(story)


def fail_at(stage, fault):
    """A client backend that fails once at a stage of the connection, then works."""
    methods = {
        Stage.CONNECTING: "connect",
        Stage.READING: "read_gatt_char",
        Stage.SUBSCRIBING: "start_notify",
    }
    faults = iter([fault])

    def wrap(backend):
        good = getattr(backend, methods[stage])

        async def method(self, *args, **kwargs):
            match next(faults, None):
                case None:
                    return await good(self, *args, **kwargs)
                case "hang":
                    await asyncio.sleep(HOUR)
                case "lose":
                    if self._wire is None:
                        raise BleakError("lost")
                    self._wire.lose()
                    await asyncio.sleep(HOUR)
                case error:
                    raise error
            return None

        return type("Faulty", (backend,), {methods[stage]: method})

    return wrap


class TestFailures:
    @pytest.mark.parametrize(
        "fault", ["hang", "lose", BleakError("x"), OSError("x"), EOFError("x"), ValueError("x")]
    )
    @pytest.mark.parametrize("stage", [Stage.CONNECTING, Stage.READING, Stage.SUBSCRIBING])
    def test_at_each_stage_are_tried_again_and_leave_no_trace(
        self, make_bench, in_virtual_time, stage, fault
    ):
        async def story():
            with capture_logs() as logs:
                async with make_bench(wrap=fail_at(stage, fault)) as rig:
                    assert (await rig.until(LinkUp)).epoch == 1
                    assert [type(event) for event in rig.events[:1]] == [LinkUp]
                    assert len(rig.machine.clients) == 1
            assert [log for log in logs if log["log_level"] in {"warning", "error"}]

        in_virtual_time(story)

    def test_of_a_read_that_the_machine_refuses_are_no_failures(self, make_bench, in_virtual_time):
        def refuse(backend):
            class Refusing(backend):
                async def read_gatt_char(self, characteristic, **kwargs):
                    if "2ad3" in characteristic.uuid or "2a25" in characteristic.uuid:
                        raise BleakGATTProtocolError(0x02)
                    return await super().read_gatt_char(characteristic, **kwargs)

            return Refusing

        async def story():
            async with make_bench(wrap=refuse) as rig:
                assert (await rig.until(LinkUp)).epoch == 1

        in_virtual_time(story)

    @pytest.mark.hazard("H13")
    def test_of_a_link_that_only_looks_alive_end_it(self, make_bench, in_virtual_time):
        dead = asyncio.Event()

        def die(backend):
            class Dying(backend):
                async def read_gatt_char(self, characteristic, **kwargs):
                    if dead.is_set():
                        await asyncio.sleep(HOUR)
                    return await super().read_gatt_char(characteristic, **kwargs)

            return Dying

        async def story():
            async with make_bench(wrap=die, changes={"telemetry.idle": Idle.SILENCE}) as rig:
                up = await rig.until(LinkUp)
                dead.set()
                down = await rig.until(LinkDown)
                assert down.reason == "the connection was dead although it looked alive"
                assert down.at - up.at < 30_000
                dead.clear()
                await rig.until(LinkUp, 2)

        in_virtual_time(story)

    def test_of_the_farewell_are_bounded(self, make_bench, in_virtual_time):
        def cling(backend):
            class Clinging(backend):
                async def disconnect(self):
                    await asyncio.sleep(HOUR)

            return Clinging

        async def story():
            loop = asyncio.get_running_loop()
            async with make_bench(wrap=cling) as rig:
                await rig.until(LinkUp)
                before = loop.time()
            assert loop.time() - before < 5 + 1.1

        in_virtual_time(story)


class Attempts:
    """A client backend that notes when it is asked to connect, and refuses while it is told to."""

    def __init__(self):
        self.at = []
        self.refuse = True

    def wrap(self, backend):
        attempts = self

        class Refusing(backend):
            async def connect(self, pair, **kwargs):
                attempts.at.append(round(asyncio.get_running_loop().time() * 1_000))
                if attempts.refuse:
                    raise BleakError("refused")
                await super().connect(pair, **kwargs)

        return Refusing

    @property
    def gaps(self):
        return [b - a for a, b in itertools.pairwise(self.at)]


class TestReconnection:
    @pytest.mark.hazard("H09")
    def test_is_tried_after_100_ms(self, make_bench, in_virtual_time):
        async def story():
            attempts = Attempts()
            attempts.refuse = False
            async with make_bench(wrap=attempts.wrap) as rig:
                await rig.until(LinkUp)
                await asyncio.sleep(10)
                rig.pump.act(lambda m, now: m.drop_clients(now))
                down = await rig.until(LinkDown)
                up = await rig.until(LinkUp, 2)
                assert 80 <= attempts.at[1] - down.at <= 120
                assert up.at - down.at < 500

        in_virtual_time(story)

    def test_backs_off_to_a_minute_and_never_gives_up(self, make_bench, in_virtual_time):
        async def story():
            attempts = Attempts()
            async with make_bench(wrap=attempts.wrap) as rig:
                await asyncio.sleep(24 * HOUR)
                gaps = attempts.gaps
                assert gaps[0] < 600
                assert all(gap <= 74_000 for gap in gaps)
                assert all(gap >= 48_000 for gap in gaps[15:])
                assert len(gaps) > 24 * 50
                attempts.refuse = False
                await rig.until(LinkUp, within=120)

        in_virtual_time(story)

    def test_keeps_knocking_every_two_seconds_in_the_minute_after_a_loss(
        self, make_bench, in_virtual_time
    ):
        async def story():
            attempts = Attempts()
            attempts.refuse = False
            async with make_bench(wrap=attempts.wrap) as rig:
                await rig.until(LinkUp)
                await asyncio.sleep(10)
                attempts.refuse = True
                rig.pump.act(lambda m, now: m.drop_clients(now))
                lost = (await rig.until(LinkDown)).at
                await asyncio.sleep(HOUR)
                early = [at for at in attempts.at if lost < at < lost + 55_000]
                assert len(early) > 22
                assert max(b - a for a, b in itertools.pairwise(early)) < 2_700
                assert max(attempts.gaps) > 48_000

        in_virtual_time(story)

    def test_happens_at_once_when_an_absent_machine_is_switched_on(
        self, make_bench, in_virtual_time
    ):
        async def story():
            async with make_bench() as rig:
                await rig.until(LinkUp)
                await rig.air.set_in_range(rig.machine.address, in_range=False)
                await asyncio.sleep(7 * HOUR)
                before = asyncio.get_running_loop().time()
                await rig.air.set_in_range(rig.machine.address, in_range=True)
                up = await rig.until(LinkUp, 2)
                assert up.at / 1_000 - before < 2

        in_virtual_time(story)

    def test_of_a_link_that_does_not_last_backs_off(self, make_bench, in_virtual_time):
        async def story():
            attempts = Attempts()
            attempts.refuse = False
            changes = {"link.drops_after": 1_000}
            waits = Waits(urgent=0)
            async with make_bench(wrap=attempts.wrap, changes=changes, waits=waits) as rig:
                await asyncio.sleep(HOUR)
                assert max(attempts.gaps) > 48_000
                assert len(rig.of(LinkUp)) == len(rig.of(LinkDown))

        in_virtual_time(story)

    def test_survives_a_machine_that_drops_its_link_every_20_s(self, make_bench, in_virtual_time):
        async def story():
            async with make_bench(changes={"link.drops_after": 20_000}) as rig:
                await asyncio.sleep(HOUR)
                downs, ups = rig.of(LinkDown), rig.of(LinkUp)
                assert len(ups) > 170
                pauses = [up.at - down.at for down, up in zip(downs, ups[1:], strict=False)]
                assert max(pauses) < 500

        in_virtual_time(story)

    def test_survives_a_machine_that_believes_its_last_client_is_still_there(
        self, make_bench, in_virtual_time
    ):
        async def story():
            changes = {"link.ghost_for": 30_000, "link.clients": 1}
            async with make_bench(changes=changes) as rig:
                await rig.until(LinkUp)
                await asyncio.sleep(10)
                rig.pump.act(lambda m, now: m.drop_clients(now))
                down = await rig.until(LinkDown)
                up = await rig.until(LinkUp, 2)
                assert 30_000 <= up.at - down.at < 34_000

        in_virtual_time(story)

    def test_without_bluetooth_goes_on_and_says_why(self, make_bench, in_virtual_time):
        class Off(BaseBleakScanner):
            def __init__(self, detection_callback, service_uuids, _mode, **_):
                super().__init__(detection_callback, service_uuids)

            async def start(self):
                raise BleakError("no adapter")

            async def stop(self):
                raise AssertionError

        async def story():
            async with make_bench(scanner=Off) as rig:
                await asyncio.sleep(HOUR)
                assert "bluetoothctl show" in rig.treadmill.trouble
                assert rig.treadmill.stage is Stage.FINDING

        in_virtual_time(story)

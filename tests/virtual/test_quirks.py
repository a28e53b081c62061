"""Each quirk on the machine that has it, without any radio."""

import itertools

import pytest
from msgspec.structs import replace

from backstride.virtual.catalogue import load_machine
from backstride.virtual.gatt import AttError, Property, Uuid
from backstride.virtual.log import Phase
from backstride.virtual.machine import ConnectionRefusedByMachineError
from backstride.virtual.outbox import Kind
from backstride.virtual.quirks import Busy, OffStep, OnDisconnect, OutOfRange, SpeedAtRest, Takeover


def speed_of(frame: bytes) -> int:
    return int.from_bytes(frame[2:4], "little")


def with_control(model, **changes):
    return replace(model, control_point=replace(model.control_point, **changes))


def with_speed(model, **changes):
    return replace(model, speed=replace(model.speed, **changes))


class TestCitysports:
    def test_telemetry_shows_the_target_while_the_belt_lags(self, bench):
        pad = bench("citysports")
        pad.start()
        pad.write("02 58 02")
        pad.wait(500)
        assert speed_of(pad.telemetry()[-1]) == 600
        assert pad.speed() < 200

    def test_speed_seems_to_rise_at_stop(self, bench):
        pad = bench("citysports")
        pad.start()
        pad.write("02 58 02")
        pad.wait(15_000)
        pad.write("02 64 00")
        pad.wait(1_500)
        assert speed_of(pad.telemetry()[-1]) == 100
        pad.write("08 01")
        assert speed_of(pad.telemetry()[-1]) > 500

    def test_counters_are_zero_in_the_frame_that_says_zero(self, bench):
        pad = bench("citysports")
        pad.start()
        pad.wait(60_000)
        pad.write("08 01")
        pad.wait(20_000)
        last_moving = [frame for frame in pad.telemetry() if speed_of(frame)][-1]
        zero = pad.telemetry()[pad.telemetry().index(last_moving) + 1]
        assert int.from_bytes(last_moving[4:7], "little") > 10
        assert zero == bytes.fromhex("84 24 00 00 00 00 00 00 00 ff ff ff 00 00 00 00 00")

    def test_nothing_is_counted_with_nobody_on_the_belt(self, bench):
        pad = bench("citysports")
        pad.machine.console.step_off(0)
        pad.start()
        pad.wait(60_000)
        assert pad.telemetry()[-1][4:] == bytes.fromhex("00 00 00 00 00 ff ff ff 00 00 00 00 00")
        pad.machine.console.step_on(pad.now)
        pad.wait(60_000)
        assert int.from_bytes(pad.telemetry()[-1][-5:-3], "little") in range(58, 61)

    def test_start_is_taken_before_request_control_and_three_times(self, bench):
        pad = bench("citysports")
        assert [pad.write("07") for _ in range(3)] == [bytes.fromhex("80 07 01")] * 3

    def test_telemetry_comes_five_times_a_second(self, bench):
        pad = bench("citysports")
        pad.wait(10_000)
        assert len(pad.telemetry()) == 50

    def test_a_stop_from_3_km_h_takes_nine_seconds(self, bench):
        pad = bench("citysports")
        pad.start()
        pad.write("02 2C 01")
        pad.wait(10_000)
        began = pad.now
        pad.write("08 01")
        pad.wait(20_000)
        rest = pad.machine.log.find("phase")[-1]
        assert (rest.detail, rest.at - began) == ("REST", pytest.approx(9_190, abs=20))


class TestUrevo:
    def test_the_second_start_goes_straight_to_the_last_speed(self, bench):
        pad = bench("urevo-e1l")
        pad.start(response=False)
        assert pad.speed() == 96
        pad.write("02 E1 00", response=False)  # 2.25, rounded down to 2.24
        pad.wait(5_000)
        pad.write("08 01", response=False)
        pad.wait(10_000)
        assert pad.speed() == 0
        pad.write("07", response=False)
        pad.wait(6_000)
        assert pad.speed() == 224

    def test_a_stop_from_2_25_takes_4_4_s(self, bench):
        pad = bench("urevo-e1l")
        pad.start(response=False)
        pad.write("02 E1 00", response=False)
        pad.wait(5_000)
        began = pad.now
        pad.write("08 01", response=False)
        pad.wait(10_000)
        assert pad.machine.log.find("phase")[-1].at - began == pytest.approx(4_412, abs=30)

    def test_success_is_answered_to_an_incline_that_it_does_not_have(self, bench):
        pad = bench("urevo-e1l")
        pad.write("00", response=False)
        assert pad.write("03 19 00", response=False) == bytes.fromhex("80 03 01")
        assert pad.machine.drive.deck.value == 0

    def test_status_streams_the_ramp(self, bench):
        pad = bench("urevo-e1l")
        pad.start(response=False)
        before = len(pad.status())
        pad.write("02 40 01", response=False)
        pad.wait(5_000)
        speeds = [int.from_bytes(frame[1:3], "little") for frame in pad.status()[before:]]
        assert speeds[0] == 96
        assert speeds == sorted(speeds)
        assert len(set(speeds)) > 4
        assert speeds[-1] == pad.speed() == 320  # from 0.96 in steps of 0.32: 3.20

    def test_a_write_request_is_refused(self, bench):
        pad = bench("urevo-e1l")
        with pytest.raises(AttError, match="0x03"):
            pad.write("00")
        point = next(c for c in pad.machine.characteristics if c.uuid is Uuid.CONTROL_POINT)
        assert point.properties == (Property.WRITE_WITHOUT_RESPONSE, Property.INDICATE)

    def test_its_range_has_the_recorded_bytes(self, bench):
        value = bench("urevo-e1l").machine.read(Uuid.SPEED_RANGE, 0)
        assert value == bytes.fromhex("60 00 83 02 20 00")


class TestOmegaZ:
    def test_request_control_is_never_answered_but_granted(self, bench):
        omega = bench("omega-z")
        assert omega.write("00") is None
        assert omega.write("07") == bytes.fromhex("80 07 01")

    def test_answers_are_notifications(self, bench):
        omega = bench("omega-z")
        omega.write("00")
        omega.write("07")
        kinds = {o.kind for o in omega.outputs if o.uuid is Uuid.CONTROL_POINT}
        assert kinds == {Kind.NOTIFY}

    def test_no_name_is_advertised(self, bench):
        omega = bench("omega-z", connect=False)
        assert omega.machine.advertisement.name is None

    def test_motion_comes_4_4_to_6_2_s_after_start(self, bench):
        omega = bench("omega-z")
        omega.write("00")
        began = omega.now
        omega.write("07")
        omega.wait(10_000)
        motion = next(h for h in omega.machine.log.find("phase") if h.detail == "RUNNING")
        assert 4_400 <= motion.at - began <= 6_200

    @pytest.mark.parametrize(("speed", "seconds"), [(150, 1.8), (310, 4.0)])
    def test_a_stop_takes_1_8_to_4_s(self, bench, speed, seconds):
        omega = bench("omega-z")
        omega.write("00")
        omega.write("07")
        omega.wait(12_000)
        omega.write("02" + speed.to_bytes(2, "little").hex())
        omega.wait(10_000)
        began = omega.now
        omega.write("08 01")
        omega.wait(10_000)
        rest = omega.machine.log.find("phase")[-1]
        assert (rest.at - began) / 1_000 == pytest.approx(seconds, abs=0.15)


class TestTelemetryShapes:
    def test_a_split_record_has_more_data_and_speed_in_the_last_part(self, bench):
        split = bench("split-record")
        split.start()
        first, last = split.telemetry()[-2:]
        assert (first[:2].hex(), last[:2].hex()) == ("8d00", "000d")
        assert speed_of(last) == 80
        assert len(first) == 2 + 3 + 4 + 5

    def test_steps_come_in_a_packet_of_their_own(self, bench):
        pad = bench("t12b")
        pad.start()
        pad.wait(30_000)
        first, second = pad.telemetry()[-2:]
        assert first[:2].hex() == "8c04"
        assert second[:2].hex() == "0120"
        assert len(second) == 5

    def test_disjoint_sets_alternate(self, bench):
        gym = bench("life-fitness")
        gym.start()
        gym.wait(5_000)
        flags = [frame[:2].hex() for frame in gym.telemetry()[-4:]]
        assert flags in (["0e00", "8004"] * 2, ["8004", "0e00"] * 2)
        assert b"\xff\x7f" in gym.telemetry()[-1] + gym.telemetry()[-2]

    def test_telemetry_pauses_for_2_5_s(self, bench):
        gym = bench("life-fitness")
        gym.wait(60_000)
        times = [o.at for o in gym.outputs if o.uuid is Uuid.TREADMILL_DATA]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert max(gaps) == 3_000  # 2.5 s of silence at a period of 0.5 s
        assert min(gaps) == 500

    def test_frames_are_cut_at_20_bytes_while_the_flags_promise_more(self, bench):
        matrix = bench("matrix")
        matrix.start()
        assert {len(frame) for frame in matrix.telemetry()} == {20}
        assert {frame[:2].hex() for frame in matrix.telemetry()} == {"9e1f"}

    def test_bit_13_carries_steps(self, bench):
        pad = bench("yesoul")
        pad.start()
        pad.wait(60_000)
        frame = pad.telemetry()[-1]
        assert frame[:2].hex() == "8624"
        assert int.from_bytes(frame[-3:], "little") in range(10, 25)

    def test_a_link_can_be_up_for_19_min_without_telemetry(self, bench):
        pad = bench("yesoul-mute")
        pad.wait(19 * 60_000)
        assert len(pad.telemetry()) <= 1
        pad.wait(10_000)
        assert len(pad.telemetry()) >= 10

    def test_the_first_frame_after_power_on_is_short(self, bench):
        domyos = bench("domyos")
        domyos.wait(3_000)
        assert [len(frame) for frame in domyos.telemetry()] == [1, 18, 18]

    def test_no_zero_frame_and_no_status_after_a_console_stop(self, bench):
        walker = bench("fr30z")
        walker.start()
        walker.machine.console.press_stop(walker.now)
        seen, told = len(walker.telemetry()), len(walker.status())
        walker.wait(30_000)
        assert len(walker.telemetry()) == seen
        assert len(walker.status()) == told
        assert speed_of(walker.telemetry()[-1]) > 0
        assert walker.speed() == 0

    def test_a_silent_machine_says_zero_once_after_a_stop(self, bench):
        sleepy = bench("wakes-first")
        sleepy.wait(10_000)
        assert sleepy.telemetry() == []
        sleepy.write("00")
        sleepy.write("07")
        sleepy.start()
        sleepy.write("08 01")
        sleepy.wait(30_000)
        assert [speed_of(frame) for frame in sleepy.telemetry()].count(0) <= 4 + 1
        assert speed_of(sleepy.telemetry()[-1]) == 0
        seen = len(sleepy.telemetry())
        sleepy.wait(30_000)
        assert len(sleepy.telemetry()) == seen


class TestUnits:
    def test_a_written_1_00_gives_1_61_km_h(self, bench):
        pad = bench("mph")
        pad.start()
        pad.write("02 64 00")
        pad.wait(5_000)
        assert pad.speed() == 161
        assert speed_of(pad.telemetry()[-1]) == 161

    def test_its_range_is_in_mph_labelled_km_h(self, bench):
        assert bench("mph").machine.read(Uuid.SPEED_RANGE, 0) == bytes.fromhex("3200 E803 0A00")

    def test_telemetry_can_be_in_mph(self, bench):
        gym = bench("mph-telemetry")
        gym.start()
        gym.write("02 A1 00")
        gym.wait(5_000)
        assert gym.speed() == 160
        assert speed_of(gym.telemetry()[-1]) == 99


class TestControlPoint:
    def test_request_control_can_be_needed_twice(self, bench):
        pad = bench("wellfit")
        assert pad.write("00") == bytes.fromhex("80 00 01")
        assert pad.write("07") == bytes.fromhex("80 07 05")
        pad.write("00")
        assert pad.write("07") == bytes.fromhex("80 07 01")

    def test_start_while_running_can_stop_the_belt(self, bench):
        pad = bench("mph")
        pad.start()
        assert pad.write("07") == bytes.fromhex("80 07 01")
        pad.wait(10_000)
        assert pad.speed() == 0

    def test_a_repeated_stop_can_start_the_belt_again(self, bench):
        pad = bench("k12")
        pad.start()
        pad.write("02 2C 01")
        pad.wait(10_000)
        pad.write("08 01")
        pad.write("08 01")
        pad.wait(10_000)
        assert pad.speed() == 300
        pad.write("08 01")
        pad.wait(20_000)
        assert pad.speed() == 0

    def test_start_can_be_refused_remotely(self, bench):
        machine = bench("console-only")
        machine.write("00")
        assert machine.write("07") == bytes.fromhex("80 07 04")
        machine.machine.console.press_start(machine.now)
        machine.wait(8_000)
        assert machine.speed() == 80

    def test_the_first_start_can_only_wake_the_machine(self, bench):
        sleepy = bench("wakes-first")
        sleepy.write("00")
        assert sleepy.write("07") == bytes.fromhex("80 07 01")
        sleepy.wait(10_000)
        assert sleepy.machine.log.top_speed == 0
        sleepy.write("07")
        sleepy.wait(10_000)
        assert sleepy.speed() == 100

    def test_start_can_be_needed_every_second(self, bench):
        machine = bench("trx3500")
        machine.start()
        assert machine.machine.drive.phase in (Phase.STOPPING, Phase.REST)
        machine.wait(10_000)
        machine.write("07")
        for _ in range(20):
            machine.wait(400)
            machine.write("07")
        assert machine.speed() == 100

    def test_a_speed_during_spin_up_can_be_refused(self, bench):
        pad = bench("walkingpad-ph4")
        pad.write("00")
        pad.write("07")
        assert pad.write("02 64 00") == bytes.fromhex("80 02 05")
        pad.wait(8_000)
        assert pad.write("02 64 00") == bytes.fromhex("80 02 01")

    def test_a_speed_during_spin_up_can_kill_the_link(self, bench):
        pad = bench("kingsmith")
        pad.write("00")
        pad.write("07")
        pad.write("02 64 00")
        assert Kind.DISCONNECT in {output.kind for output in pad.outputs}

    def test_the_belt_can_creep_after_a_stop(self, bench):
        pad = bench("kingsmith")
        pad.start()
        pad.write("08 01")
        pad.wait(3_000)
        assert pad.speed() == 20
        pad.wait(5_000)
        assert pad.speed() == 0

    def test_control_can_be_declared_without_effect(self, bench):
        machine = bench("xterra-t85")
        machine.start()
        assert machine.write("02 2C 01") == bytes.fromhex("80 02 01")
        assert machine.write("03 19 00") == bytes.fromhex("80 03 01")
        machine.wait(20_000)
        assert (machine.speed(), machine.machine.drive.deck.value) == (80, 0)

    def test_out_of_range_can_drive_to_the_maximum(self, bench):
        machine = bench("fs-6041f1")
        machine.start()
        assert machine.write("03 FF FF") == bytes.fromhex("80 03 01")
        assert machine.write("02 00 00") == bytes.fromhex("80 02 01")
        machine.wait(60_000)
        assert (machine.speed(), machine.machine.drive.deck.value) == (1_600, 150)

    @pytest.mark.parametrize(
        ("rule", "answer", "speed"),
        [(OutOfRange.CLAMP, "80 02 01", 80), (OutOfRange.REFUSE, "80 02 03", 100)],
    )
    def test_out_of_range_is_clamped_or_refused(self, bench, rule, answer, speed):
        machine = bench(with_speed(load_machine("ideal"), out_of_range=rule, start_speed=100))
        machine.start()
        assert machine.write("02 0A 00") == bytes.fromhex(answer)
        machine.wait(5_000)
        assert machine.speed() == speed

    @pytest.mark.parametrize(
        ("rule", "answer", "speed"),
        [(OffStep.ACCEPT, "80 02 01", 155), (OffStep.REFUSE, "80 02 03", 80)],
    )
    def test_a_target_between_increments_is_used_or_refused(self, bench, rule, answer, speed):
        machine = bench(with_speed(load_machine("ideal"), off_step=rule))
        machine.start()
        assert machine.write("02 9B 00") == bytes.fromhex(answer)
        machine.wait(5_000)
        assert machine.speed() == speed

    @pytest.mark.parametrize(
        ("rule", "first_speed"), [(SpeedAtRest.IGNORED, 80), (SpeedAtRest.REMEMBERED, 250)]
    )
    def test_a_speed_at_rest_is_ignored_or_remembered(self, bench, rule, first_speed):
        machine = bench(with_control(load_machine("ideal"), speed_at_rest=rule))
        machine.write("00")
        assert machine.write("02 FA 00") == bytes.fromhex("80 02 01")
        machine.write("07")
        machine.wait(10_000)
        assert machine.speed() == first_speed

    @pytest.mark.parametrize(("rule", "stopped"), [(Busy.QUEUE, True), (Busy.IGNORE, False)])
    def test_a_write_while_busy_is_queued_or_ignored(self, bench, rule, stopped):
        machine = bench(with_control(load_machine("ideal"), busy=rule))
        machine.start()
        for text in ("02 64 00", "08 01"):
            machine.machine.write(Uuid.CONTROL_POINT, bytes.fromhex(text), machine.now, "app")
        machine.wait(10_000)
        assert (machine.speed() == 0) == stopped

    def test_a_second_client_can_be_refused_control(self, bench):
        machine = bench(with_control(load_machine("ideal"), takeover=Takeover.REFUSE))
        machine.start()
        machine.connect("phone")
        assert machine.write("00", "phone") == bytes.fromhex("80 00 04")
        assert machine.machine.controller == "app"


class TestStatus:
    def test_our_own_write_is_told_to_the_others_only_and_padded(self, bench):
        machine = bench("encrypted")
        machine.connect("phone")
        machine.start()
        machine.write("02 64 00")
        assert bytes.fromhex("05 64 00") not in machine.frames(Uuid.MACHINE_STATUS)
        assert bytes.fromhex("05 64 00") in machine.frames(Uuid.MACHINE_STATUS, "phone")
        assert {len(frame) for frame in machine.frames(Uuid.MACHINE_STATUS, "phone")} == {3}

    def test_started_and_stopped_can_be_told_at_the_physical_event(self, bench):
        machine = bench("encrypted")
        machine.start()
        machine.write("08 01")
        assert bytes.fromhex("02 01 00") not in machine.status()
        machine.wait(10_000)
        assert machine.status() == [bytes.fromhex("04 00 00"), bytes.fromhex("02 01 00")]
        rest = machine.machine.log.find("phase")[-1]
        told = [o.at for o in machine.outputs if o.data == bytes.fromhex("02 01 00")]
        assert told == [rest.at]


class TestIncline:
    def test_a_range_can_go_downhill_and_the_deck_may_be_left_there(self, bench):
        machine = bench("decline")
        machine.wait(2_000)
        frame = machine.telemetry()[-1]
        assert machine.machine.read(Uuid.INCLINE_RANGE, 0) == bytes.fromhex("E2FF 9600 0500")
        assert int.from_bytes(frame[7:9], "little", signed=True) == -30
        assert machine.machine.log.lowest_incline == -30

    def test_the_deck_takes_its_time(self, bench):
        machine = bench("ideal")
        machine.start()
        machine.write("03 32 00")
        machine.wait(4_520)
        assert machine.machine.drive.deck.value == 25

    def test_telemetry_can_show_the_target_while_the_deck_lags(self, bench):
        pad = bench("t12b")
        pad.start()
        pad.write("03 32 00")
        pad.wait(1_000)
        frame = pad.telemetry()[-2]
        assert int.from_bytes(frame[7:9], "little") == 50
        assert pad.machine.drive.deck.value < 10

    def test_the_incline_range_can_be_all_zero_though_it_works(self, bench):
        machine = bench("jtx")
        machine.start()
        assert machine.machine.read(Uuid.INCLINE_RANGE, 0) == bytes(6)
        assert machine.write("03 14 00") == bytes.fromhex("80 03 01")
        machine.wait(10_000)
        assert machine.machine.drive.deck.value == 20

    def test_the_shown_incline_can_be_stuck(self, bench):
        model = load_machine("ideal")
        stuck = replace(model, incline=replace(model.incline, stuck_at=bytes.fromhex("34 03")))
        machine = bench(stuck)
        machine.wait(1_000)
        assert int.from_bytes(machine.telemetry()[-1][7:9], "little") == 820


class TestLinks:
    def test_the_belt_can_start_by_itself_on_connect(self, bench):
        horizon = bench("horizon-74")
        horizon.wait(10_000)
        assert horizon.speed() == 80

    def test_the_belt_can_stop_on_connect(self, bench):
        sole = bench("sole-f65", connect=False)
        sole.machine.console.press_start(0)
        sole.wait(10_000)
        assert sole.speed() == 80
        sole.connect("app")
        sole.wait(10_000)
        assert sole.speed() == 0

    def test_the_link_can_drop_after_20_s_and_leave_a_ghost(self, bench):
        domyos = bench("domyos")
        domyos.wait(19_999)
        assert Kind.DISCONNECT not in {output.kind for output in domyos.outputs}
        domyos.wait(1)
        assert Kind.DISCONNECT in {output.kind for output in domyos.outputs}
        domyos.machine.disconnect("app", domyos.now)
        with pytest.raises(ConnectionRefusedByMachineError):
            domyos.connect("app")
        domyos.wait(500)
        domyos.connect("app")

    def test_the_belt_can_stop_with_the_link(self, bench):
        model = load_machine("ideal")
        stopping = replace(model, link=replace(model.link, on_disconnect=OnDisconnect.STOPS))
        machine = bench(stopping)
        machine.start()
        machine.machine.disconnect("app", machine.now)
        machine.wait(5_000)
        assert machine.speed() == 0

    def test_a_hidden_machine_comes_back(self, bench):
        machine = bench("ideal")
        machine.machine.hide(0, 5_000)
        machine.machine.disconnect("app", 0)
        assert machine.machine.advertisement is None
        machine.wait(5_000)
        assert machine.machine.advertisement is not None

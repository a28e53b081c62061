"""The machine as the Fitness Machine Service wants it: the ideal one, without any radio."""

import pytest

from backstride.virtual.gatt import AttCode, AttError, Uuid
from backstride.virtual.log import Phase
from backstride.virtual.machine import ConnectionRefusedByMachineError


def test_every_procedure_needs_permission(bench):
    ideal = bench("ideal")
    assert [
        ideal.write(text).hex(" ") for text in ("07", "02 64 00", "03 00 00", "08 01", "01")
    ] == [
        "80 07 05",
        "80 02 05",
        "80 03 05",
        "80 08 05",
        "80 01 05",
    ]
    assert ideal.machine.drive.phase is Phase.REST


def test_start_counts_down_for_three_seconds_and_goes_to_the_minimum(bench):
    ideal = bench("ideal")
    ideal.write("00")
    began = ideal.now
    ideal.write("07")
    ideal.run(began + 3_019)
    assert ideal.machine.drive.phase is Phase.COUNTDOWN
    ideal.run(began + 3_020)
    assert ideal.machine.drive.phase is Phase.RUNNING
    ideal.wait(10_000)
    assert ideal.speed() == 80


def test_training_status_tells_countdown_running_stopped_idle(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.write("08 01")
    ideal.wait(10_000)
    assert [frame.hex() for frame in ideal.training()] == ["000e", "000d", "000f", "0001"]
    assert ideal.machine.read(Uuid.TRAINING_STATUS, ideal.now) == b"\x00\x01"


def test_status_tells_started_target_and_stopped(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.write("02 FA 00")
    ideal.write("03 19 00")
    ideal.write("08 01")
    assert [frame.hex(" ") for frame in ideal.status()] == ["04", "05 fa 00", "06 19 00", "02 01"]


def test_a_speed_is_reached_with_the_machines_acceleration(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.write("02 2C 01")
    ideal.wait(4_400)
    assert ideal.speed() == 300


def test_telemetry_comes_once_a_second_with_the_true_speed(bench):
    ideal = bench("ideal")
    ideal.start()
    before = len(ideal.telemetry())
    ideal.wait(10_000)
    frames = ideal.telemetry()[before:]
    assert len(frames) == 10
    assert {frame[2:4].hex() for frame in frames} == {"5000"}


def test_elapsed_time_and_distance_grow_while_the_belt_moves(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.wait(60_000)
    frame = ideal.telemetry()[-1]
    assert int.from_bytes(frame[-2:], "little") in range(64, 68)
    assert int.from_bytes(frame[4:7], "little") in range(13, 16)  # 0.8 km/h for 66 s


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("02 4F 00", "80 02 03"),  # 0.79: below the minimum
        ("02 00 00", "80 02 03"),
        ("02 D1 07", "80 02 03"),  # 20.01
        ("02 50", "80 02 03"),
        ("03 FF FF", "80 03 03"),  # -0.1 %
        ("03 65 00", "80 03 03"),  # 10.1 %
        ("08 03", "80 08 03"),
        ("04 01 00", "80 04 02"),
        ("11 00 00 00 00 00 00", "80 11 02"),
        ("02 50 00", "80 02 01"),
        ("02 D0 07", "80 02 01"),
        ("03 64 00", "80 03 01"),
        ("07", "80 07 04"),
    ],
)
def test_a_running_machine_answers_what_the_specification_says(bench, text, answer):
    ideal = bench("ideal")
    ideal.start()
    assert ideal.write(text) == bytes.fromhex(answer)


def test_a_speed_between_two_increments_is_rounded_down(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.write("02 F9 00")
    assert ideal.status()[-1] == bytes.fromhex("05 F0 00")


def test_a_speed_at_rest_fails(bench):
    ideal = bench("ideal")
    ideal.write("00")
    assert ideal.write("02 64 00") == bytes.fromhex("80 02 04")


def test_stop_at_rest_succeeds_and_changes_nothing(bench):
    ideal = bench("ideal")
    ideal.write("00")
    assert ideal.write("08 01") == bytes.fromhex("80 08 01")
    assert ideal.status() == []


def test_stop_in_the_countdown_ends_it(bench):
    ideal = bench("ideal")
    ideal.write("00")
    ideal.write("07")
    ideal.write("08 01")
    ideal.wait(20_000)
    assert ideal.machine.log.top_speed == 0
    assert ideal.machine.drive.phase is Phase.REST


def test_pause_keeps_the_counters_and_stop_does_not(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.wait(60_000)
    ideal.write("08 02")
    assert ideal.status()[-1] == bytes.fromhex("02 02")
    ideal.wait(10_000)
    ideal.write("07")
    ideal.wait(10_000)
    assert int.from_bytes(ideal.telemetry()[-1][-2:], "little") > 60
    ideal.write("08 01")
    ideal.wait(10_000)
    ideal.write("07")
    ideal.wait(10_000)
    assert int.from_bytes(ideal.telemetry()[-1][-2:], "little") < 20


def test_a_second_write_while_one_runs_is_refused_and_not_queued(bench):
    ideal = bench("ideal")
    ideal.start()
    machine, now = ideal.machine, ideal.now
    machine.write(Uuid.CONTROL_POINT, bytes.fromhex("02 64 00"), now, "app")
    with pytest.raises(AttError) as error:
        machine.write(Uuid.CONTROL_POINT, bytes.fromhex("08 01"), now + 10, "app")
    assert error.value.code is AttCode.PROCEDURE_IN_PROGRESS
    ideal.wait(1_000)
    assert machine.drive.phase is Phase.RUNNING
    assert machine.log.stops == []
    assert machine.log.writes[-1].att_error == 0xFE


def test_a_write_before_the_subscription_is_refused(bench):
    ideal = bench("ideal", connect=False)
    ideal.machine.connect("app", 0)
    with pytest.raises(AttError) as error:
        ideal.machine.write(Uuid.CONTROL_POINT, b"\x00", 0, "app")
    assert error.value.code is AttCode.CCCD_IMPROPERLY_CONFIGURED


def test_an_empty_write_is_refused(bench):
    with pytest.raises(AttError, match="0x0d"):
        bench("ideal").write("")


def test_only_the_control_point_can_be_written(bench):
    with pytest.raises(AttError, match="0x03"):
        bench("ideal").machine.write(Uuid.SPEED_RANGE, b"\x00", 0, "app")


def test_telemetry_cannot_be_read(bench):
    with pytest.raises(AttError, match="0x02"):
        bench("ideal").machine.read(Uuid.TREADMILL_DATA, 0)


def test_ranges_features_and_device_information_can_be_read(bench):
    machine = bench("ideal").machine
    assert machine.read(Uuid.FEATURE, 0) == bytes.fromhex("5C 16 00 00 03 00 00 00")
    assert machine.read(Uuid.SPEED_RANGE, 0) == bytes.fromhex("50 00 D0 07 0A 00")
    assert machine.read(Uuid.INCLINE_RANGE, 0) == bytes.fromhex("00 00 64 00 05 00")
    assert machine.read(Uuid.SERIAL_NUMBER, 0) == b"VT-0001"


def test_a_second_client_takes_control_and_the_first_is_told(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.connect("phone")
    assert ideal.write("00", "phone") == bytes.fromhex("80 00 01")
    assert ideal.status()[-1] == b"\xff"
    assert ideal.machine.controller == "phone"
    assert ideal.write("02 64 00") == bytes.fromhex("80 02 05")
    assert ideal.write("08 01") == bytes.fromhex("80 08 05")


def test_no_more_clients_than_the_machine_takes(bench):
    ideal = bench("ideal")
    ideal.connect("phone")
    assert ideal.machine.advertisement is None
    with pytest.raises(ConnectionRefusedByMachineError):
        ideal.connect("third")


def test_permission_ends_with_the_connection_and_the_belt_runs_on(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.machine.disconnect("app", ideal.now)
    assert ideal.machine.controller is None
    ideal.wait(60_000)
    assert ideal.speed() == 80
    ideal.connect("app")
    assert ideal.write("08 01") == bytes.fromhex("80 08 05")


def test_reset_stops_the_belt_and_gives_control_up(bench):
    ideal = bench("ideal")
    ideal.start()
    assert ideal.write("01") == bytes.fromhex("80 01 01")
    assert ideal.machine.controller is None
    assert ideal.status()[-1] == b"\x01"
    ideal.wait(5_000)
    assert ideal.speed() == 0


def test_the_machine_can_take_control_back(bench):
    ideal = bench("ideal")
    ideal.start()
    ideal.machine.take_control(ideal.now)
    ideal.wait(1)
    assert ideal.status()[-1] == b"\xff"
    assert ideal.write("02 64 00") == bytes.fromhex("80 02 05")


class TestConsole:
    def test_a_start_at_the_console_needs_no_permission(self, bench):
        ideal = bench("ideal")
        ideal.machine.console.press_start(0)
        ideal.wait(8_000)
        assert (ideal.speed(), ideal.status()) == (80, [b"\x04"])

    def test_a_stop_at_the_console_is_told(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.machine.console.press_stop(ideal.now)
        ideal.wait(10_000)
        assert ideal.status()[-1] == b"\x02\x01"
        assert ideal.speed() == 0

    def test_a_pause_at_the_console_is_told(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.machine.console.press_pause(ideal.now)
        ideal.wait(10)
        assert ideal.status()[-1] == b"\x02\x02"

    def test_a_speed_and_an_incline_at_the_console_are_told(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.machine.console.press_speed(300, ideal.now)
        ideal.machine.console.press_incline(20, ideal.now)
        ideal.wait(20_000)
        assert ideal.status()[-2:] == [bytes.fromhex("05 2C 01"), bytes.fromhex("06 14 00")]
        assert (ideal.speed(), ideal.machine.drive.deck.value) == (300, 20)

    def test_the_console_stays_inside_the_range(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.machine.console.press_speed(9_999, ideal.now)
        ideal.machine.console.press_incline(-50, ideal.now)
        ideal.wait(60_000)
        assert (ideal.speed(), ideal.machine.drive.deck.value) == (2_000, 0)

    def test_a_pulled_key_stops_the_belt_and_forbids_the_start(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.machine.console.pull_key(ideal.now)
        ideal.wait(10_000)
        assert (ideal.speed(), ideal.status()[-1]) == (0, b"\x03")
        assert ideal.write("07") == bytes.fromhex("80 07 04")
        ideal.machine.console.insert_key(ideal.now)
        assert ideal.write("07") == bytes.fromhex("80 07 01")

    def test_presses_are_in_the_log(self, bench):
        ideal = bench("ideal")
        ideal.machine.console.press_start(0)
        ideal.machine.console.press_speed(200, 10)
        assert [happening.detail for happening in ideal.machine.log.find("console")] == [
            "start",
            "speed 200",
        ]


class TestLog:
    def test_a_write_is_kept_with_the_true_speed_of_its_moment(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.write("02 C8 00")
        ideal.wait(1_000)
        ideal.write("08 01")
        stop = ideal.machine.log.stops[0]
        assert (stop.data, stop.result, stop.phase) == (b"\x08\x01", 1, Phase.RUNNING)
        assert stop.speed == 154  # 1.48 s after the target was taken, at 0.5 km/h per s

    def test_the_questions_that_tests_ask(self, bench):
        ideal = bench("ideal")
        ideal.start()
        for text in ("02 5A 00", "02 78 00", "02 64 00", "03 0A 00", "08 01"):
            ideal.write(text)
        ideal.wait(10_000)
        log = ideal.machine.log
        assert log.opcodes == [0x00, 0x07, 0x02, 0x02, 0x02, 0x03, 0x08]
        assert log.speed_targets == [90, 120, 100]
        assert log.incline_targets == [10]
        assert (log.largest_rise(), log.largest_fall()) == (30, 20)
        assert log.moving_starts() == []
        assert log.phases == [
            Phase.REST,
            Phase.COUNTDOWN,
            Phase.RUNNING,
            Phase.STOPPING,
            Phase.REST,
        ]
        assert log.top_speed in range(110, 121)
        assert (log.lowest_incline, log.samples[-1].speed) == (0, 0)

    def test_a_start_on_a_moving_belt_is_found(self, bench):
        ideal = bench("ideal")
        ideal.start()
        ideal.write("07")
        assert [write.speed for write in ideal.machine.log.moving_starts()] == [80]


def test_the_same_inputs_give_the_same_outputs(bench):
    def run():
        made = bench("citysports")
        made.start()
        made.write("02 C8 00")
        made.wait(30_000)
        made.write("08 01")
        made.wait(20_000)
        return made.outputs

    assert run() == run()


def test_the_order_of_calls_in_time_does_not_depend_on_how_often_it_is_advanced(bench):
    coarse, fine = bench("citysports"), bench("citysports")
    for made, step in ((coarse, 60_000), (fine, 7)):
        made.start()
        start = made.now
        while made.now < start + 60_000:
            made.run(min(made.now + step, start + 60_000))
    assert fine.outputs == coarse.outputs

"""Each fault does what it says, at its time."""

import asyncio

import pytest

from backstride.virtual.catalogue import load_machine
from backstride.virtual.fault_kinds import (
    Button,
    Corrupt,
    Delay,
    Disconnect,
    Drop,
    Press,
    Refuse,
    Scope,
    SetIncline,
    SetSpeed,
    Stream,
    Trigger,
)
from backstride.virtual.fault_script import FaultTextError, parse_fault, plan_script
from backstride.virtual.faults import Faults
from backstride.virtual.gatt import Uuid
from backstride.virtual.log import Phase
from backstride.virtual.machine import Machine

START = ("00", "07")


class Patient:
    """A machine with faults, a connected client, and time as an argument."""

    def __init__(self, script: str = "", *, name: str = "ideal", seed: int = 0) -> None:
        self.machine = Machine(load_machine(name))
        self.faults = Faults(self.machine, seed=seed)
        plan_script(self.faults, script)
        self.outputs = []
        self.now = 0
        self.faults.advance(0)
        self.machine.connect("app", 0)
        for uuid in (
            Uuid.TREADMILL_DATA,
            Uuid.CONTROL_POINT,
            Uuid.MACHINE_STATUS,
            Uuid.TRAINING_STATUS,
        ):
            self.machine.subscribe("app", uuid, 0)

    def run(self, to_ms: int) -> None:
        """As a pump does: ask exactly when something is due."""
        while (due := self.faults.next_due()) is not None and due <= to_ms:
            self.outputs += [(due, output) for output in self.faults.advance(due)]
        self.now = to_ms
        self.outputs += [(to_ms, output) for output in self.faults.advance(to_ms)]

    def write(self, *texts: str) -> None:
        for text in texts:
            self.machine.write(Uuid.CONTROL_POINT, bytes.fromhex(text), self.now, "app")
            self.run(self.now + 100)

    def frames(self, uuid: Uuid) -> list[tuple[int, bytes]]:
        return [(at, output.data) for at, output in self.outputs if output.uuid is uuid]

    def telemetry(self) -> list[tuple[int, bytes]]:
        return self.frames(Uuid.TREADMILL_DATA)

    def answers(self) -> list[str]:
        return [data.hex(" ") for _, data in self.frames(Uuid.CONTROL_POINT)]


def times(frames) -> list[int]:
    return [at // 1_000 for at, _ in frames]


def test_without_faults_nothing_changes():
    patient = Patient()
    patient.run(5_000)
    assert times(patient.telemetry()) == [1, 2, 3, 4, 5]


def test_mute_takes_telemetry_away_for_its_time():
    patient = Patient("at 2.5 s: mute telemetry for 4 s")
    patient.run(10_000)
    assert times(patient.telemetry()) == [1, 2, 7, 8, 9, 10]


def test_a_fault_can_wait_for_an_event():
    patient = Patient("2 s after motion: mute telemetry for 3 s")
    patient.write(*START)
    patient.run(12_000)
    motion = next(h.at for h in patient.machine.log.find("phase") if h.detail == "RUNNING")
    assert motion == 3_120
    assert times(patient.telemetry()) == [1, 2, 3, 4, 5, 9, 10, 11, 12]


def test_drop_loses_its_share_and_the_same_one_for_the_same_seed():
    runs = []
    for seed in (1, 1, 2):
        patient = Patient("drop telemetry 30 %", seed=seed)
        patient.run(1_000_000)
        runs.append(times(patient.telemetry()))
    assert runs[0] == runs[1] != runs[2]
    assert 650 < len(runs[0]) < 750


def test_duplicate_sends_twice():
    patient = Patient("duplicate telemetry")
    patient.run(3_000)
    assert times(patient.telemetry()) == [1, 1, 2, 2, 3, 3]


def test_a_number_of_times_is_counted():
    patient = Patient("duplicate telemetry twice")
    patient.run(4_000)
    assert times(patient.telemetry()) == [1, 1, 2, 2, 3, 4]


def test_delay_keeps_the_frame_and_its_content():
    patient = Patient("delay telemetry by 2.5 s for 3500 ms")
    patient.run(8_000)
    assert [at for at, _ in patient.telemetry()] == [
        3_500,
        4_000,
        4_500,
        5_000,
        5_500,
        6_000,
        7_000,
        8_000,
    ]


def test_corrupt_changes_frames():
    patient = Patient("corrupt telemetry", seed=3)
    healthy = Patient()
    for each in (patient, healthy):
        each.run(50_000)
    pairs = list(zip(patient.telemetry(), healthy.telemetry(), strict=True))
    assert all(ill != well for (_, ill), (_, well) in pairs)
    assert {len(data) < 18 for _, data in patient.telemetry()} == {True, False}


def test_freeze_repeats_the_first_frame_of_its_time():
    patient = Patient("at 10 s: freeze telemetry for 6 s")
    patient.write(*START)
    patient.run(20_000)
    frames = [data for _, data in patient.telemetry()]
    assert len(set(frames[10:15])) == 1
    assert len(set(frames[15:])) == 5


def test_muted_answers_are_lost_but_the_effect_is_not():
    patient = Patient("mute answers")
    patient.write(*START)
    patient.run(10_000)
    assert patient.answers() == []
    assert patient.machine.drive.phase is Phase.RUNNING


def test_a_mismatched_answer_names_another_procedure():
    patient = Patient("mismatch answers")
    patient.write(*START)
    assert patient.answers() == ["80 07 01", "80 00 01"]


def test_late_answers_come_late():
    patient = Patient("delay answers by 4 s once")
    patient.write("00")
    patient.run(10_000)
    assert [at for at, _ in patient.frames(Uuid.CONTROL_POINT)] == [4_040]


def test_a_refused_procedure_has_no_effect():
    patient = Patient("refuse start with 04 once")
    patient.write(*START, "07")
    assert patient.answers() == ["80 00 01", "80 07 04", "80 07 01"]
    assert [write.result for write in patient.machine.log.starts] == [4, 1]


def test_a_silent_control_point_neither_answers_nor_acts():
    patient = Patient("at 500 ms: silent control point for 10 s")
    patient.write("00")
    patient.run(1_000)
    patient.write("07")
    patient.run(9_000)
    assert patient.answers() == ["80 00 01"]
    assert patient.machine.log.top_speed == 0
    assert patient.machine.log.starts[0].result is None


def test_disconnect_drops_the_link():
    patient = Patient("1 s after connect: disconnect")
    patient.run(2_000)
    assert [(at, output.kind.name) for at, output in patient.outputs if not output.data] == [
        (1_000, "DISCONNECT")
    ]


def test_people_do_what_people_do():
    patient = Patient(
        """
        # a walker who plays with everything
        at 1 s: press start
        6 s after motion: press speed 3.0 km/h
        7 s after motion: press incline 2 %
        20 s after motion: pull key
        15 s after stop: insert key
        16 s after stop: step off
        17 s after stop: step on
        """
    )
    patient.run(60_000)
    assert [happening.detail for happening in patient.machine.log.find("console")] == [
        "start",
        "speed 300",
        "incline 20",
        "pull key",
        "insert key",
        "step off",
        "step on",
    ]
    assert patient.machine.log.top_speed == 300
    assert [h.what for h in patient.faults.log][:3] == ["Press", "SetSpeed", "SetIncline"]


def test_control_can_be_taken_and_the_machine_reset():
    patient = Patient("3 s after motion: take control\n6 s after motion: reset")
    patient.write(*START)
    patient.run(20_000)
    status = [data.hex() for _, data in patient.frames(Uuid.MACHINE_STATUS)]
    assert status == ["04", "ff", "0201", "01"]


def test_a_fault_strikes_at_its_millisecond():
    patient = Patient("at 1234 ms: press start")
    patient.run(10_000)
    assert patient.machine.log.find("console")[0].at == 1_234


def test_faults_can_be_planned_while_running_and_cleared():
    patient = Patient()
    patient.run(2_500)
    patient.faults.plan(Drop(Stream.EVERYTHING))
    patient.run(5_500)
    patient.faults.clear()
    patient.run(8_000)
    assert times(patient.telemetry()) == [1, 2, 6, 7, 8]


async def test_on_a_loop_faults_count_from_when_they_are_served(rig):
    await asyncio.sleep(1_000)
    async with rig("ideal", script="at 5 s: press start") as r:
        await asyncio.sleep(6)
        assert r.machine.log.find("console")[0].at == pytest.approx(1_005_000, abs=100)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "30 s after start: mute telemetry for 4 s",
            (30_000, Trigger.START, Drop(Stream.TELEMETRY, Scope(lasting=4_000))),
        ),
        ("after connect: disconnect for 5 s", (0, Trigger.CONNECT, Disconnect(5_000))),
        ("disconnect", (0, Trigger.NOW, Disconnect())),
        ("at 1 min: press stop", (60_000, Trigger.NOW, Press(Button.STOP))),
        ("press speed 1.2 km/h", (0, Trigger.NOW, SetSpeed(120))),
        ("press incline -1.5 %", (0, Trigger.NOW, SetIncline(-15))),
        (
            "corrupt status 10 % 3 times for 1 min",
            (
                0,
                Trigger.NOW,
                Corrupt(Stream.STATUS, Scope(lasting=60_000, times=3, percent=10)),
            ),
        ),
        (
            "delay answers by 2 s once",
            (0, Trigger.NOW, Delay(Stream.ANSWERS, Scope(times=1), by=2_000)),
        ),
        ("refuse speed with 05 twice", (0, Trigger.NOW, Refuse(2, 5, Scope(times=2)))),
        ("silent control point", (0, Trigger.NOW, Refuse(None, None))),
    ],
)
def test_a_line_is_read(line, expected):
    assert parse_fault(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "explode",
        "drop",
        "drop frames",
        "delay telemetry",
        "in 3 s: disconnect",
        "5 s after lunch: disconnect",
        "5 after start: disconnect",
        "press speed 3",
        "refuse speed with 06",
        "mute telemetry for ever",
    ],
)
def test_a_wrong_line_is_answered_with_what_is_accepted(line):
    with pytest.raises(FaultTextError, match=r"write .*mute.*press incline"):
        parse_fault(line)


def test_a_script_with_a_wrong_line_plans_nothing():
    faults = Faults(Machine(load_machine("ideal")))
    with pytest.raises(FaultTextError):
        plan_script(faults, "disconnect\nexplode")
    assert faults.next_due() is None

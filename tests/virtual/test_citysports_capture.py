"""The virtual CITYSPORTS against the recorded one: the captured writes at their captured times.

The three captured sessions are played in their order on one machine, because the delays of its answers are
the recorded ones in that order. Compared are the order of everything on control point, status and training
status, its bytes, its times within 50 ms, and each telemetry frame against what the machine shows then.
"""

import json
from collections.abc import Iterator

import pytest
from msgspec import Struct

from backstride.virtual.catalogue import load_machine
from backstride.virtual.gatt import Uuid
from backstride.virtual.machine import Machine

SESSIONS = ("initial", "second", "third")
TOLERANCE_MS = 50
"""Demanded of the exchange."""
PAUSE_MS = 60_000
"""Between two sessions, so that the belt of the last one stands."""
TELEMETRY_PERIOD_MS = 200
SPEED_TOLERANCE = 10
"""0.01 km/h: one step of what the machine shows, while it ramps after a Stop."""

# What the recorded walker did, from the recorded counters: nobody in the first session; in the second
# from about 10.2 s on; in the third on the belt for the first two seconds of motion only.
WALKER = {
    "initial": {0: False},
    "second": {0: False, 10_240: True},
    "third": {0: True, 6_300: False},
}


class Frame(Struct, frozen=True):
    at: int
    uuid: Uuid
    direction: str
    data: bytes


def read_capture(captures_dir) -> dict[str, list[Frame]]:
    sessions: dict[str, list[Frame]] = {name: [] for name in SESSIONS}
    for line in (captures_dir / "citysports-a.jsonl").read_text().splitlines():
        row = json.loads(line)
        name = row["id"].split("-")[2]
        if name in sessions and row["t"] is not None:
            at = round(row["t"] * 1_000)
            data = bytes.fromhex(row["hex"])
            sessions[name].append(Frame(at, Uuid(int(row["char"], 16)), row["dir"], data))
    return sessions


class Replay:
    """One captured session on the virtual machine; times count from the session's beginning."""

    def __init__(self, captured: list[Frame], heard: list[Frame]) -> None:
        self.captured = captured
        self.heard = heard

    def exchange(self, frames: list[Frame]) -> list[Frame]:
        """Status, training status and answers; what came upon subscription is left out."""
        kinds = (Uuid.CONTROL_POINT, Uuid.MACHINE_STATUS, Uuid.TRAINING_STATUS)
        first_write = next(f.at for f in self.captured if f.direction == "write")
        return [
            frame
            for frame in frames
            if frame.uuid in kinds
            and frame.direction in ("notify", "indicate")
            and first_write <= frame.at <= self.captured[-1].at
        ]


def replay(machine: Machine, captured: list[Frame], began: int, walker: dict[int, bool]) -> Replay:
    heard: list[Frame] = []

    def run(to_ms: int) -> None:
        for output in machine.advance(began + to_ms):
            direction = output.kind.name.lower()
            heard.append(Frame(output.at - began, output.uuid, direction, output.data))

    def step(at: int, *, on: bool) -> None:
        run(at)
        (machine.console.step_on if on else machine.console.step_off)(began + at)

    client = f"phone at {began}"
    machine.connect(client, began)
    for uuid in (
        Uuid.TREADMILL_DATA,
        Uuid.MACHINE_STATUS,
        Uuid.TRAINING_STATUS,
        Uuid.CONTROL_POINT,
    ):
        machine.subscribe(client, uuid, began)
    changes = dict(walker)
    for frame in captured:
        for at in [at for at in changes if at <= frame.at]:
            step(at, on=changes.pop(at))
        run(frame.at)
        if frame.direction == "write":
            machine.write(frame.uuid, frame.data, began + frame.at, client)
        elif frame.direction == "read":
            assert machine.read(frame.uuid, began + frame.at) == frame.data
    run(captured[-1].at + 1_000)
    machine.disconnect(client, began + captured[-1].at + 1_000)
    return Replay(captured, heard)


@pytest.fixture(scope="module")
def replays(captures_dir) -> dict[str, Replay]:
    machine = Machine(load_machine("citysports"))
    made = {}
    began = 0
    for name, captured in read_capture(captures_dir).items():
        made[name] = replay(machine, captured, began, WALKER[name])
        began += captured[-1].at + PAUSE_MS
    return made


@pytest.fixture(params=SESSIONS)
def session(request, replays) -> Replay:
    return replays[request.param]


def test_the_exchange_has_the_recorded_order_and_bytes(session):
    recorded = session.exchange(session.captured)
    shown = session.exchange(session.heard)
    assert [(f.uuid.name, f.direction, f.data.hex(" ")) for f in shown] == [
        (f.uuid.name, f.direction, f.data.hex(" ")) for f in recorded
    ]
    assert len(recorded) > 10


def test_the_exchange_has_the_recorded_times_within_50_ms(session):
    recorded = session.exchange(session.captured)
    shown = session.exchange(session.heard)
    late = {
        f"{there.at} {there.uuid.name}": here.at - there.at
        for here, there in zip(shown, recorded, strict=True)
        if abs(here.at - there.at) > TOLERANCE_MS
    }
    assert late == {}


def test_each_write_is_answered_before_the_next_one(session):
    """The recorded machine was never asked twice at once, so `Busy` was never needed."""
    assert [f.direction for f in session.captured if f.uuid is Uuid.CONTROL_POINT] == [
        "write",
        "indicate",
    ] * (len([f for f in session.captured if f.direction == "write"]))


def telemetry(frames: list[Frame]) -> list[Frame]:
    return [frame for frame in frames if frame.uuid is Uuid.TREADMILL_DATA]


def neighbours(session: Replay) -> Iterator[tuple[Frame, list[Frame]]]:
    """Each recorded frame, with the virtual frames that the machine sent around that moment.

    The phase of the two clocks is unknown, so the frames of one period on either side count.
    """
    shown = telemetry(session.heard)
    for frame in telemetry(session.captured):
        near = [each for each in shown if abs(each.at - frame.at) <= TELEMETRY_PERIOD_MS]
        if near:
            yield frame, near


def test_telemetry_comes_at_the_recorded_rate(session):
    recorded = telemetry(session.captured)
    lasting = recorded[-1].at - recorded[0].at
    shown = [f for f in telemetry(session.heard) if recorded[0].at <= f.at <= recorded[-1].at]
    assert lasting / len(shown) == pytest.approx(lasting / len(recorded), rel=0.1)


def test_telemetry_has_the_recorded_layout(session):
    assert {(len(f.data), f.data[:2]) for f in telemetry(session.heard)} == {
        (len(f.data), f.data[:2]) for f in telemetry(session.captured)
    }


def test_the_shown_speed_is_the_recorded_one(session):
    def speed(frame: Frame) -> int:
        return int.from_bytes(frame.data[2:4], "little")

    off = [
        (frame.at, speed(frame), sorted({speed(each) for each in near}))
        for frame, near in neighbours(session)
        if not any(abs(speed(each) - speed(frame)) <= SPEED_TOLERANCE for each in near)
    ]
    assert off == []


@pytest.mark.parametrize(
    ("name", "start", "length", "tolerance"),
    # Distance in m, time in s, steps; a machine that looks for a walker takes a moment to decide,
    # and its steps are counted while ours come from the distance.
    [("distance", 4, 3, 2), ("elapsed", 12, 2, 2), ("steps", 14, 3, 12)],
)
def test_the_counters_follow_the_recorded_ones(session, name, start, length, tolerance):
    def value(frame: Frame) -> int:
        return int.from_bytes(frame.data[start : start + length], "little")

    off = [
        (frame.at, value(frame), value(near[0]))
        for frame, near in neighbours(session)
        if min(abs(value(each) - value(frame)) for each in near) > tolerance
    ]
    assert off == [], name

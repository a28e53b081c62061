"""Figures in, verdict out."""

import pytest

from backstride.domain import judgement as judge
from backstride.domain.commissioning import Proof
from backstride.domain.events import Telemetry
from backstride.domain.judgement import Halt, Laps, Presses, Probe, Started
from backstride.domain.machine import BeltStart, InclineRange, Machine, SpeedRange

PROVEN, FAILED, NOT_TESTED = Proof.PROVEN, Proof.FAILED, Proof.NOT_TESTED


def machine(minimum=80, increment=10, incline=None, name="X"):
    return Machine(
        address="a",
        name=name,
        fingerprint="f",
        speed=SpeedRange(minimum, 2000, increment),
        incline=incline,
        belt_start=BeltStart.CONSOLE,
    )


def frames(*times, speed=80, **fields):
    return tuple(Telemetry(at=at, epoch=1, speed=speed, **fields) for at in times)


def test_a_machine_is_named_by_its_fingerprint():
    assert judge.judge_identity(machine(name=None)).figure == "no name, fingerprint f"


@pytest.mark.parametrize(
    ("found", "proof", "end"),
    [
        (machine(), PROVEN, "sets no incline"),
        (machine(incline=InclineRange(-30, 150, 5)), PROVEN, "-3.0 % to 15.0 %"),
        (machine(increment=50), PROVEN, "sets no incline"),
        (machine(increment=51), FAILED, "too coarse to ramp"),
        (machine(minimum=200), PROVEN, "sets no incline"),
        (machine(minimum=201), FAILED, "too fast to begin with"),
    ],
)
def test_ranges_must_be_slow_and_fine_enough(found, proof, end):
    finding = judge.judge_ranges(found)
    assert (finding.proof, finding.figure.endswith(end)) == (proof, True)


@pytest.mark.parametrize(
    ("speeds", "incline", "proof", "figure"),
    [
        ((0, 0), 0, PROVEN, "the belt stands, deck at 0.0 %"),
        ((0, 0), None, PROVEN, "the belt stands"),
        ((), 0, PROVEN, "the belt stands, by a person's word; no telemetry at rest"),
        ((0, 80), 0, FAILED, "the belt moves at 0.8 km/h"),
    ],
)
def test_the_belt_must_stand_when_we_connect(speeds, incline, proof, figure):
    finding = judge.judge_connecting(speeds, incline)
    assert (finding.proof, finding.figure) == (proof, figure)


@pytest.mark.parametrize(
    ("records", "proof", "figure"),
    [
        (
            frames(0, 1000, 2000, 3000, heart_rate=90, distance=1),
            PROVEN,
            "a record each 1.0 s, longest gap 1.0 s; speed, distance, heart rate",
        ),
        (frames(0, 1000, 2000, 5000), PROVEN, "a record each 1.0 s, longest gap 3.0 s; speed"),
        (frames(0, 1000, 2000, 5001), FAILED, "a record each 1.0 s, longest gap 3.0 s; speed"),
        (frames(0, 1000, 2000), FAILED, "3 records in 12.0 s of a moving belt"),
        (frames(0, 1, 2, 3, 4, speed=None), FAILED, "0 records in 12.0 s of a moving belt"),
    ],
)
def test_telemetry_must_come_often_enough(records, proof, figure):
    finding = judge.judge_telemetry(records, 12_000)
    assert (finding.proof, finding.figure) == (proof, figure)


@pytest.mark.parametrize(
    ("probe", "proof", "figure"),
    [
        (
            Probe(80, 80, 90, 90),
            PROVEN,
            "told 0.8 km/h, shows 0.8 km/h; told 0.9 km/h, shows 0.9 km/h",
        ),
        (Probe(80, 90, 90, 100), PROVEN, "0.9 km/h; told 0.9 km/h, shows 1.0 km/h"),
        (Probe(80, 80, 90, 85), PROVEN, "shows 0.85 km/h"),
        (Probe(80, 80, 90, 84), FAILED, "not the step that it was told"),
        (Probe(80, 80, 90, 100), PROVEN, "shows 1.0 km/h"),
        (Probe(80, 80, 90, 101), FAILED, "not the step that it was told"),
        (Probe(80, 80, 90, 80), FAILED, "no effect"),
        (Probe(80, 80, 90, 70), FAILED, "no effect"),
        (Probe(80, 129), FAILED, "told 0.8 km/h, shows 1.29 km/h: it takes mph"),
        (Probe(80, 50), FAILED, "told 0.8 km/h, shows 0.5 km/h: it shows mph"),
        (Probe(80, 91), FAILED, "it does not do what it is told"),
        (Probe(80, 0), FAILED, "it does not do what it is told"),
        (Probe(80, None, refusal="not sent: x"), FAILED, "not sent: x"),
        (Probe(80, None), FAILED, "no telemetry after the command"),
        (Probe(80, 80, 90, None, "refused: failed"), FAILED, "no step up: refused: failed"),
        (Probe(80, 80), FAILED, "no step up: no telemetry"),
    ],
)
def test_a_probe_must_leave_and_then_raise_the_belt(probe, proof, figure):
    finding = judge.judge_probe(probe)
    assert (finding.proof, finding.figure.endswith(figure)) == (proof, True), finding.figure


def test_control_that_was_granted_late_is_told():
    figure = judge.judge_probe(Probe(80, 80, 90, 90), requests=2).figure
    assert figure.endswith("; control granted at request 2")


@pytest.mark.hazard("H20")
def test_a_belt_in_miles_obeys_a_unit_and_a_dead_one_none():
    probes = (Probe(80, 80, 90, 90), Probe(80, 129), Probe(80, 80, 90, 80), Probe(80, 50))
    assert [judge.obeys_a_unit(judge.judge_probe(p)) for p in probes] == [True, True, False, False]


def test_a_count_of_revolutions_is_a_speed():
    # 3 x 2.6 m in 31.2 s: 0.25 m/s.
    assert Laps(3, 2600, 31_200).speed == 90
    assert Laps(3, 2600, 0).speed == 2_808_000


LAPS = Laps(3, 2600, 31_200)


@pytest.mark.hazard("H05", "H20")
@pytest.mark.parametrize(
    ("laps", "shown", "told", "proof", "end"),
    [
        (None, 90, 90, NOT_TESTED, "nobody counted the belt's revolutions"),
        (LAPS, None, 90, FAILED, "and no telemetry"),
        (LAPS, 0, 90, FAILED, "and no telemetry"),
        (LAPS, 90, 90, PROVEN, "truly 0.9 km/h, shows 0.9 km/h"),
        (LAPS, 90, None, PROVEN, "truly 0.9 km/h, shows 0.9 km/h"),
        (LAPS, 81, 90, PROVEN, "shows 0.81 km/h"),
        (LAPS, 102, 90, PROVEN, "shows 1.02 km/h"),
        (LAPS, 103, 90, FAILED, "telemetry is wrong"),
        (LAPS, 79, 90, FAILED, "telemetry is wrong"),
        (LAPS, 56, 90, FAILED, "telemetry is in mph"),
        (LAPS, 90, 56, FAILED, "told 0.56 km/h: it takes another unit"),
    ],
)
def test_units_are_judged_by_the_true_speed(laps, shown, told, proof, end):
    finding = judge.judge_units(laps, shown, told)
    assert (finding.proof, finding.figure.endswith(end)) == (proof, True), finding.figure


@pytest.mark.hazard("H07")
@pytest.mark.parametrize(
    ("halt", "proof", "figure"),
    [
        (
            Halt(160, "confirmed", 400, 4000, moves=False),
            PROVEN,
            "confirmed, from 1.6 km/h, slows down after 0.4 s, shown at rest after 4.0 s, 0.4 km/h per s",
        ),
        (Halt(None, "x", None, 20_000, moves=False), PROVEN, "at rest after 20.0 s"),
        (Halt(0, "x", None, 0, moves=False), PROVEN, "at rest after 0.0 s"),
        (Halt(160, "x", None, 20_001, moves=False), FAILED, "that is not seen in time"),
        (
            Halt(160, "x", None, None, moves=False),
            FAILED,
            "it stands, and that is not seen in time",
        ),
        (Halt(160, "x", 1, 2, moves=True), FAILED, "the belt still moves"),
    ],
)
def test_a_stop_must_stop_the_belt_and_be_seen(halt, proof, figure):
    finding = judge.judge_stop(halt)
    assert (finding.proof, finding.figure.endswith(figure)) == (proof, True), finding.figure


@pytest.mark.hazard("H16")
@pytest.mark.parametrize(
    ("moves", "restarted", "proof"),
    [(False, False, PROVEN), (True, False, FAILED), (False, True, FAILED)],
)
def test_a_second_stop_must_not_start_the_belt(moves, restarted, proof):
    halt = Halt(160, "x", 1, 2, moves=moves)
    assert judge.judge_stop_again(halt, restarted=restarted).proof is proof


@pytest.mark.hazard("H01", "H06")
@pytest.mark.parametrize(
    ("started", "proof", "end"),
    [
        (Started(80, 160, 4000, 80, lasted=True), PROVEN, "after a run at 1.6 km/h"),
        (Started(80, 160, 4000, 110, lasted=True), PROVEN, "after a run at 1.6 km/h"),
        (Started(80, 160, 4000, 111, lasted=True), FAILED, "above its lowest 0.8 km/h"),
        (Started(80, 160, 4000, 80, lasted=False), FAILED, "stops again by itself"),
        (Started(80, 160, None, 0, lasted=True), FAILED, "the belt does not move"),
        (Started(80, 110, 4000, 80, lasted=True), NOT_TESTED, "so it may resume at one"),
    ],
)
def test_a_start_must_go_to_the_lowest_speed_after_a_faster_run(started, proof, end):
    finding = judge.judge_start(started)
    assert (finding.proof, finding.figure.endswith(end)) == (proof, True), finding.figure


@pytest.mark.hazard("H17")
@pytest.mark.parametrize(
    ("presses", "proof", "figure"),
    [
        (
            Presses("status 04", "status 05", "status 02 01"),
            PROVEN,
            "start: status 04, faster: status 05, stop: status 02 01",
        ),
        (Presses(None, "seen", "seen"), PROVEN, "start: nothing, faster: seen, stop: seen"),
        (Presses(None, None, "seen"), FAILED, "start: nothing, faster: nothing, stop: seen"),
        (Presses(None, "seen", None), FAILED, "start: nothing, faster: seen, stop: nothing"),
    ],
)
def test_a_walkers_presses_must_be_seen(presses, proof, figure):
    finding = judge.judge_console(presses)
    assert (finding.proof, finding.figure) == (proof, figure)


@pytest.mark.parametrize(
    ("moves", "reported", "proof", "begin"),
    [
        (False, True, PROVEN, "reported as status 03; key pulled"),
        (False, False, PROVEN, "not reported; key pulled"),
        (True, True, FAILED, "reported as status 03; the belt still moves"),
    ],
)
def test_the_key_must_stop_the_belt(moves, reported, proof, begin):
    halt = Halt(80, "key pulled", None, 1000, moves=moves)
    finding = judge.judge_key(halt, reported=reported)
    assert (finding.proof, finding.figure.startswith(begin)) == (proof, True)


@pytest.mark.hazard("H09")
@pytest.mark.parametrize(("moves", "proof"), [(True, FAILED), (False, PROVEN)])
def test_link_loss_is_judged_by_the_persons_eyes(moves, proof):
    assert judge.judge_link_loss(moves=moves, after=16_000).proof is proof


@pytest.mark.hazard("H18")
@pytest.mark.parametrize(
    ("connected", "lost", "kept", "proof"),
    [
        (False, False, True, PROVEN),
        (True, True, False, PROVEN),
        (True, False, True, PROVEN),
        (True, False, False, FAILED),
    ],
)
def test_control_must_not_be_taken_unnoticed(connected, lost, kept, proof):
    assert judge.judge_second_client(connected=connected, lost=lost, kept=kept).proof is proof

"""Every payload against its schema, both ways, and the shipped schemas against the code."""

import json

import jsonschema
import msgspec
import pytest

from backstride.domain.events import Ask
from backstride.domain.notices import CueKind, Reply
from backstride.domain.progression import Decision
from backstride.domain.session import Phase
from backstride.domain.workout import Effort, Facing, Level
from backstride.mqtt import health, history, offers, quantities, schema, schema_files, training

TIME = "2026-11-20T07:35:00.250Z"
BOOT = "boot-0123"

FULL = {
    "state": schema.State(
        boot=BOOT,
        seq=7,
        time=TIME,
        phase=Phase.RUNNING,
        stage="work",
        sentence="Walk backward at 1.2 km/h.",
        program="first-steps",
        program_name="First steps",
        speed=schema.SpeedState(measured=1.17, target=1.2, setpoint=1.25, cap=4.0),
        incline=schema.InclineState(measured=0.0, target=0.0, cap=5.0),
        age=0.4,
        script=schema.ScriptState(elapsed=61.5, remaining=900.0),
        step=schema.StepState(
            index=2, count=9, name="work", effort=Effort.WORK, facing=Facing.BACKWARD, remaining=30.0
        ),
        next=schema.NextState(in_s=30.0, speed=1.0, facing=Facing.BACKWARD, cue="slower"),
        cue=schema.CueState(number=4, kind=CueKind.FASTER, text="Faster in 5"),
        alarm=schema.AlarmState(cause="stale", sentence="No news.", latched=True),
        holding=("stale",),
        distance=21,
        elapsed=61.0,
        heart_rate=101,
        energy=3.5,
        link=True,
        machine="CITYSPORTS",
    ),
    "connection": schema.Connection(
        boot=BOOT, time=TIME, up=False, stage="searching", address="AA:BB", name="X", rssi=-60,
        epoch=3, reason="out of range",
    ),
    "info": schema.Info(
        boot=BOOT,
        id="gym",
        version="0.1.0",
        schemas=schema.VERSIONS,
        capabilities=("incline",),
        machine=offers.MachineInfo(
            name="X",
            address="AA:BB",
            fingerprint="f",
            speed=offers.RangeInfo(minimum=0.5, maximum=6.0, increment=0.1),
            incline=None,
            belt_start="console",
        ),
        limits={"speed": offers.LimitInfo(value=4.0, unit="km/h", layer="site", reason="adults")},
    ),
    "programs": schema.Programs(
        programs=(
            schema.ProgramInfo(
                id="first-steps", name="First steps", goal="gait", level=Level.BEGINNER,
                duration=900.0, backward=700.0, top_speed=1.5, top_incline=0.0,
            ),
        ),
        selected="first-steps",
    ),
    "session": schema.SessionSummary(
        boot=BOOT, program="first-steps", program_name="First steps", started=TIME, ended=TIME,
        outcome="finished", walked=880.0, backward=700.0, distance=300, top_speed=1.5, energy=20.0,
    ),
    "health": health.Health(
        boot=BOOT, time=TIME, uptime=3600.0, memory=34, versions={"kernel": "6.12", "bluez": "5.82"},
        host=health.HostHealth(
            name="pi-3", uptime=1e6, clock_synchronised=True, temperature=51.2, throttled=True,
            memory_free=1310, disk_free=21480,
        ),
        radio=health.RadioHealth(up=False, connections=3, rssi=-71, trouble="out of range"),
        last_session=health.LastSession(program="first-steps", ended=TIME, outcome="completed"),
        faults={"throttled": "Look at the power supply."},
    ),
    "walkers": training.Walkers(
        boot=BOOT, walkers=(training.WalkerName(id="anna", name="Anna"),), selected="anna"
    ),
    "plan": training.Plan(
        boot=BOOT, walker="anna", week=2, session=1, program="plan-2-1", title="Week 2, session 1",
        goal="6 times 1:00 min at 1.2 km/h", decision=Decision.ADVANCE, reason="one step further",
        due="2026-11-22", refusal="the next session of the plan is on 2026-11-22",
        weeks=(
            training.PlanWeek(week=1, speed=1.0, minutes=6.0, incline=0.0, done=3, sessions=3),
        ),
    ),
    "history": history.History(
        boot=BOOT,
        sessions=(
            history.HistorySession(
                id="20261120-073500-gym-9f86", program="first-steps", program_name="First steps",
                started=TIME, walker="ann", walked=880.0, backward=700.0, distance=300, top_speed=1.5,
                energy=20.5, alarms=1, outcome="completed", completed=True, effort=11,
            ),
        ),
        weeks=(
            history.HistoryWeek(
                monday="2026-11-16", sessions=3, walked=2600.0, backward=2000.0, distance=900,
                top_speed=1.5, energy=61.5, effort=11.3,
            ),
        ),
        question="20261120-073500-gym-9f86",
    ),
    "event": schema.EventNote(
        boot=BOOT, number=3, time=TIME, kind="moved", sentence="Now running.", data={"before": "idle"}
    ),
    "cue": schema.CueNote(
        number=4, time=TIME, kind=CueKind.STEADY, text="Steady", speed=1.0, within=5.0
    ),
    "command": schema.CommandNote(
        v=1, id="a1", command=Ask.START, program="first-steps", ts=1_800_000_000, expect="idle",
        boot=BOOT,
    ),
    "response": schema.ResponseNote(
        id="a1", reply=Reply.REFUSED, code="stale", sentence="Too old.", phase="idle"
    ),
}  # fmt: skip
BARE = {
    "state": schema.State(boot=BOOT, seq=0, time=TIME, phase=Phase.OFFLINE),
    "connection": schema.Connection(boot=BOOT, time=TIME, up=True),
    "info": schema.Info(boot=BOOT, id="gym", version="0.1.0", schemas={}),
    "programs": schema.Programs(programs=()),
    "session": schema.SessionSummary(boot=BOOT, program="x", program_name="X", started=TIME),
    "health": health.Health(
        boot=BOOT,
        time=TIME,
        uptime=0.0,
        versions={},
        host=health.HostHealth(name="pi-3", uptime=0.0, clock_synchronised=False),
        radio=health.RadioHealth(up=True, connections=1),
    ),
    "history": history.History(boot=BOOT),
    "walkers": training.Walkers(boot=BOOT),
    "plan": training.Plan(boot=BOOT),
    "event": schema.EventNote(boot=BOOT, number=0, time=TIME, kind="link", sentence=""),
    "cue": schema.CueNote(number=0, time=TIME, kind=CueKind.ALARM, text=""),
    "command": schema.CommandNote(v=1, id="a", command=Ask.PAUSE),
    "response": schema.ResponseNote(
        id=None, reply=Reply.ERROR, code="x", sentence="", phase="idle"
    ),
}


def validate(name, payload):
    text = schema_files.shipped_schema(name).read_text(encoding="utf-8")
    jsonschema.Draft202012Validator(json.loads(text)).validate(payload)


@pytest.mark.parametrize("name", schema.PAYLOADS)
def test_the_shipped_schema_is_the_one_of_the_code(name):
    shipped = schema_files.shipped_schema(name).read_text(encoding="utf-8")
    assert shipped == schema_files.schema_text(name), "python -m backstride.mqtt.schema_files"


@pytest.mark.parametrize("name", schema.PAYLOADS)
def test_a_schema_is_itself_valid(name):
    jsonschema.Draft202012Validator.check_schema(schema_files.build_schema(name))


@pytest.mark.parametrize("examples", [FULL, BARE], ids=["full", "bare"])
@pytest.mark.parametrize("name", schema.PAYLOADS)
def test_a_payload_fits_its_schema_and_comes_back_the_same(name, examples):
    encoded = schema.encode(examples[name])

    validate(name, json.loads(encoded))

    assert msgspec.json.decode(encoded, type=schema.PAYLOADS[name]) == examples[name]


@pytest.mark.parametrize("name", schema.PAYLOADS)
def test_every_payload_carries_its_version(name):
    assert json.loads(schema.encode(BARE[name]))["v"] == 1


def test_what_is_not_known_is_null_and_never_zero():
    state = json.loads(schema.encode(BARE["state"]))

    assert state["speed"] == {"measured": None, "target": None, "setpoint": None, "cap": None}
    assert {state[key] for key in ("age", "distance", "elapsed", "heart_rate", "energy")} == {None}


def test_a_published_payload_lacks_no_field():
    state = json.loads(schema.encode(BARE["state"]))
    del state["alarm"]

    with pytest.raises(jsonschema.ValidationError, match="'alarm' is a required property"):
        validate("state", state)


def test_a_later_field_does_not_break_a_reader():
    validate("state", {**json.loads(schema.encode(BARE["state"])), "new": 1})


def test_a_command_with_a_strange_key_is_refused_by_the_schema_too():
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        validate("command", {"v": 1, "id": "a", "command": "pause", "gear": 9})


@pytest.mark.parametrize(
    ("convert", "inside", "outside"),
    [
        (quantities.kmh, 120, 1.2),
        (quantities.kmh, 229, 2.29),
        (quantities.kmh, 0, 0.0),
        (quantities.kmh, None, None),
        (quantities.percent, 25, 2.5),
        (quantities.percent, -10, -1.0),
        (quantities.percent, None, None),
        (quantities.seconds, 1500, 1.5),
        (quantities.seconds, None, None),
    ],
)
def test_units_change_at_this_edge_only(convert, inside, outside):
    assert convert(inside) == outside


def test_every_speed_is_written_with_its_own_digits():
    wrong = [speed for speed in range(2501) if round(quantities.kmh(speed) * 100) != speed]
    assert wrong == []
    assert max(len(repr(quantities.kmh(speed))) for speed in range(2501)) == 5

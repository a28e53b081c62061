"""What Home Assistant is told: its own rules, which it enforces silently, and what a press sends.

The real integration is asked in tests/homeassistant; these are the rules that one can know without it.
"""

from __future__ import annotations

import re

import msgspec
import pytest
from msgspec.structs import replace

from backstride.domain.events import Ask
from backstride.domain.session import Phase
from backstride.domain.workout import Level
from backstride.mqtt import topics
from backstride.mqtt.decode import decode_command
from backstride.mqtt.homeassistant.builder import Treadmill
from backstride.mqtt.homeassistant.discovery import describe
from backstride.mqtt.homeassistant.entities import EVENTS
from backstride.mqtt.offers import LimitInfo, MachineInfo, RangeInfo
from backstride.mqtt.schema import (
    Info,
    ProgramInfo,
    Programs,
)
from backstride.mqtt.training import WalkerName, Walkers

HOME = Treadmill(id="living-room", name="Living room", prefix="backstride/living-room")
MACHINE = MachineInfo(
    name="FS-1234",
    address="AA:BB:CC:DD:EE:FF",
    fingerprint="x",
    speed=RangeInfo(minimum=0.8, maximum=12, increment=0.1),
    incline=None,
    belt_start="remote",
)
ALL = ("distance", "incline", "telemetry.heart_rate")
INFO = Info(
    boot="abcd1234",
    id="living-room",
    version="0.1.0",
    schemas={},
    capabilities=ALL,
    machine=MACHINE,
    limits={"speed": LimitInfo(value=4.0, unit="km/h", layer="site", reason="the site")},
)
UNKNOWN = replace(INFO, capabilities=(), machine=None, limits={})


def program(name, title=None, refusal=None):
    return ProgramInfo(
        id=name,
        name=title or name.title(),
        goal="walk",
        level=Level.BEGINNER,
        duration=60,
        refusal=refusal,
    )


PROGRAMS = Programs(programs=(program("first-steps", "First steps"), program("hill")))


WALKERS = Walkers(boot="abcd1234", walkers=(WalkerName(id="kari", name="Kari"),))


def announce(info=INFO, programs=PROGRAMS, treadmill=HOME, walkers=WALKERS):
    """The message as it is sent."""
    return msgspec.json.decode(msgspec.json.encode(describe(treadmill, info, programs, walkers)))


def components(*arguments, **more):
    return announce(*arguments, **more)["components"]


COMMON = {
    "platform", "unique_id", "name", "default_entity_id", "icon", "entity_category",
    "enabled_by_default", "qos", "availability", "json_attributes_topic",
    "json_attributes_template", "message_expiry_interval",
}  # fmt: skip
READ = {"state_topic", "value_template"}
WRITTEN = {"command_topic", "command_template"}
KEYS = {
    "sensor": READ
    | {
        "device_class", "unit_of_measurement", "state_class", "options",
        "suggested_display_precision",
    },
    "binary_sensor": READ | {"device_class"},
    "event": READ | {"device_class", "event_types"},
    "number": READ
    | WRITTEN
    | {"device_class", "unit_of_measurement", "min", "max", "step", "mode"},
    "select": READ | WRITTEN | {"options"},
    "switch": READ | WRITTEN | {"device_class"},
    "button": WRITTEN | {"device_class", "payload_press"},
}  # fmt: skip


@pytest.mark.parametrize("name", components())
def test_a_component_has_no_key_that_its_platform_does_not_know(name):
    component = components()[name]
    assert set(component) - COMMON - KEYS[component["platform"]] == set()


def test_what_is_mandatory_is_there_or_home_assistant_would_refuse_everything():
    message = announce()
    assert {"device", "origin", "components", "availability", "availability_mode"} == set(message)
    assert message["origin"] == {"name": "Backstride", "sw_version": "0.1.0"}
    assert message["device"] == {
        "identifiers": ["backstride_living-room"],
        "name": "Living room",
        "model": "FS-1234",
        "sw_version": "0.1.0",
    }
    for name, component in message["components"].items():
        assert {"platform", "unique_id", "name", "default_entity_id"} <= set(component), name
    ids = [component["unique_id"] for component in message["components"].values()]
    assert len(ids) == len(set(ids))


def test_everything_that_facts_ask_for_is_there_and_the_rest_of_the_commands_too():
    by_platform = {}
    for name, component in components().items():
        by_platform.setdefault(component["platform"], set()).add(name)
    valued = {Ask.SPEED, Ask.SELECT, Ask.VOICE, Ask.FEEDBACK, Ask.WALKER}
    assert by_platform == {
        "sensor": {
            "phase", "speed", "distance", "time", "step_remaining", "incline", "heart_rate",
            "signal", "answer", "today", "last_session", "week", "energy", "heart_ceiling",
        },
        "number": {"target_speed", "effort", "pain"},
        "select": {"program", "walker"},
        "button": {ask.value for ask in Ask} - {ask.value for ask in valued},
        "switch": {"voice"},
        "binary_sensor": {"link", "problem", "host", "question"},
        "event": {"session"},
    }  # fmt: skip


def test_an_older_home_assistant_makes_the_same_entity_ids_out_of_the_names():
    for name, component in components().items():
        shown = component["name"]
        slug = "living_room" if shown is None else f"living_room_{shown.lower()}".replace(" ", "_")
        assert component["default_entity_id"] == f"{component['platform']}.{slug}", name
    assert [name for name, each in components().items() if each["name"] is None] == ["phase"]


UNITS = {
    "speed": ("speed", "km/h", "measurement"),
    "target_speed": ("speed", "km/h", None),
    "distance": ("distance", "m", "total_increasing"),
    "time": ("duration", "s", "total_increasing"),
    "step_remaining": ("duration", "s", None),
    "incline": (None, "%", "measurement"),
    "heart_rate": (None, "bpm", "measurement"),
    "signal": ("signal_strength", "dBm", "measurement"),
    "heart_ceiling": (None, "bpm", "measurement"),
    "energy": (None, "kcal", "total_increasing"),
    "last_session": ("timestamp", None, None),
    "week": ("duration", "min", None),
    "phase": ("enum", None, None),
    "link": ("connectivity", None, None),
    "problem": ("problem", None, None),
    "host": ("problem", None, None),
}


@pytest.mark.parametrize("name", UNITS)
def test_classes_and_units_are_exact(name):
    keys = ("device_class", "unit_of_measurement", "state_class")
    assert tuple(components()[name].get(key) for key in keys) == UNITS[name]


def test_the_phase_lists_every_phase_and_the_signal_is_off_until_wanted():
    assert components()["phase"]["options"] == [phase.value for phase in Phase]
    assert components()["signal"]["enabled_by_default"] is False
    assert components()["session"]["event_types"] == list(EVENTS)


def test_stop_and_what_outlives_the_link_need_the_daemon_only():
    daemon, link = (f"{HOME.prefix}/{row.name}" for row in (topics.AVAILABILITY, topics.CONNECTION))
    message = announce()
    assert message["availability"] == [{"topic": daemon}]
    free = {name for name, each in message["components"].items() if "availability" not in each}
    assert free == {
        "phase", "answer", "session", "link", "problem", "stop", "acknowledge", "voice", "program", "host",
        "walker", "today", "last_session", "week", "question", "effort", "pain", "energy", "heart_ceiling",
    }  # fmt: skip
    for name in set(message["components"]) - free:
        listed = [each["topic"] for each in message["components"][name]["availability"]]
        assert listed == [daemon, link], name


def test_stop_is_a_constant_that_no_template_and_no_expiry_can_lose():
    stop = components()["stop"]
    assert stop["payload_press"] == "stop"
    assert {"command_template", "message_expiry_interval"} & set(stop) == set()
    assert stop["command_topic"] == f"{HOME.prefix}/command"


COMMANDING = [name for name, each in components().items() if "command_template" in each]
EXPRESSION = re.compile(r"\{\{ (.*?) \}\}(?!\})|\{\{ (.*?) \}\}", re.DOTALL)
RENDERED = {
    "(now().timestamp() * 1000) | int": "1795172832163",
    "range(10000, 99999) | random": "66163",
    "now().timestamp()": "1795172832.163",
    "state_attr(entity_id, 'boot') | tojson": '"abcd1234"',
    "value": "2.4",
    "value | int": "7",
    "'true' if value == 'ON' else 'false'": "false",
}


def render(template):
    """What Home Assistant sends: the expressions that occur, and no Jinja."""

    def evaluate(match):
        expression = match[1] or match[2]
        if expression.endswith(".get(value) | tojson"):
            names = msgspec.json.decode(expression.removesuffix(".get(value) | tojson"))
            return msgspec.json.encode(names.get("First steps") or names["Kari"]).decode()
        return RENDERED[expression]

    return EXPRESSION.sub(evaluate, template)


@pytest.mark.parametrize("name", COMMANDING)
def test_a_press_is_a_whole_command_with_id_time_and_boot(name):
    component = components()[name]
    note = decode_command(render(component["command_template"]).encode())
    wanted = {
        "target_speed": Ask.SPEED, "program": Ask.SELECT, "effort": Ask.FEEDBACK, "pain": Ask.FEEDBACK,
    }  # fmt: skip
    assert note.command is (wanted.get(name) or Ask(name))
    assert (note.id, note.ts, note.boot) == (
        "ha-1795172832163-66163",
        1795172832.163,
        "abcd1234",
    )
    assert (component["qos"], component["message_expiry_interval"]) == (1, 10)
    assert component["json_attributes_topic"] == f"{HOME.prefix}/info"
    assert note.speed == (2.4 if note.command is Ask.SPEED else None)
    assert note.on is (False if note.command is Ask.VOICE else None)
    assert note.program == ("first-steps" if note.command is Ask.SELECT else None)
    assert note.walker == ("kari" if note.command is Ask.WALKER else None)
    assert (note.effort, note.pain) == (
        7 if name == "effort" else None,
        7 if name == "pain" else None,
    )


def test_nothing_expires_on_a_broker_without_mqtt_5_where_home_assistant_would_refuse_to_send():
    found = components(treadmill=replace(HOME, expiry=False)).values()
    assert [each for each in found if "message_expiry_interval" in each] == []


def test_a_random_number_stays_below_what_home_assistant_refuses():
    ranges = [
        int(number)
        for name in COMMANDING
        for number in re.findall(r"range\(\d+, (\d+)\)", components()[name]["command_template"])
    ]
    assert len(ranges) == len(COMMANDING)
    assert max(ranges) < 100_000


def test_the_speed_is_asked_within_the_machines_and_the_limits_range():
    number = components()["target_speed"]
    assert (number["min"], number["max"], number["step"]) == (0.8, 4.0, 0.1)
    zero = replace(MACHINE, speed=RangeInfo(minimum=0, maximum=6, increment=0.5))
    number = components(replace(INFO, machine=zero))["target_speed"]
    assert (number["min"], number["max"], number["step"]) == (0.5, 4.0, 0.5)


def test_a_limit_below_the_machines_lowest_speed_is_still_a_range():
    low = {"speed": LimitInfo(value=0.5, unit="km/h", layer="walker", reason="slow")}
    number = components(replace(INFO, limits=low))["target_speed"]
    assert number["min"] == number["max"]


@pytest.mark.parametrize("name", ["incline", "heart_rate", "heart_ceiling", "distance"])
def test_what_a_machine_has_not_is_removed_by_its_platform_alone(name):
    assert components(replace(INFO, capabilities=()))[name] == {"platform": "sensor"}


def test_what_depends_on_the_machine_is_left_as_it_was_while_none_is_known():
    missing = set(components()) - set(components(UNKNOWN))
    assert missing == {"target_speed", "distance", "incline", "heart_rate", "heart_ceiling"}
    assert "model" not in announce(UNKNOWN)["device"]


def test_where_a_pin_is_asked_for_there_is_no_start():
    found = components(replace(INFO, capabilities=("pin",)))
    assert found["start"] == {"platform": "button"}
    assert "command_template" in found["confirm"]


def test_programs_are_offered_by_name_if_they_can_run_here():
    offered = Programs(
        programs=(
            program("a", "Walk"),
            program("b", "Walk"),
            program("c", 'The "5 %" }} walk'),
            program("d", "Too fast", refusal="it is too fast"),
        )
    )
    select = components(programs=offered)["program"]
    assert select["options"] == ["Walk (a)", "Walk (b)", 'The "5 %" }} walk']
    assert '"b":"Walk (b)"' in select["value_template"]
    assert '"Walk (b)":"b"' in select["command_template"]


def test_without_programs_there_is_nothing_to_choose_and_all_else():
    assert components(programs=Programs(programs=()))["program"]["options"] == []


def test_walkers_are_offered_by_name_and_nobody_is_one_of_them():
    people = tuple(
        WalkerName(id=key, name=name)
        for key, name in (("a", "Kari"), ("b", "Kari"), ("c", 'The "5 %" }} one'), ("d", "Nobody"))
    )
    select = components(walkers=Walkers(boot="b", walkers=people))["walker"]
    assert select["options"] == [
        "Nobody", "Kari (a)", "Kari (b)", 'The "5 %" }} one', "Nobody (d)",
    ]  # fmt: skip
    assert '"Kari (b)":"b"' in select["command_template"]
    assert '"Nobody":' not in select["command_template"]


def test_where_nobody_is_known_there_is_nothing_to_choose_and_before_that_is_said_it_stays_as_it_was():
    nobody = Walkers(boot="b")
    assert components(walkers=nobody)["walker"] == {"platform": "select"}
    assert "walker" not in components(walkers=None)

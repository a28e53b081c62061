"""What Home Assistant makes of a treadmill, and a whole session that is walked from it."""

from __future__ import annotations

import asyncio
import json
import time

import aiomqtt
import pytest
from house import ODD_NAME, RefusedError

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PLATFORMS = {
    "sensor": {
        "speed", "distance", "time", "step_remaining", "incline", "heart_rate", "answer", "today",
        "last_session", "week", "energy", "heart_ceiling",
    },
    "number": {"target_speed", "effort", "pain"},
    "select": {"program", "walker"},
    "button": {
        "start", "confirm", "pause", "continue", "skip", "faster", "slower", "finish", "acknowledge",
        "present", "stop",
    },
    "switch": {"voice"},
    "binary_sensor": {"link", "problem", "host", "question"},
    "event": {"session"},
}  # fmt: skip
SHAPES = {
    "sensor.treadmill": ("enum", None),
    "sensor.treadmill_speed": ("speed", "km/h"),
    "sensor.treadmill_distance": ("distance", "m"),
    "sensor.treadmill_time": ("duration", "s"),
    "sensor.treadmill_step_remaining": ("duration", "s"),
    "sensor.treadmill_incline": (None, "%"),
    "sensor.treadmill_heart_rate": (None, "bpm"),
    "sensor.treadmill_heart_ceiling": (None, "bpm"),
    "sensor.treadmill_energy": (None, "kcal"),
    "sensor.treadmill_last_session": ("timestamp", None),
    "sensor.treadmill_week": ("duration", "min"),
    "number.treadmill_target_speed": ("speed", "km/h"),
    "binary_sensor.treadmill_link": ("connectivity", None),
    "binary_sensor.treadmill_problem": ("problem", None),
    "binary_sensor.treadmill_host": ("problem", None),
}
ANSWER = "sensor.treadmill_answer"


def entities(house, treadmill):
    ours = (f".{treadmill}_", f".{treadmill}")
    return {e for e in house.states if e.endswith(ours[1]) or ours[0] in e}


async def test_every_entity_appears_under_a_short_name(house):
    wanted = {f"{p}.treadmill_{name}" for p, names in PLATFORMS.items() for name in names}
    assert wanted | {"sensor.treadmill"} == entities(house, "treadmill")
    assert house.attribute("sensor.treadmill", "friendly_name") == "treadmill"
    assert house.attribute("sensor.treadmill_speed", "friendly_name") == "treadmill Speed"


async def test_classes_and_units_are_those_that_home_assistant_knows(house):
    seen = {
        entity: (
            house.attribute(entity, "device_class"),
            house.attribute(entity, "unit_of_measurement"),
        )
        for entity in SHAPES
    }
    assert seen == SHAPES


async def test_the_signal_is_there_and_disabled_until_somebody_wants_it(house):
    registry = await house.ask("config/entity_registry/list")
    signal = [e for e in registry if e["entity_id"] == "sensor.treadmill_signal"]
    assert [e["disabled_by"] for e in signal] == ["integration"]
    assert [e["entity_category"] for e in signal] == ["diagnostic"]


async def test_one_device_has_them_all(house):
    devices = await house.ask("config/device_registry/list")
    ours = {d["name"]: d for d in devices if ["mqtt", "backstride_treadmill"] in d["identifiers"]}
    assert ["treadmill"] == list(ours)
    registry = await house.ask("config/entity_registry/list")
    owned = [e for e in registry if e["device_id"] == ours["treadmill"]["id"]]
    assert len(entities(house, "treadmill")) + 1 == len(owned)


async def test_a_machine_without_incline_has_no_entity_for_it(house):
    found = entities(house, "walking_pad")
    assert "sensor.walking_pad_speed" in found
    assert {
        "sensor.walking_pad_incline",
        "sensor.walking_pad_heart_rate",
        "sensor.walking_pad_heart_ceiling",
    } & found == set()


async def test_without_the_radio_only_what_needs_it_is_unavailable(house):
    needing = {"button.dropper_start", "button.dropper_confirm", "sensor.dropper_speed"}
    others = {"button.dropper_stop", "sensor.dropper", "switch.dropper_voice"}

    def look():
        """Which are unavailable, at a moment without the link: it is back within a second."""
        gone = {e for e in needing | others if house.state(e) == "unavailable"}
        return gone if house.state("binary_sensor.dropper_link") == "off" and gone else set()

    assert await house.until(lambda: look() if needing <= look() else None) == needing
    await house.until(lambda: not any(house.state(e) == "unavailable" for e in needing))


async def test_a_session_is_walked_and_stopped_by_the_buttons(house):
    phase, target = "sensor.treadmill", "number.treadmill_target_speed"
    await house.begin("treadmill", "Plain")
    await house.reach("sensor.treadmill_speed", "1.0")
    await house.reach(target, "1.0")
    assert house.attribute(phase, "program") == "Plain"
    assert house.attribute(phase, "sentence") == "walking"

    await house.press("treadmill_faster")
    await house.reach(target, "1.1")
    await house.reach("sensor.treadmill_speed", "1.1")
    await house.press("treadmill_slower")
    await house.reach(target, "1.0")
    await house.call("number.set_value", target, value=1.3)
    await house.reach(target, "1.3")
    await house.reach("sensor.treadmill_speed", "1.3")
    # Past Home Assistant's own check: the program's limit is 2.0 km/h, and the machine begins at 0.8.
    for speed, code in ((2.1, "too_fast"), (99, "too_fast"), (0.7, "too_slow")):
        new = {"ts": time.time(), "boot": house.attribute(target, "boot")}
        command = {"v": 1, "id": f"by-hand-{speed}", "command": "speed", "speed": speed, **new}
        await house.call(
            "mqtt.publish", topic="backstride/treadmill/command", payload=json.dumps(command)
        )
        await house.until(lambda code=code: house.attribute(ANSWER, "code") == code)
        assert house.state(target) == "1.3"

    await house.press("treadmill_skip")
    await house.until(lambda: "work" in house.attribute(phase, "step"))
    await house.press("treadmill_present")
    await house.reach(ANSWER, "good to hear")
    assert house.attribute(ANSWER, "reply") == "ok"

    await house.press("treadmill_pause")
    await house.until(lambda: house.attribute(phase, "sentence").startswith("paused"))
    await house.press("treadmill_continue")
    await house.reach(phase, "running")
    await house.press("treadmill_finish")
    await house.until(lambda: "cooldown" in house.attribute(phase, "step"))

    await house.press("treadmill_stop")
    await house.reach(phase, "finished")
    await house.reach("sensor.treadmill_speed", "0.0")
    walked = float(house.state("sensor.treadmill_distance"))
    assert walked > 0
    assert float(house.state("sensor.treadmill_time")) > 0
    await house.press("treadmill_acknowledge")
    await house.reach(phase, "idle")


async def test_what_home_assistant_cannot_send_and_what_the_daemon_refuses(house):
    number = "number.treadmill_target_speed"
    assert (0.8, 0.1) == (house.attribute(number, "min"), house.attribute(number, "step"))
    for value in (0.7, 4.1, 99, -1):
        with pytest.raises(RefusedError, match="range"):
            await house.call("number.set_value", number, value=value)
    # Within the range, but nobody walks: the daemon says no, and says why.
    await house.call("number.set_value", number, value=2.0)
    await house.until(lambda: house.attribute(ANSWER, "code") == "wrong_phase")
    assert house.attribute(ANSWER, "reply") == "refused"
    # What the number does not let through is refused at the daemon too.
    message = '{"v":1,"id":"by-hand-%s","command":"speed","speed":%s}'
    for value, code in (("99", "wrong_phase"), ('"fast"', "bad_value")):
        await house.call(
            "mqtt.publish",
            topic="backstride/treadmill/command",
            payload=message % (code, value),
        )
        await house.until(lambda wanted=code: house.attribute(ANSWER, "code") == wanted)
    assert house.state("sensor.treadmill") == "idle"


@pytest.mark.parametrize(("program", "limit"), [(ODD_NAME, 3.0), ("Plain", 2.0)])
async def test_the_range_is_that_of_the_limits_in_force(house, program, limit):
    """The program's own limit, some seconds after it was armed."""
    number = "number.treadmill_target_speed"
    await house.call("select.select_option", "select.treadmill_program", option=program)
    await house.press("treadmill_start")
    await house.until(lambda: house.attribute(number, "max") == limit)
    assert house.attribute(number, "min") == 0.8


async def test_a_program_is_chosen_by_its_name_whatever_that_is(house):
    select = "select.treadmill_program"
    assert {"Plain", ODD_NAME} < set(house.attribute(select, "options"))
    for name in (ODD_NAME, "Plain"):
        await house.call("select.select_option", select, option=name)
        await house.reach(select, name)
    with pytest.raises(RefusedError, match="not valid"):
        # Its id is no name.
        await house.call("select.select_option", select, option="plain")


async def test_whoever_is_chosen_has_a_session_for_today_among_the_programs(house):
    walker, today = "select.treadmill_walker", "sensor.treadmill_today"
    assert ["Nobody", "Kari"] == house.attribute(walker, "options")
    assert ("Nobody", "unknown") == (house.state(walker), house.state(today))
    await house.call("select.select_option", walker, option="Kari")
    await house.reach(walker, "Kari")
    await house.reach(today, "Week 1, session 1")
    assert ("kari", None) == (house.attribute(today, "walker"), house.attribute(today, "refusal"))
    program = "select.treadmill_program"
    await house.until(lambda: "Today: week 1, session 1" in house.attribute(program, "options"))
    await house.call("select.select_option", program, option="Today: week 1, session 1")
    await house.press("treadmill_start")
    await house.reach("sensor.treadmill", "armed")
    await house.until(lambda: house.state(ANSWER).startswith("Today: week 1, session 1: "))
    await house.press("treadmill_stop")
    await house.reach("sensor.treadmill", "finished")
    await house.call("select.select_option", program, option="Plain")
    await house.call("select.select_option", walker, option="Nobody")
    await house.reach(walker, "Nobody")
    await house.reach(today, "unknown")


async def test_how_the_last_session_was_is_asked_and_said(house):
    last, effort = "sensor.walking_pad_last_session", "number.walking_pad_effort"
    question, answer = "binary_sensor.walking_pad_question", "sensor.walking_pad_answer"
    assert ("on", "unknown") == (house.state(question), house.state(effort))
    walked = tuple(house.attribute(last, name) for name in ("walked", "backward", "effort"))
    assert (720, 360, None) == walked
    assert 12 == float(house.state("sensor.walking_pad_week"))
    with pytest.raises(RefusedError, match="range"):
        await house.call("number.set_value", effort, value=21)
    # What hurt can be said first; the question is answered by the effort.
    await house.call("number.set_value", "number.walking_pad_pain", value=1)
    await house.until(lambda: house.attribute(answer, "code") == "noted")
    assert house.state(question) == "on"
    await house.call("number.set_value", effort, value=13)
    await house.reach(effort, "13")
    await house.reach(question, "off")
    assert 13 == house.attribute(last, "effort")


async def test_the_voice_is_switched_off_and_on(house):
    await house.reach("switch.treadmill_voice", "on")
    await house.call("switch.turn_off", "switch.treadmill_voice")
    await house.reach("switch.treadmill_voice", "off")
    await house.call("switch.turn_on", "switch.treadmill_voice")
    await house.reach("switch.treadmill_voice", "on")


async def test_events_of_the_session_arrive(house):
    event = "event.treadmill_session"
    await house.press("treadmill_stop")
    await house.reach("sensor.treadmill", "finished")
    await house.until(lambda: house.attribute(event, "sentence") == "stopping to finished")
    assert house.attribute(event, "event_type") == "moved"


async def test_commands_are_made_anew_with_each_press(house, broker):
    """Two presses within a second are two commands: none is taken for the other's duplicate."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("backstride/treadmill/response", qos=1)
        await asyncio.gather(*(house.press("treadmill_present") for _ in range(2)))
        async with asyncio.timeout(20):
            answers = [json.loads((await anext(client.messages)).payload) for _ in range(2)]
    assert [answer["code"] for answer in answers] == ["thanks", "thanks"]
    assert len({answer["id"] for answer in answers}) == 2

"""The dashboard and the blueprints that are shipped, in the house that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


def walk_tree(value):
    """Every dictionary in a tree of YAML."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            yield from walk_tree(each)


@pytest.fixture
def core_cards(environment):
    """The cards that Home Assistant's own frontend has."""
    [folder] = Path(environment).parents[1].glob("lib/python3*/site-packages/hass_frontend")
    found = set()
    for path in (folder / "frontend_latest").glob("*.js"):
        found |= set(re.findall(rb'"hui-([a-z-]+)-card"', path.read_bytes()))
    return {name.decode() for name in found}


async def test_the_dashboard_loads_with_core_cards_and_entities_that_exist(house, core_cards):
    config = await house.ask("lovelace/config", url_path="treadmill-view")
    cards = [c for c in walk_tree(config) if "type" in c and ("entity" in c or "entities" in c)]
    assert len(cards) > 15
    assert {c["type"] for c in cards} - core_cards == set()
    entities = set()
    for each in walk_tree(config):
        named = each.get("entity"), each.get("entity_id"), *each.get("entities", ())
        entities |= {name for name in named if isinstance(name, str)}
        entities |= set(re.findall(r"'(sensor\.[a-z_]+)'", str(each.get("content", ""))))
    assert entities - set(house.states) == set()
    pressed = {e.removeprefix("button.treadmill_") for e in entities if e.startswith("button.")}
    have = {e.removeprefix("button.treadmill_") for e in house.states if "button.treadmill_" in e}
    assert have == pressed


async def test_the_blueprints_are_loaded_and_in_use(house):
    blueprints = await house.ask("blueprint/list", domain="automation")
    ours = {path: found for path, found in blueprints.items() if path.startswith("backstride/")}
    assert {"backstride/announce.yaml", "backstride/pause.yaml"} == set(ours)
    assert [found.get("error") for found in ours.values()] == [None, None]
    assert [house.state(f"automation.{name}") for name in ("announce", "pause")] == ["on", "on"]


async def test_cues_are_said_and_an_open_door_pauses_the_walk(house):
    await house.call("input_boolean.turn_off", "input_boolean.door")
    played = len(house.fired("played"))
    await house.begin("treadmill", "Plain")
    await house.until(lambda: len(house.fired("played")) > played)
    spoken = [
        data["service_data"] for data in house.fired("call_service") if data["service"] == "speak"
    ]
    assert {data["media_player_entity_id"] for data in spoken} == {"media_player.speaker"}
    assert house.attribute("sensor.treadmill", "cue") in {data["message"] for data in spoken}

    await house.call("input_boolean.turn_on", "input_boolean.door")
    await house.until(lambda: house.attribute("sensor.treadmill", "sentence").startswith("paused"))
    assert house.state("sensor.treadmill") == "holding"


async def test_a_door_that_opens_before_the_belt_runs_ends_the_session(house):
    await house.call("input_boolean.turn_off", "input_boolean.door")
    await house.call("select.select_option", "select.treadmill_program", option="Plain")
    await house.press("treadmill_start")
    await house.reach("sensor.treadmill", "armed")
    await house.call("input_boolean.turn_on", "input_boolean.door")
    await house.reach("sensor.treadmill", "finished")


async def test_a_silenced_treadmill_says_nothing(house):
    await house.call("switch.turn_off", "switch.treadmill_voice")
    await house.reach("switch.treadmill_voice", "off")
    before = len(house.fired("played"))
    await house.begin("treadmill", "Plain")
    assert house.attribute("sensor.treadmill", "cue") is not None
    assert len(house.fired("played")) == before
    await house.call("switch.turn_on", "switch.treadmill_voice")
    await house.reach("switch.treadmill_voice", "on")

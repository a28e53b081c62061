"""A strap in the daemon: over Bluetooth, through the session, to the broker and to Home Assistant."""

from __future__ import annotations

import asyncio
import json

import aiomqtt
import pytest

from backstride.service.settings import VIRTUAL, Walker

HOME = "home"
WITHIN_S = 60


@pytest.mark.hazard("H30")
def test_what_a_strap_measures_is_told_to_everybody_and_holds_the_belt(make_gym, run_paced):
    async def story():
        gym = make_gym({HOME: "ideal"})
        gym.limit(HOME, strap=VIRTUAL, walker=Walker(max_heart_rate=180))
        async with gym:
            board = gym.dashboard
            await gym.reach(HOME, "running")
            state = await board.until(
                lambda: (s := board.state(HOME)).get("heart_rate") and s.get("cost") and s, 60
            )
            heart = gym.pump(f"{HOME}/strap").machine
            heart.walks, heart.bpm = None, 170
            await board.phase(HOME, "holding", within=60)
            held = await board.until(lambda: "heart_rate" in board.state(HOME)["holding"])
            await board.send(HOME, "stop")
            await board.phase(HOME, "finished", within=60)
            session = await board.until(
                lambda: (s := board.latest[HOME].get("session", {})).get("outcome") and s, 20
            )
            return state, held, board.state(HOME), board.latest[HOME]["info"], session

    state, held, shown, info, session = run_paced(story())
    assert held
    assert ("strap", 152, True, 80) == (
        state["heart"]["source"],
        state["heart"]["ceiling"],
        state["heart"]["contact"],
        state["heart"]["battery"],
    )
    assert 170 == shown["heart"]["rate"]
    assert "telemetry.heart_rate" in info["capabilities"]
    assert session["cost"]["low"] <= session["energy"] <= session["cost"]["high"]
    assert state["cost"]["low"] <= state["cost"]["kcal"] <= state["cost"]["high"]


def test_home_assistant_gets_a_heart_rate_where_there_is_a_strap(make_gym, run_paced):
    async def story():
        gym = make_gym({HOME: "citysports", "bare": "citysports"})
        gym.limit(HOME, strap=VIRTUAL)
        found = {}
        async with (
            gym,
            aiomqtt.Client("127.0.0.1", gym.broker.port) as client,
            asyncio.timeout(WITHIN_S),
        ):
            await client.subscribe("homeassistant/device/#")
            async for message in client.messages:
                name = HOME if HOME in message.topic.value.split("/")[-2] else "bare"
                found[name] = json.loads(message.payload)["components"]
                if len(found) == 2 and "state_topic" in found[HOME].get("heart_rate", {}):
                    break
        return found

    found = run_paced(story())
    assert "state_topic" in found[HOME]["heart_rate"]
    assert "state_topic" not in found["bare"].get("heart_rate", {})

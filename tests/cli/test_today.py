"""From `walkers add` on the host to "today's session", armed over the broker at a running daemon."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest

from backstride.mqtt.remote import Remote, RemoteSettings
from backstride.mqtt.schema import Programs, State
from backstride.mqtt.training import Plan, Walkers

TYPES = {"walkers": Walkers, "plan": Plan, "programs": Programs, "state": State}


async def _until(port, topic, holds):
    async with asyncio.timeout(20), Remote(RemoteSettings(host="127.0.0.1", port=port)) as remote:
        async for news in remote.news():
            if news.topic == topic:
                payload = msgspec.json.decode(news.payload, type=TYPES[topic])
                if holds(payload):
                    return payload
    raise AssertionError(topic)


@pytest.fixture
def until(home):
    return lambda topic, holds: asyncio.run(_until(home.port, topic, holds))


@pytest.fixture
def ask(run, home):
    return lambda *words: run(*words, "--config", home.config)


@pytest.mark.hazard("H26")
def test_a_walker_is_added_chosen_and_armed_for_their_next_session(ask, until):
    ask("walkers", "add", "Anna", "--max-speed", "1.8 km/h")
    until("walkers", lambda w: [(each.id, each.name) for each in w.walkers] == [("anna", "Anna")])
    refused = json.loads(ask("start", "today", "--json").out)
    assert ("refused", "no_plan") == (refused["reply"], refused["code"])
    assert 1 == ask("walker", "nemo").code

    assert "this walker's limits hold here now" in ask("walker", "anna").out
    assert "anna" == until("walkers", lambda w: w.selected is not None).selected
    plan = until("plan", lambda p: p.walker == "anna")
    assert ("plan-1-1", "begin", None) == (plan.program, plan.decision, plan.refusal)
    offered = until("programs", lambda p: p.programs[0].id == "plan-1-1").programs
    assert (None, True) == (
        offered[0].refusal,
        "the walker's is cautious" in offered_of(offered, "hill"),
    )

    armed = json.loads(ask("start", "today", "--json").out)
    assert ("armed", True) == (armed["code"], armed["sentence"].startswith("Today: week 1"))
    state = until("state", lambda s: s.phase == "armed")
    assert ("plan-1-1", 1.5) == (state.program, state.speed.cap)
    assert 1 == ask("walker").code
    assert 0 == ask("stop").code
    until("state", lambda s: s.phase == "finished")
    hill = json.loads(ask("start", "hill", "--walker", "anna", "--json").out)
    assert "level" == hill["code"]
    assert "nobody in particular" in ask("walker").out
    assert until("plan", lambda p: p.walker is None).program is None


def offered_of(offered, name):
    return next(each.refusal or "" for each in offered if each.id == name)

"""The discovery message against the schemas of the real integration, and when it comes and goes."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import aiomqtt
import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

NEWER = {"default_entity_id", "message_expiry_interval"}
"""Keys that came with 2025.10 and 2026.6; an older one drops them."""


def topic(treadmill):
    return f"homeassistant/device/{treadmill}/config"


async def hear(broker, name, *, retained, within=20):
    """The next message on a topic: the stored one, or one that is sent from now on."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client, asyncio.timeout(within):
        await client.subscribe(name, qos=1)
        async for message in client.messages:
            if message.retain is retained:
                return message.payload
    raise AssertionError(name)


async def find_problems(python, payloads):
    """What the integration's own schemas say of each message, in its own environment."""
    process = await asyncio.create_subprocess_exec(
        python,
        str(Path(__file__).parent / "validate.py"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(json.dumps(payloads).encode())
    assert process.returncode == 0
    return json.loads(output)


async def test_the_integration_knows_every_key_and_likes_every_value(house, broker, environment):
    payloads = [
        json.loads(await hear(broker, topic(name), retained=True))
        for name in ("treadmill", "walking-pad")
    ]
    # And the check is one: what it would drop without a word is found.
    wrong = json.loads(json.dumps(payloads[0]))
    wrong["components"]["speed"]["statetopic"] = wrong["components"]["speed"].pop("state_topic")
    del wrong["origin"]["name"]
    *right, found = await find_problems(environment, [*payloads, wrong])
    assert [[p for p in problems if p[1] not in NEWER] for problems in right] == [[], []]
    assert [{p[1] for p in problems} for problems in right] == [NEWER, NEWER]
    assert ["speed", "statetopic", "unknown"] in found
    # A mandatory one that is missing takes everything along.
    there = {name for name, each in wrong["components"].items() if len(each) > 1}
    assert {"device"} | there == {p[0] for p in found if p[1] is None}


async def test_it_is_told_again_when_home_assistant_comes_up_and_not_otherwise(house, broker):
    """The birth is answered after 1 to 5 s, once however often it is said; nothing else ever is."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe(topic("treadmill"), qos=1)
        stored = await anext(client.messages)
        await client.publish("homeassistant/status", "offline", qos=1)
        await client.publish("homeassistant/status", b"\xff" * 4_000, qos=1)
        await client.publish("homeassistant/status", '{"command":"start"}', qos=1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(6):
                await anext(client.messages)
        before = time.monotonic()
        for _ in range(200):
            await client.publish("homeassistant/status", "online")
        async with asyncio.timeout(8):
            again = await anext(client.messages)
        assert 0.9 < time.monotonic() - before < 6
        assert stored.payload == again.payload
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(6):
                await anext(client.messages)
    assert house.state("sensor.treadmill") == "idle"


async def test_remove_takes_one_treadmill_away_and_the_next_birth_brings_it_back(
    house, daemon, broker
):
    code, output = await daemon.run("homeassistant", "remove", "--treadmill", "walking-pad")
    assert (0, True) == (code, "walking-pad" in output), output
    await house.until(lambda: not any(".walking_pad" in e for e in house.states))
    registry = await house.ask("config/entity_registry/list")
    assert [e for e in registry if ".walking_pad" in e["entity_id"]] == []
    devices = await house.ask("config/device_registry/list")
    assert ["mqtt", "backstride_walking-pad"] not in [i for d in devices for i in d["identifiers"]]
    with pytest.raises(TimeoutError):
        await hear(broker, topic("walking-pad"), retained=True, within=1)
    assert house.state("sensor.treadmill") == "idle"
    await house.call("mqtt.publish", topic="homeassistant/status", payload="online")
    await house.reach("sensor.walking_pad", "idle")
    await house.reach("button.walking_pad_start", "unknown")


async def test_show_prints_what_is_announced(house, daemon, broker):
    code, output = await daemon.run("homeassistant", "show", "--treadmill", "treadmill")
    assert code == 0, output
    stored = await hear(broker, topic("treadmill"), retained=True)
    assert json.loads(stored) == json.loads(output)

"""`backstride homeassistant`: what is announced, and making it forgotten."""

from __future__ import annotations

import asyncio
import json

import aiomqtt

from backstride.cli.exits import Exit
from backstride.mqtt.broker import free_port

TOPIC = "homeassistant/device/home/config"
WAIT_S = 15.0


async def hear(port):
    """What is announced, once it is."""
    async with aiomqtt.Client("127.0.0.1", port) as client, asyncio.timeout(WAIT_S):
        await client.subscribe(TOPIC, qos=1)
        async for message in client.messages:
            return json.loads(message.payload)
    raise AssertionError("nothing")


def test_show_prints_what_the_daemon_announces(run, home):
    announced = asyncio.run(hear(home.port))
    result = run("homeassistant", "show", "--config", home.config)
    assert (result.code, result.err) == (Exit.OK, "")
    assert json.loads(result.out) == announced
    assert announced["device"]["name"] == "home"


def test_remove_empties_the_topic_and_says_that_it_is_not_for_good(run, home):
    asyncio.run(hear(home.port))

    async def forget():
        async with aiomqtt.Client("127.0.0.1", home.port) as client, asyncio.timeout(WAIT_S):
            await client.subscribe(TOPIC, qos=1)
            stored = await anext(client.messages)
            result = await asyncio.to_thread(
                run, "homeassistant", "remove", "--treadmill", "home", "-c", home.config
            )
            emptied = await anext(client.messages)
        return stored, emptied, result

    stored, emptied, result = asyncio.run(forget())
    assert (stored.retain, emptied.payload) == (True, b"")
    assert result.code == Exit.OK
    assert result.out.startswith("Home Assistant forgets home.")
    assert "discovery = false" in result.out


def test_remove_takes_all_that_are_configured_without_a_choice(run, home):
    result = run("homeassistant", "remove", "-c", home.config)
    assert (result.code, "forgets home." in result.out) == (Exit.OK, True)


def test_a_treadmill_that_nobody_knows_has_no_answer_to_show(run, home):
    result = run("homeassistant", "show", "--treadmill", "elsewhere", "-c", home.config)
    assert result.code == Exit.NO_ANSWER
    assert "is its daemon running?" in result.err


def test_without_a_broker_both_say_so(run, home):
    for command in ("show", "remove"):
        address = f"127.0.0.1:{free_port()}"
        result = run("homeassistant", command, "--broker", address, "-c", home.config)
        assert (result.code, "no connection to the broker" in result.err) == (Exit.NO_BROKER, True)


def test_an_id_that_cannot_be_one_is_wrong_usage(run, home):
    result = run("homeassistant", "remove", "--treadmill", "a/b/#", "-c", home.config)
    assert result.code == Exit.USAGE

"""One side goes away and comes back: nobody has to do anything."""

from __future__ import annotations

import asyncio
import json

import aiomqtt
import pytest

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

PHASE = "sensor.treadmill"
BUTTONS = ("start", "stop")


async def sees_the_belt(house, broker):
    """Wait until the daemon of which the buttons know measures a speed: before, it arms nothing."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client, asyncio.timeout(20):
        await client.subscribe("backstride/treadmill/state", qos=1)
        async for message in client.messages:
            state = json.loads(message.payload)
            known = house.attribute("button.treadmill_confirm", "boot")
            if state["boot"] == known and state["speed"]["measured"] is not None:
                return


async def walk_a_little(house, broker):
    """Arm and stop: commands arrive, states follow."""
    await sees_the_belt(house, broker)
    await house.call("select.select_option", "select.treadmill_program", option="Plain")
    await house.reach("select.treadmill_program", "Plain")
    await house.press("treadmill_start")
    await house.reach(PHASE, "armed")
    await house.press("treadmill_stop")
    await house.reach(PHASE, "finished")


def buttons(house):
    return [house.state(f"button.treadmill_{name}") == "unavailable" for name in BUTTONS]


async def test_a_daemon_that_starts_anew_is_commanded_with_its_new_boot(house, daemon, broker):
    before = house.attribute("button.treadmill_confirm", "boot")
    await daemon.stop()
    await house.until(lambda: buttons(house) == [True, True])
    await daemon.start()
    await house.until(lambda: buttons(house) == [False, False])
    await house.until(
        lambda: house.attribute("button.treadmill_confirm", "boot") not in {before, None}
    )
    await house.reach(PHASE, "idle")
    await walk_a_little(house, broker)


async def test_a_broker_that_starts_anew_and_has_forgotten_everything(house, broker):
    await broker.stop()
    await house.until(lambda: buttons(house) == [True, True])
    await broker.start()
    # Home Assistant comes back within 10 s, the daemon within some more.
    await house.until(
        lambda: buttons(house) == [False, False],
    )
    await house.reach(PHASE, "idle")
    await walk_a_little(house, broker)


async def test_home_assistant_that_starts_anew_finds_everything_as_it_was(
    house, broker, record_property
):
    before = {e for e in house.states if "treadmill" in e}
    await house.rest("treadmill")
    took = await house.restart()
    record_property("figure", f"Home Assistant: RUNNING in {took}")
    await house.until(lambda: before <= set(house.states))
    await house.until(lambda: buttons(house) == [False, False])
    await house.reach(PHASE, "idle")
    await house.until(lambda: house.attribute("button.treadmill_confirm", "boot") is not None)
    await walk_a_little(house, broker)

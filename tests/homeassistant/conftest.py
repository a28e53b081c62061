"""A real Home Assistant, a real broker and a real daemon with virtual treadmills, once for all tests here.

They need an environment of 0.8 GB that nothing else needs, so that only `make test-homeassistant`
runs them: it names the environment in BACKSTRIDE_HOMEASSISTANT.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import aiomqtt
import pytest
import pytest_asyncio

from backstride.mqtt.broker import Mosquitto, free_port

HERE = Path(__file__).parent
sys.path.append(str(HERE))

# Modules beside the tests, which are no package.
from house import House  # noqa: E402  see above
from household import Daemon, furnish  # noqa: E402  see above

ENVIRONMENT = os.environ.get("BACKSTRIDE_HOMEASSISTANT")
collect_ignore_glob = [] if ENVIRONMENT else ["test_*.py"]
BIRTH_S = 60.0


@pytest.fixture(scope="session")
def environment():
    """The interpreter of Home Assistant's environment."""
    return f"{ENVIRONMENT}/bin/python"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(tmp_path_factory):
    async with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def daemon(tmp_path_factory, broker):
    daemon = Daemon(tmp_path_factory.mktemp("daemon"), broker.port)
    await daemon.start()
    yield daemon
    await daemon.stop()


async def hear_birth(listener):
    """Wait until Home Assistant has said that it is up, and the first treadmill has answered."""
    born = False
    async with asyncio.timeout(BIRTH_S):
        async for message in listener.messages:
            topic = message.topic.value
            born = born or (topic, message.payload) == ("homeassistant/status", b"online")
            if born and topic == "homeassistant/device/treadmill/config":
                return


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def home(tmp_path_factory, environment, broker, daemon):
    """Home Assistant, up, with every treadmill connected."""
    house = House(
        environment,
        tmp_path_factory.mktemp("house"),
        port=free_port(),
        broker_port=broker.port,
    )
    furnish(house)
    try:
        async with aiomqtt.Client("127.0.0.1", broker.port) as listener:
            await listener.subscribe("homeassistant/#")
            await house.start()
            await hear_birth(listener)
        for link in ("treadmill", "walking_pad", "dropper"):
            await house.reach(f"binary_sensor.{link}_link", "on")
        yield house
    finally:
        await house.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def house(home):
    """The house with its first treadmill at rest, before and after; nothing that we did annoyed it."""
    await home.rest("treadmill")
    yield home
    await home.rest("treadmill")
    assert home.complaints() == []

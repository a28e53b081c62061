"""When Home Assistant is told of a treadmill, over a real broker; the pauses are short here."""

from __future__ import annotations

import asyncio
import json

import pytest

from backstride.domain.events import Ask, Request
from backstride.mqtt.broker import BrokerFiles
from backstride.mqtt.homeassistant import announcer
from backstride.mqtt.schema import Info, Programs, encode
from backstride.mqtt.settings import HomeAssistant
from backstride.ports import Publication

TOPIC = "homeassistant/device/gym/config"
QUIET_S = 0.5
INFO = Info(boot="abcd1234", id="gym", version="1", schemas={})
PROGRAMS = Programs(programs=())


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(announcer, "EARLIEST_S", 0.05)
    monkeypatch.setattr(announcer, "LATEST_S", 0.1)


def tell(bench, info=INFO, programs=PROGRAMS):
    for name, payload in (("info", info), ("programs", programs)):
        bench.bus.publish(Publication(name, encode(payload), retain=True))


@pytest.fixture
async def announced(broker, make_bench, observe):
    """A bus that has announced itself, and somebody who has heard it."""
    observer = await observe(broker.port, "homeassistant/#", "backstride/#")
    bench = make_bench(broker.port, homeassistant=HomeAssistant(name="The gym"))
    await bench.up()
    tell(bench)
    first = await observer.next(TOPIC)
    return bench, observer, first


async def is_quiet(observer):
    """Nothing is announced for a while."""
    try:
        await observer.next(TOPIC, timeout=QUIET_S)
    except TimeoutError:
        return True
    return False


async def test_it_is_announced_once_info_and_programs_are_known(announced, broker, observe):
    _, observer, first = announced
    message = json.loads(first.payload)
    assert message["device"]["name"] == "The gym"
    assert message["components"]["start"]["message_expiry_interval"] == 10
    assert await is_quiet(observer)
    late = await observe(broker.port, TOPIC)
    stored = await late.next(TOPIC)
    assert (stored.retain, stored.qos) == (True, 1)


async def test_it_is_not_announced_again_while_nothing_has_changed(announced):
    bench, observer, _ = announced
    for _ in range(20):
        tell(bench)
    assert await is_quiet(observer)


async def test_it_is_announced_anew_when_something_has_changed(announced):
    bench, observer, first = announced
    tell(bench, Info(boot="abcd1234", id="gym", version="2", schemas={}))
    again = await observer.next(TOPIC)
    assert json.loads(again.payload)["device"]["sw_version"] == "2"
    assert first.payload != again.payload


async def test_a_birth_is_answered_once_however_often_it_is_said(announced, monkeypatch):
    _, observer, first = announced
    monkeypatch.setattr(announcer, "EARLIEST_S", 2.0)
    monkeypatch.setattr(announcer, "LATEST_S", 2.0)
    for _ in range(100):
        await observer.client.publish("homeassistant/status", b"online", qos=0)
    again = await observer.next(TOPIC)
    assert first.payload == again.payload
    assert await is_quiet(observer)


@pytest.mark.parametrize(
    "payload",
    [b"", b"offline", b"ONLINE ", b"\xff\x00", b"stop", b'{"command":"stop"}', b"x" * 100_000],
)
@pytest.mark.hazard("H02", "H27")
async def test_nothing_else_on_that_topic_does_anything(announced, payload):
    bench, observer, _ = announced
    await observer.client.publish("homeassistant/status", payload, qos=1)
    assert await is_quiet(observer)
    assert bench.events.of(Request) == []


@pytest.mark.hazard("H02")
async def test_a_retained_birth_does_nothing_but_that(broker, make_bench, observe):
    observer = await observe(broker.port, "homeassistant/#")
    await observer.client.publish("homeassistant/status", b"online", qos=1, retain=True)
    bench = make_bench(broker.port, homeassistant=HomeAssistant(name="x"))
    await bench.up()
    assert await is_quiet(observer)
    tell(bench)
    await observer.next(TOPIC)
    assert bench.events.of(Request) == []


async def test_a_broker_that_has_forgotten_everything_is_told_again(announced, broker, observe):
    bench, _, first = announced
    await broker.kill()
    await broker.start()
    await bench.up(2)
    stored = await (await observe(broker.port, TOPIC)).next(TOPIC)
    assert first.payload == stored.payload


async def test_without_discovery_nothing_is_said_and_nothing_listened_to(
    broker, make_bench, observe
):
    observer = await observe(broker.port, "homeassistant/#")
    bench = make_bench(broker.port)
    await bench.up()
    tell(bench)
    await observer.client.publish("homeassistant/status", b"online", qos=1)
    assert await is_quiet(observer)
    assert bench.bus.counters()["foreign"] == 0


async def test_on_mqtt_3_1_1_nothing_expires(broker, make_bench, observe):
    observer = await observe(broker.port, TOPIC)
    settings = HomeAssistant(name="x")
    bench = make_bench(broker.port, homeassistant=settings, mqtt5=False)
    await bench.up()
    tell(bench)
    message = json.loads((await observer.next(TOPIC)).payload)
    assert "message_expiry_interval" not in message["components"]["start"]
    await observer.client.publish("homeassistant/status", b"online", qos=1)
    assert json.loads((await observer.next(TOPIC)).payload) == message


async def test_a_broker_that_keeps_home_assistants_topics_to_itself_still_brings_commands(
    tmp_path, start_broker, make_bench, observe
):
    acl = tmp_path / "acl"
    acl.write_text("topic readwrite backstride/#\n")
    broker = await start_broker(BrokerFiles(acl=acl))
    bench = make_bench(broker.port, homeassistant=HomeAssistant(name="x"))
    await bench.up()
    tell(bench)
    observer = await observe(broker.port)
    await observer.send("command/stop")
    await bench.events.until(Ask.STOP)
    async with asyncio.timeout(5):
        while not bench.bus.counters()["publishes_refused"]:
            bench.bus.publish(Publication("state", b"{}"))
            await observer.next("backstride/gym/state")
    assert [each.ask for each in bench.events.of(Request)] == [Ask.STOP]

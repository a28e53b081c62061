"""The contract's document against a running daemon: every example sent, everything published judged.

`BACKSTRIDE_RECORD=1 pytest tests/system/test_contract.py` writes anew what the document shows as received.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time

import aiomqtt
import jsonschema
import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from backstride.mqtt import examples, schema_files, topics
from backstride.mqtt.examples import EXAMPLES, Published
from backstride.mqtt.pin import PinHash
from backstride.mqtt.schema import PAYLOADS

TREADMILL, GUARDED = "home", "guarded"
WHOLE_STEPS = 3
"""Steps of a program that the document shows; the rest only repeats them."""
SHOWN_PROGRAMS = ("demo", "backward-jog")


class Ear:
    """Hears everything on the broker as it was published, flags and properties too."""

    def __init__(self, client):
        self.client = client
        self.messages = []

    async def listen(self):
        keep = SubscribeOptions(qos=1, retainAsPublished=True, noLocal=True)
        await self.client.subscribe("backstride/#", options=keep)
        async for message in self.client.messages:
            self.messages.append(message)


@contextlib.asynccontextmanager
async def listening(port):
    async with aiomqtt.Client(
        "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, timeout=60
    ) as client:
        ear = Ear(client)
        task = asyncio.create_task(ear.listen())
        try:
            yield ear
        finally:
            task.cancel()
            await asyncio.wait({task})


def payload_of(example, boot):
    """The bytes to send: with the real time and boot where a dashboard would stamp them."""
    if isinstance(example.payload, str):
        return example.payload.encode()
    payload = dict(example.payload)
    for key, value in (("ts", time.time()), ("boot", boot)):
        if key in payload and (example.stamped or payload[key] in {examples.BOOT, examples.SENT}):
            payload[key] = value
    return json.dumps(payload).encode()


async def send(gym, ear, example):
    """Send one example in its phase, and return its answer."""
    dashboard = gym.dashboard
    treadmill = GUARDED if example.guarded else TREADMILL
    topic = f"backstride/{treadmill}/{example.topic}"

    def ready():
        state = dashboard.state(treadmill)
        here = state.get("phase") == example.phase
        return here and example.stage in {None, state["stage"]} and state["age"] is not None

    await dashboard.until(ready, within=600)
    properties = Properties(PacketTypes.PUBLISH)
    if example.expiry is not None:
        properties.MessageExpiryInterval = example.expiry
    before = len(dashboard.of(treadmill, "response"))
    boot = dashboard.latest[treadmill]["info"]["boot"]
    await ear.client.publish(
        topic, payload_of(example, boot), qos=1, retain=example.retain,
        properties=properties,
    )  # fmt: skip
    wanted = 1
    if example.retain:
        # Nothing may stay behind on the broker; what removes it is a retained message as well.
        await ear.client.publish(topic, b"", qos=1, retain=True)
        wanted = 2
    await dashboard.until(lambda: len(dashboard.of(treadmill, "response")) >= before + wanted)
    return dashboard.of(treadmill, "response")[before]


async def lose_the_radio(gym):
    """A third session, in which the link breaks: alarms, a fault, a connection that is down."""
    await gym.reach(TREADMILL, "running")
    gym.pump(TREADMILL).act(lambda machine, now: machine.drop_clients(now))
    await gym.dashboard.phase(TREADMILL, "faulted", within=600)
    await gym.dashboard.send(TREADMILL, "acknowledge")


@pytest.fixture
def pin_file(tmp_path):
    path = tmp_path / "pin"
    path.write_text(PinHash.make(examples.PIN).write())
    path.chmod(0o600)
    return path


@pytest.fixture
def tape(make_gym, run_paced, monkeypatch, pin_file):
    """What was answered to each example, and every message of the daemon's life."""
    # The document describes a host whose clock is kept by a time service; this one's may not be.
    monkeypatch.setattr("backstride.service.assembly.is_synchronised", lambda: True)

    async def story():
        gym = make_gym({TREADMILL: "ideal", GUARDED: "ideal"})
        gym.limit(GUARDED, pin_file=str(pin_file))
        await gym.broker.start()
        async with listening(gym.broker.port) as ear:
            async with gym:
                answers = {example.name: await send(gym, ear, example) for example in EXAMPLES}
                await lose_the_radio(gym)
            await asyncio.sleep(1)
            return answers, ear.messages

    return run_paced(story())


@pytest.mark.hazard("H01", "H02")
@pytest.mark.timeout(180)
def test_the_daemon_does_what_the_document_says(tape):
    answers, messages = tape
    expected = {e.name: (e.reply.value, e.code) for e in EXAMPLES}
    assert expected == {name: (a["reply"], a["code"]) for name, a in answers.items()}
    spoken = [m for m in messages if not name_of(m).startswith("command")]
    assert {t.name for t in topics.TABLE if t.direction == "out"} == {name_of(m) for m in spoken}
    assert sorted({complaint for m in spoken for complaint in faults(m)}) == []
    if os.environ.get("BACKSTRIDE_RECORD"):
        record(answers, [m for m in spoken if f"/{TREADMILL}/" in m.topic.value])
    shown = examples.published()
    strange = [
        f"{topic}: {each.name}"
        for topic, published in shown.items()
        for each in published
        if not any(resembles(topic, each.payload, message) for message in spoken)
    ]
    assert strange == [], "like nothing that was received: BACKSTRIDE_RECORD=1 records anew"
    assert set(answers) == {each.name for each in shown["response"]}


def name_of(message):
    return message.topic.value.split("/", 2)[2]


def read(message):
    text = message.payload.decode()
    return text if name_of(message) == topics.AVAILABILITY.name else json.loads(text)


VALIDATORS = {
    name: jsonschema.Draft202012Validator(
        schema_files.build_schema(name),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
    )
    for name in PAYLOADS.keys() - {"command"}
}


def faults(message):
    """What is not as the table of topics and the JSON Schema have it."""
    topic = topics.BY_NAME[name_of(message)]
    expiry = getattr(message.properties, "MessageExpiryInterval", None)
    if topic.expiry is None:
        timely = expiry is None
    else:
        # The broker counts down while a message is on its way.
        timely = expiry is not None and topic.expiry - 5 <= expiry <= topic.expiry
    if not timely:
        yield f"{topic.name}: expiry {expiry}, not {topic.expiry}"
    if message.qos != topic.qos:
        yield f"{topic.name}: QoS {message.qos}, not {topic.qos}"
    if message.retain != topic.retain:
        yield f"{topic.name}: retain {message.retain}, not {topic.retain}"
    content = getattr(message.properties, "ContentType", None)
    if content != topic.content.value:
        yield f"{topic.name}: content {content}, not {topic.content.value}"
    if topic.schema is not None:
        for error in VALIDATORS[topic.schema].iter_errors(read(message)):
            yield f"{topic.name}: {error.json_path}: {error.message[:100]}"


NAMED = ("phase", "kind", "up", "reply", "code")
"""Fields whose values say what a message is about."""


def resembles(topic, shown, message):
    if name_of(message) != topic:
        return False
    heard = read(message)
    return about(shown) == about(heard) and alike(shown, heard)


def about(payload):
    return {key: payload.get(key) for key in NAMED} if isinstance(payload, dict) else payload


def alike(shown, heard):
    """Whether two payloads have the same fields of the same kinds; what is not known fits everything."""
    if shown is None or heard is None:
        return True
    match shown, heard:
        case dict(), dict():
            free = shown.keys() - {"data", "versions", "faults"}
            return shown.keys() == heard.keys() and all(alike(shown[k], heard[k]) for k in free)
        case list(), list():
            # The document shows lists shortened.
            return not shown or not heard or any(alike(shown[0], each) for each in heard)
        case (bool(), bool()) | (str(), str()):
            return True
        case _:
            return isinstance(shown, int | float) and isinstance(heard, int | float)


# -- recording -------------------------------------------------------------------------------------


NEWEST = ("info", "programs", "history")
"""Topics of which the last message tells most; of the others the first, of states the fullest."""


def record(answers, messages):
    """Write what the document shows: one message of each kind, with the boot of the examples."""
    found = {}
    for message in messages:
        topic, payload = name_of(message), shorten(read(message))
        key = topic, label(topic, payload)
        fuller = topic == "state" and filled(payload) >= filled(found.get(key))
        if key[1] and (key not in found or topic in NEWEST or fuller):
            found[key] = payload
    shown = {topic.name: [] for topic in topics.TABLE if topic.direction == "out"}
    for (topic, name), payload in found.items():
        shown[topic].append(Published(name, payload))
    shown["response"] = [Published(name, payload) for name, payload in answers.items()]
    text = msgspec.json.format(msgspec.json.encode(shown), indent=1).decode()
    boot = found["info", "info"]["boot"]
    examples.RECORDED.write_text(text.replace(boot, examples.BOOT) + "\n")
    examples.published.cache_clear()


def label(topic, payload):
    """The name under which the document shows a message; empty: it does not."""
    match topic:
        case "availability":
            return payload
        case "connection":
            return "up" if payload["up"] else "down"
        case "state":
            return (
                payload["stage"]
                if payload["stage"] in {"paused", "waiting for confirm"}
                else payload["phase"]
            )
        case "session":
            return "over" if payload["ended"] else "present"
        case "event" | "cue":
            return payload["kind"]
        case "response":
            return ""
        case _:
            return topic


def filled(payload):
    return -1 if payload is None else sum(value is not None for value in payload.values())


SOME_HOST = {
    "name": "pi-3",
    "uptime": 1209600.0,
    "temperature": 51.2,
    "throttled": False,
    "memory_free": 1310,
    "disk_free": 21480,
}
SOME_VERSIONS = {"python": "3.13.5", "kernel": "6.12.47+rpt-rpi-v8", "bluez": "5.82"}
"""In place of the host that recorded: what a Raspberry Pi says."""


def shorten(payload):
    if isinstance(payload, dict) and "versions" in payload:
        versions = payload["versions"] | SOME_VERSIONS
        return {**payload, "versions": versions, "host": payload["host"] | SOME_HOST, "memory": 34}
    if isinstance(payload, dict) and "programs" in payload:
        kept = [p for p in payload["programs"] if p["id"] in SHOWN_PROGRAMS]
        for program in kept:
            del program["steps"][WHOLE_STEPS:]
        return {**payload, "programs": kept}
    if isinstance(payload, dict) and "sessions" in payload:
        return {**payload, "sessions": payload["sessions"][:1]}
    return payload

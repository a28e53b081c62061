"""The other end of the topics, against a real broker: found, refused, lost, answered."""

from __future__ import annotations

import asyncio
import subprocess

import aiomqtt
import msgspec
import pytest

from backstride.domain.events import Ask
from backstride.domain.notices import Reply
from backstride.mqtt.broker import (
    BrokerFiles,
    InProcessBroker,
    Mosquitto,
    find_mosquitto,
    free_port,
)
from backstride.mqtt.remote import NoAnswerError, NoBrokerError, Remote, RemoteSettings
from backstride.mqtt.schema import CommandNote, Info, ResponseNote, encode

pytestmark = pytest.mark.skipif(
    find_mosquitto() is None, reason="needs mosquitto: apt-get install mosquitto"
)

BOOT = "boot-0123"


@pytest.fixture
async def broker(tmp_path):
    async with Mosquitto(tmp_path) as broker:
        yield broker


def settings(broker, **more) -> RemoteSettings:
    return RemoteSettings(host=broker.host, port=broker.port, **more)


@pytest.fixture
async def daemon(broker):
    """Publishes `info` of treadmill `home` and answers every command; keeps what it got."""
    got: list[CommandNote] = []

    async def serve(deaf: int = 0) -> None:
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.subscribe("backstride/home/command", qos=1)
            info = Info(boot=BOOT, id="home", version="0", schemas={})
            await client.publish("backstride/home/info", encode(info), qos=1, retain=True)
            async for message in client.messages:
                note = msgspec.json.decode(message.payload, type=CommandNote)
                got.append(note)
                if len(got) > deaf:
                    answer = ResponseNote(
                        id=note.id, reply=Reply.OK, code="ok", sentence="done", phase="idle"
                    )
                    await client.publish("backstride/home/response", encode(answer), qos=1)

    tasks = []

    def start(**how) -> list[CommandNote]:
        tasks.append(asyncio.create_task(serve(**how)))
        return got

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
async def test_a_command_carries_what_proves_it_new_and_gets_its_answer(broker, daemon, protocol):
    got = daemon()
    async with Remote(settings(broker, protocol=protocol)) as remote:
        answer = await remote.send("home", Ask.START, "demo")
    (note,) = got
    assert (answer.sentence, answer.id, note.program, note.boot) == ("done", note.id, "demo", BOOT)
    assert isinstance(note.ts, int)


async def test_the_treadmills_that_the_broker_knows_are_found(broker, daemon):
    daemon()
    async with Remote(settings(broker)) as remote:
        assert await remote.find_treadmills() == ("home",)


async def test_a_stop_is_sent_again_until_it_is_answered(broker, daemon):
    got = daemon(deaf=2)
    async with Remote(settings(broker)) as remote:
        await remote.find_treadmills(wait=1_000)
        assert (await remote.send("home", Ask.STOP)).reply is Reply.OK
    assert (len(got), {note.command for note in got}) == (3, {Ask.STOP})


async def test_silence_is_no_answer(broker):
    async with Remote(settings(broker)) as remote:
        with pytest.raises(NoAnswerError, match="is its daemon running"):
            await remote.send("home", Ask.STOP, patience=700)


async def test_no_broker_is_told_with_where_it_was_looked_for():
    port = free_port()
    with pytest.raises(NoBrokerError, match=f"no connection to the broker at 127.0.0.1:{port}"):
        async with Remote(RemoteSettings(host="127.0.0.1", port=port)):
            pass


async def test_a_broker_that_dies_ends_the_news_and_a_waiting_command(broker):
    async with Remote(settings(broker)) as remote:
        sending = asyncio.create_task(remote.send("home", Ask.STOP))
        await asyncio.sleep(0)
        await broker.kill()
        with pytest.raises(NoBrokerError):
            await sending
        with pytest.raises(NoBrokerError):
            async for _ in remote.news():
                pass


async def test_a_wrong_password_and_a_forbidden_command_are_told_apart(tmp_path):
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    passwords.touch(0o600)
    await asyncio.to_thread(
        subprocess.run,
        ["mosquitto_passwd", "-b", str(passwords), "wall", "secret"],
        check=True,
        capture_output=True,
    )
    acl.write_text("user wall\ntopic read backstride/#\n")
    async with Mosquitto(tmp_path, files=BrokerFiles(passwords=passwords, acl=acl)) as broker:
        with pytest.raises(NoBrokerError, match=r"(?i)not auth|bad user"):
            async with Remote(settings(broker, user="wall", password="wrong")):
                pass
        async with Remote(settings(broker, user="wall", password="secret")) as remote:
            with pytest.raises(NoBrokerError, match="does not let us command"):
                await remote.send("home", Ask.STOP)


async def test_a_broker_that_only_knows_3_1_1_is_reached_without_waiting():
    pytest.importorskip("amqtt", reason="install backstride[demo]")
    async with InProcessBroker() as broker, asyncio.timeout(4), Remote(settings(broker)) as remote:
        assert await remote.find_treadmills(wait=100) == ()


def test_the_password_is_not_in_the_representation():
    assert "hunter2" not in repr(RemoteSettings(user="a", password="hunter2"))

"""The look at the broker that `backstride doctor` takes: let in, refused, not trusted, not allowed."""

import asyncio
import subprocess

import aiomqtt
import pytest

from backstride.mqtt.broker import BrokerFiles, Mosquitto, free_port
from backstride.mqtt.probe import Reception, Rights, Welcome, probe
from backstride.mqtt.remoteclient import RemoteSettings
from backstride.mqtt.settings import Tls

EVERYTHING = Rights(listens=True, writes=True, reads=True)


@pytest.fixture
def passwords(tmp_path):
    path = tmp_path / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", path, "gym", "secret-gym"]
    subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture
def start_strict(start_broker, passwords, tmp_path):
    """Start a broker that allows `gym` one thing only."""

    async def start(rule: str) -> Mosquitto:
        acl = tmp_path / "acl"
        acl.write_text(f"user gym\ntopic {rule}\n")
        return await start_broker(BrokerFiles(passwords=passwords, acl=acl))

    return start


@pytest.fixture
def look():
    """Take one look as `gym`."""

    async def look(port: int, **settings) -> Reception:
        own = {"user": "gym", "password": "secret-gym", **settings}
        return await probe(RemoteSettings(host="127.0.0.1", port=port, **own), ("gym",))

    return look


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_with_all_rights_everything_is_as_it_should_be(
    start_broker, passwords, look, protocol
):
    broker = await start_broker(BrokerFiles(passwords=passwords))
    expected = Reception(welcome=Welcome.IN, protocol=protocol, rights={"gym": EVERYTHING})
    assert expected == await look(broker.port, protocol=protocol)


async def test_a_wrong_password_is_a_refusal(start_broker, passwords, look):
    broker = await start_broker(BrokerFiles(passwords=passwords))
    seen = await look(broker.port, password="secret-wrong")
    assert (Welcome.REFUSED, "Not authorized") == (seen.welcome, seen.detail)


@pytest.mark.parametrize(
    ("rule", "protocol", "expected"),
    [
        ("readwrite backstride/gym/#", "5", EVERYTHING),
        ("read backstride/gym/#", "5", Rights(listens=True, writes=False, reads=False)),
        ("write backstride/gym/#", "5", Rights(listens=True, writes=True, reads=False)),
        ("readwrite backstride/other/#", "3.1.1", Rights(listens=True, writes=None, reads=False)),
    ],
)
async def test_an_access_list_shows(start_strict, look, rule, protocol, expected):
    broker = await start_strict(rule)
    seen = await look(broker.port, protocol=protocol)
    assert {"gym": expected} == seen.rights


async def test_nobody_there_is_unreachable(look):
    assert (await look(free_port())).welcome is Welcome.UNREACHABLE


# paho leaves the socket of a failed handshake to the garbage collector, which says so.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_server_of_another_authority_is_not_trusted(start_broker, certificates, look):
    files = BrokerFiles(certificate=certificates / "server.pem", key=certificates / "server.key")
    broker = await start_broker(files)
    seen = await look(broker.port, tls=Tls(ca=str(certificates / "other.pem")))
    assert seen.welcome is Welcome.UNTRUSTED
    assert "certificate" in seen.detail


async def test_a_missing_file_of_our_own_is_named(broker, look):
    seen = await look(broker.port, tls=Tls(ca="/nowhere/ca.pem"))
    assert (Welcome.UNTRUSTED, "No such file or directory") == (seen.welcome, seen.detail)


async def test_nothing_is_commanded_and_nothing_is_kept(broker, look):
    async with aiomqtt.Client("127.0.0.1", broker.port) as watcher:
        await watcher.subscribe("#")
        await look(broker.port)
        await watcher.publish("end")
        seen = []
        async with asyncio.timeout(10):
            async for message in watcher.messages:
                if message.topic.value == "end":
                    break
                seen.append((message.topic.value.rsplit("-", 1)[0], message.payload))
    assert [("backstride/gym/response/doctor", b"")] == seen

    async with aiomqtt.Client("127.0.0.1", broker.port) as late:
        await late.subscribe("#")
        await late.publish("end")
        assert "end" == (await asyncio.wait_for(anext(late.messages), 10)).topic.value

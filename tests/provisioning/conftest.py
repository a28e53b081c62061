"""A broker's files as they are written, a mosquitto that reads them, and clients as each role."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiomqtt
import pytest

from backstride.mqtt.broker import Mosquitto, find_mosquitto, free_port
from backstride.mqtt.remoteclient import RemoteClient
from backstride.provisioning.authority import utc_now
from backstride.provisioning.drafts import Draft, draft_init
from backstride.provisioning.house import House
from backstride.provisioning.mosquitto import Flavour, Kind, Listeners, find_plugins

WAIT_S = 10.0
MOSQUITTO_21 = Path(__file__).parents[2] / ".tools" / "mosquitto-2.1"
"""Made by tools/mosquitto-2.1, where a newer mosquitto can be had."""


def owner() -> str | None:
    """Who mosquitto becomes when root starts it."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("mosquitto").pw_name
    return None


class AsWritten(Mosquitto):
    """Mosquitto with a configuration that was written for it, and nothing added."""

    def __init__(self, directory: Path, configuration: Path) -> None:
        super().__init__(directory)
        self._written = configuration

    def _configuration(self) -> list[str]:
        return self._written.read_text().splitlines()


class Site:
    """A house with its broker: `mill-1` and `mill-2`, and whoever the kind of house brings."""

    def __init__(self, house: House, draft: Draft, configuration: Path, scratch: Path) -> None:
        self.house = house
        self.owner = owner()
        self.passwords = dict(draft.shown)
        self.broker = AsWritten(scratch, configuration)
        self.clients = contextlib.AsyncExitStack()

    def proof(self, name: str) -> dict[str, object]:
        """What a client needs to be this name: a certificate, or a name and a password over TLS."""
        place = self.house.find(name)
        context = ssl.create_default_context(cafile=str(self.house.files.authority))
        if place is not None and (place / f"{name}.pem").exists():
            context.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
            return {"port": self.house.listeners.tls, "tls_context": context}
        password = self.passwords.get(name)
        if password is None:
            password = (place / f"{name}.password").read_text().strip()
        login = {"username": name, "password": password, "tls_context": context}
        if self.house.kind is Kind.GYM:
            # People and screens come with a browser.
            return {**login, "port": self.house.listeners.websockets, "transport": "websockets"}
        return {**login, "port": self.house.listeners.tls}

    async def reload(self) -> None:
        """Let mosquitto read its files again, as `systemctl reload` does."""
        os.kill(self.broker.pid, signal.SIGHUP)
        async with asyncio.timeout(WAIT_S):
            await self.broker.logged("Reloading config")

    async def connect(self, name: str, *topics: str, **proof: object) -> Client:
        """Connect as this name, and listen."""
        # Unlike aiomqtt's own, this client notices that it was hung up on before an answer.
        client = RemoteClient(
            "127.0.0.1",
            protocol=aiomqtt.ProtocolVersion.V5,
            timeout=WAIT_S,
            **(proof or self.proof(name)),
        )
        await self.clients.enter_async_context(client)
        for topic in topics:
            await client.subscribe(topic, qos=1)
        return Client(client)


class Client:
    """Somebody at the broker."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client

    async def say(self, topic: str, payload: str = "x", *, retain: bool = False) -> None:
        await self._client.publish(topic, payload, qos=1, retain=retain)

    def vanish(self) -> None:
        """Close the connection without a word, so that the broker publishes the will."""
        self._client._client._sock_close()

    async def hear_until(self, last: str) -> list[str]:
        """Everything that comes, up to the message with this payload, as `topic payload`."""
        heard: list[str] = []
        async with asyncio.timeout(WAIT_S):
            async for message in self._client.messages:
                text = message.payload.decode()
                if text == last:
                    return heard
                heard.append(f"{message.topic.value} {text}")
        raise AssertionError("the connection was lost")


type MakeSite = Callable[..., Awaitable[Site]]


@pytest.fixture
async def make_site(tmp_path: Path, monkeypatch) -> AsyncIterator[MakeSite]:
    """Make a house's files, and start its broker."""
    if find_mosquitto() is None:
        pytest.fail("mosquitto is not installed; `apt install mosquitto` brings it")
    # Mosquitto gives root's rights away and must still find the files: pytest's directories are closed.
    place = Path(tempfile.mkdtemp(prefix="backstride-"))
    place.chmod(0o755)  # noqa: ASYNC240  a moment, in a fixture
    sites: list[Site] = []

    async def make(kind: Kind, flavour: Flavour = Flavour.V20, **more) -> Site:
        plugins = find_plugins()
        if flavour is Flavour.V21:
            if not (MOSQUITTO_21 / "mosquitto").is_file():
                pytest.skip("no mosquitto 2.1 is here; tools/mosquitto-2.1 fetches one")
            monkeypatch.setenv("PATH", str(MOSQUITTO_21), prepend=os.pathsep)
            plugins = find_plugins(MOSQUITTO_21 / "root")
        house = House(
            directory=place / f"{len(sites)}",
            kind=kind,
            hosts=("127.0.0.1", "localhost"),
            prefix="backstride",
            listeners=Listeners(tls=free_port(), websockets=free_port(), **more),
        )
        draft = draft_init(house, ("mill-1", "mill-2"), plugins, utc_now())
        draft.plan.apply(owner())
        site = Site(house, draft, house.files.configuration(flavour), tmp_path)
        sites.append(site)
        await site.broker.start()
        return site

    yield make
    for site in sites:
        await site.clients.aclose()
        await site.broker.stop()
    shutil.rmtree(place)


@pytest.fixture
async def start_site(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[Site]]]:
    """Start the broker of a house whose files are there, with lines added to its configuration."""
    if find_mosquitto() is None:
        pytest.fail("mosquitto is not installed; `apt install mosquitto` brings it")
    sites: list[Site] = []

    async def start(house: House, draft: Draft, more: str = "") -> Site:
        written = house.files.configuration(Flavour.V20).read_text()
        configuration = tmp_path / f"{house.directory.name}.conf"
        configuration.write_text(written + more)
        site = Site(house, draft, configuration, tmp_path)
        sites.append(site)
        await site.broker.start()
        return site

    yield start
    for site in reversed(sites):
        await site.clients.aclose()
        await site.broker.stop()


@pytest.fixture
async def stranger() -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Connect as nobody in particular, to a broker that lets everybody in."""
    async with contextlib.AsyncExitStack() as stack:

        async def connect(port: int, *topics: str) -> Client:
            client = RemoteClient(
                "127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5, timeout=WAIT_S
            )
            await stack.enter_async_context(client)
            for topic in topics:
                await client.subscribe(topic, qos=1)
            return Client(client)

        yield connect

"""A look at the broker without a session: are we let in, and may we say and hear what is ours?

It comes under a name of its own, so that a daemon which is at work stays connected. It writes one message
that is not retained, to a response topic that nobody asked for, and never a command.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from enum import StrEnum
from typing import Final

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from msgspec import Struct
from paho.mqtt.reasoncodes import ReasonCode

from backstride.mqtt import topics
from backstride.mqtt.client import FAILURE
from backstride.mqtt.remoteclient import HungUpError, RemoteClient, RemoteSettings, make_client

ECHO_S: Final = 1.0
"""For our own message to come back; a broker needs milliseconds."""
_UNSUPPORTED_VERSION: Final = 0x84


class Welcome(StrEnum):
    """How the broker received us."""

    IN = "in"
    """We are in."""
    REFUSED = "refused"
    """It does not let us in: user, password or certificate."""
    UNTRUSTED = "untrusted"
    """TLS failed: a certificate, a file of ours, or a port without TLS."""
    UNREACHABLE = "unreachable"
    """There is no connection, or nobody on it who speaks MQTT."""


class Rights(Struct, frozen=True, kw_only=True):
    """What the broker lets us do for one treadmill. `writes` None: MQTT 3.1.1 does not tell."""

    listens: bool
    writes: bool | None
    reads: bool


class Reception(Struct, frozen=True, kw_only=True):
    """What came of it. `detail` is the broker's or the system's reason; `rights` by treadmill."""

    welcome: Welcome
    protocol: str
    detail: str = ""
    rights: dict[str, Rights] = {}


async def probe(settings: RemoteSettings, treadmills: tuple[str, ...]) -> Reception:
    """Connect once, try the treadmills' topics, and leave."""
    versions = {"5": aiomqtt.ProtocolVersion.V5, "3.1.1": aiomqtt.ProtocolVersion.V311}
    names = list(versions) if settings.protocol == "auto" else [settings.protocol]
    while True:
        name = names.pop(0)
        try:
            client = make_client(settings, versions[name])
            async with client:
                tells = name == "5"
                rights = {
                    one: await _try(client, f"{settings.prefix}/{one}", tells=tells)
                    for one in treadmills
                }
                return Reception(welcome=Welcome.IN, protocol=name, rights=rights)
        except (aiomqtt.MqttError, OSError, ValueError) as error:
            if names and _knows_no_5(error):
                continue
            return Reception(welcome=_judge(error), protocol=name, detail=_tell(error))


async def _try(client: RemoteClient, prefix: str, *, tells: bool) -> Rights:
    mark = f"{prefix}/{topics.RESPONSE.name}/doctor-{secrets.token_hex(4)}"
    wanted = [f"{prefix}/{row.name}" for row in (topics.COMMAND, topics.SCALAR)]
    codes = await client.subscribe([(topic, 0) for topic in (*wanted, mark)])
    values = [code.value if isinstance(code, ReasonCode) else code for code in codes]
    client.refused = 0
    await client.publish(mark, b"", qos=1)
    refused = bool(client.refused)
    heard = not refused and await _hears(client, mark)
    return Rights(
        listens=all(value < FAILURE for value in values[: len(wanted)]),
        writes=not refused if tells or heard else None,
        reads=heard,
    )


async def _hears(client: RemoteClient, topic: str) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ECHO_S):
            async for message in client.messages:
                if message.topic.value == topic:
                    return True
    return False


def _code(error: Exception) -> int | None:
    rc = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    return rc.value if isinstance(rc, ReasonCode) else rc


def _knows_no_5(error: Exception) -> bool:
    return isinstance(error, HungUpError) or _code(error) == _UNSUPPORTED_VERSION


def _cause(error: Exception) -> BaseException:
    """What aiomqtt made its error of; it hides that with `from None`."""
    return error.__cause__ or error.__context__ or error


def _judge(error: Exception) -> Welcome:
    # A file of ours that cannot be read comes before any connection.
    if isinstance(_cause(error), ssl.SSLError | FileNotFoundError | PermissionError):
        return Welcome.UNTRUSTED
    return Welcome.REFUSED if isinstance(error, MqttConnectError) else Welcome.UNREACHABLE


def _tell(error: Exception) -> str:
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return cause.verify_message
    rc = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
    if isinstance(rc, ReasonCode):
        return rc.getName()  # type: ignore[no-any-return,no-untyped-call,unused-ignore]
    if isinstance(cause, OSError) and cause.strerror:
        return f"{cause.strerror}: {cause.filename}" if cause.filename else cause.strerror
    return str(error) or type(error).__name__

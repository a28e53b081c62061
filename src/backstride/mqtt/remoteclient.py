"""One connection of a watcher to the broker: aiomqtt with what it keeps to itself made visible."""

from __future__ import annotations

import secrets
import socket
from typing import Any, Final

import aiomqtt
from msgspec import Struct
from paho.mqtt import client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from backstride.mqtt import topics
from backstride.mqtt.client import FAILURE, Tls

KEEPALIVE_S: Final = 10
TIMEOUT_S: Final = 5.0


class RemoteSettings(Struct, frozen=True, kw_only=True):
    """Where the broker is and who we are. `protocol` is `auto`, `5` or `3.1.1`."""

    host: str = "localhost"
    port: int = 1883
    user: str | None = None
    password: str | None = None
    tls: Tls | None = None
    prefix: str = topics.ROOT
    protocol: str = "auto"

    def __repr__(self) -> str:
        return f"RemoteSettings({self.host!r}, {self.port}, user={self.user!r})"


class HungUpError(aiomqtt.MqttError):
    """No CONNACK came: a broker going down, or one that does not know this version of MQTT."""


class RemoteClient(aiomqtt.Client):
    """aiomqtt drops the reason of a PUBACK; whether the broker let a command through is worth knowing."""

    refused: int = 0

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        self.refused = reason_code.value if reason_code.value >= FAILURE else 0
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            # A broker that only knows 3.1.1 hangs up without a word: do not wait for one.
            self._connected.set_exception(HungUpError("the broker hung up before it answered"))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)


def make_client(settings: RemoteSettings, version: aiomqtt.ProtocolVersion) -> RemoteClient:
    """Build a client for one attempt; nothing is sent yet."""
    v5 = version is aiomqtt.ProtocolVersion.V5
    tls = settings.tls
    client = RemoteClient(
        settings.host,
        settings.port,
        username=settings.user,
        password=settings.password,
        identifier=f"backstride-cli-{secrets.token_hex(4)}",
        protocol=version,
        clean_session=None if v5 else True,
        clean_start=True if v5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
        timeout=TIMEOUT_S,
        keepalive=KEEPALIVE_S,
        tls_params=None
        if tls is None
        else aiomqtt.TLSParameters(ca_certs=tls.ca, certfile=tls.certificate, keyfile=tls.key),
        socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )
    client._client.connect_timeout = TIMEOUT_S  # noqa: SLF001  aiomqtt has no name for it
    return client
